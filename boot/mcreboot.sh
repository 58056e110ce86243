#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Brings an LWK up: reserves CPUs and memory, makes an OS instance of them, boots the image.
set -u

usage() {
	cat <<'USAGE'
Usage: mcreboot.sh [OPTION]...

Reserves CPUs and memory, makes an OS instance that has them, and boots the LWK
on it. What fails is undone. mcstop+release.sh takes it all down again.

  -c LIST        the CPUs (default: the upper half of NUMA node 0's)
  -m LIST        the memory (default: 512M@0)
  -r MAP         which Linux CPUs serve them, as 2,3:0+4-7:1
  -o USER[:GROUP]  who may run programs there, beside root: the user, and the group
  -t             turbo
  -s             safe kernel map
  -h             idle CPUs halt
  -O             allow more threads than CPUs
  -T 0|1         time sharing
  -d 0|24        level of dumps (default 24)
  -e STRING      more kernel arguments
  -f FACILITY, -i SECONDS, -k 0|1   for the monitor daemon
  -q IRQ, -R     accepted, without meaning here
  --help         this text
  --version      the version

The module and the image are found where this script is installed, or in the
build tree beside it (MCKERNEL_BUILD names another); MCKERNEL_IMG names another
image. Exit status: 0 done, 1 refused, 2 wrong usage.
USAGE
}

# wrong VALUE RULE: what the caller wrote breaks the rule.
wrong() {
	echo "mcreboot.sh: '$1': $2 (see mcreboot.sh --help)" >&2
	exit 2
}

fail() {
	echo "error: $*" >&2
	exit 1
}

# one_of VALUE OPTION CHOICE...: VALUE has to be among the choices.
one_of() {
	local value=$1 option=$2 choice
	shift 2
	for choice; do
		[ "$value" = "$choice" ] && return
	done
	wrong "$value" "-$option is one of: $*"
}

# ---- where things are ----

here=$(dirname "$(realpath "$0")")
if [ -x "$here/ihkconfig" ]; then
	module=$here/../lib/mckernel/$(uname -r)/ihk.ko
	image=$here/../lib/mckernel/mckernel.img
	PATH=$here:$PATH
else
	build=${MCKERNEL_BUILD:-${VM_BUILD:-$here/../build}}
	module=$build/ihk/$(uname -r)/ihk.ko
	image=$build/mckernel/mckernel.img
	PATH=$build/bin:$PATH
fi
image=${MCKERNEL_IMG:-$image}
records=/run/mckernel

# ---- the command line ----

cpus=
mem=512M@0
ikc_map=
owner=
turbo=
safe_kernel_map=
idle_halt=
oversubscribe=
time_sharing=
dump_level=24
extra=

while getopts :c:m:r:o:f:i:k:q:d:tshORT:e:-: option; do
	case $option in
	c) cpus=$OPTARG ;;
	m) mem=$OPTARG ;;
	r) ikc_map=$OPTARG ;;
	o) owner=$OPTARG ;;
	t) turbo=turbo ;;
	s) safe_kernel_map=safe_kernel_map ;;
	h) idle_halt=idle_halt ;;
	O) oversubscribe=allow_oversubscribe ;;
	T)
		one_of "$OPTARG" T 0 1
		[ "$OPTARG" = 0 ] || time_sharing=time_sharing
		;;
	d)
		one_of "$OPTARG" d 0 24
		dump_level=$OPTARG
		;;
	e) extra=$OPTARG ;;
	f) one_of "$OPTARG" f LOG_LOCAL{0,1,2,3,4,5,6,7} ;;
	k) one_of "$OPTARG" k 0 1 ;;
	i) [[ $OPTARG =~ ^(-1|[0-9]+)$ ]] || wrong "$OPTARG" "-i is a number of seconds, or -1" ;;
	q) [[ $OPTARG =~ ^[0-9]+$ ]] || wrong "$OPTARG" "-q is a number" ;;
	R) ;;
	-)
		case $OPTARG in
		help) usage ;;
		version) ihkconfig --version | sed 's/^ihkconfig/mcreboot.sh/' ;;
		*) wrong "--$OPTARG" "unknown option" ;;
		esac
		exit
		;;
	:) wrong "-$OPTARG" "the option's value is missing" ;;
	*) wrong "-$OPTARG" "unknown option" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1" "no operand is expected"

# mem_reserved: what is reserved and in no instance, as lines "NODE BYTES".
mem_reserved() {
	ihkconfig 0 query mem | tr , '\n' |
		awk -F @ 'NF == 2 { sum[$2] += $1 } END { for (node in sum) printf "%d %.0f\n", node, sum[node] }'
}

# mem_gained BEFORE AFTER: what came between two answers of mem_reserved, as a list.
mem_gained() {
	awk 'NR == FNR { before[$1] = $2; next }
		$2 > before[$1] { printf "%s%.0f@%d", comma, $2 - before[$1], $1; comma = "," }' \
		<(echo "$1") <(echo "$2")
}

# The upper half of node 0's online CPUs, without CPU 0.
default_cpus() {
	local list=() cpu
	for cpu in /sys/devices/system/node/node0/cpu[0-9]*; do
		[ "$(cat "$cpu/online" 2>/dev/null)" = 1 ] && list+=("${cpu##*/cpu}")
	done
	mapfile -t list < <(printf '%s\n' "${list[@]}" | sort -n)
	# CPU 0 has no file `online`: with it there are ${#list[@]} + 1.
	local count=$(((${#list[@]} + 1) / 2))
	[ "$count" -gt 0 ] && [ -n "${list[0]}" ] || return
	(
		IFS=,
		echo "${list[*]: -count}"
	)
}

# ---- undoing ----

os= # index of the instance, once made
took_cpus=
took_mem=
inserted=

undo() {
	[ -z "$os" ] || ihkosctl "$os" shutdown 2>/dev/null
	[ -z "$os" ] || ihkconfig 0 destroy "$os"
	[ -z "$took_cpus" ] || ihkconfig 0 release cpu "$cpus"
	[ -z "$took_mem" ] || ihkconfig 0 release mem "$took_mem"
	[ -z "$inserted" ] || rmmod ihk
}

# ---- the way up ----

[ "$(id -u)" = 0 ] || fail "this needs root"
[ -n "$cpus" ] || cpus=$(default_cpus)
[ -n "$cpus" ] || fail "no available CPUs on NUMA node 0?"
[ -f "$image" ] || fail "loading kernel image: $image: no such file"

# One at a time: what is reserved between two looks at it is ours.
mkdir -p "$records" || exit
exec 9>"$records/lock"
flock 9

trap undo EXIT
trap 'exit 1' HUP INT TERM

if [ ! -c /dev/mcd0 ]; then
	[ -f "$module" ] || fail "inserting ihk.ko: $module: no such file"
	insmod "$module" || fail "inserting ihk.ko"
	inserted=1
fi

before=$(mem_reserved)
ihkconfig 0 reserve mem "$mem" || exit
# Of "all" we got a certain amount, and others may have had some before.
took_mem=$(mem_gained "$before" "$(mem_reserved)")
ihkconfig 0 reserve cpu "$cpus" || exit
took_cpus=1
os=$(ihkconfig 0 create) || exit
ihkosctl "$os" assign cpu "$cpus" || exit
[ -z "$ikc_map" ] || ihkosctl "$os" set ikc_map "$ikc_map" || exit
ihkosctl "$os" assign mem "$took_mem" || exit
ihkosctl "$os" load "$image" || exit

kargs=hidos
for word in "$turbo" "$safe_kernel_map" "$idle_halt" "dump_level=$dump_level" "$extra" \
	"$oversubscribe" "$time_sharing"; do
	[ -z "$word" ] || kargs+=" $word"
done
ihkosctl "$os" kargs "$kargs" || exit
ihkosctl "$os" boot || exit
[ -z "$owner" ] || chown "$owner" "/dev/mcos$os" || exit
case $owner in *:?*) chmod g+w "/dev/mcos$os" || exit ;; esac

# What mcstop+release.sh takes down.
echo "$cpus" >"$records/os$os"
trap - EXIT
