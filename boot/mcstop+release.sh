#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Takes down what mcreboot.sh brought up: programs, instance, CPUs, memory, module.
set -u

usage() {
	cat <<'USAGE'
Usage: mcstop+release.sh [OPTION]...

Shuts down and destroys the OS instances that mcreboot.sh made, gives their CPUs
and memory back to Linux, and removes the module if nobody else uses it.

  -k         kill the programs that run there (without it they are a refusal)
  -R         keep the module loaded
  -r PATH    the rmmod to use
  --help     this text
  --version  the version

Exit status: 0 done, 1 refused, 2 wrong usage.
USAGE
}

wrong() {
	echo "mcstop+release.sh: '$1': $2 (see mcstop+release.sh --help)" >&2
	exit 2
}

here=$(dirname "$(realpath "$0")")
if [ -x "$here/ihkconfig" ]; then
	PATH=$here:$PATH
else
	PATH=${MCKERNEL_BUILD:-${VM_BUILD:-$here/../build}}/bin:$PATH
fi
records=/run/mckernel

kill_users=
keep_module=
rmmod=rmmod

while getopts :kRr:-: option; do
	case $option in
	k) kill_users=1 ;;
	R) keep_module=1 ;;
	r) rmmod=$OPTARG ;;
	-)
		case $OPTARG in
		help) usage ;;
		version) ihkconfig --version | sed 's/^ihkconfig/mcstop+release.sh/' ;;
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

# proxies INDEX: the pids of an instance's programs. Each has a mapping of this name.
proxies() {
	grep -lsE " /?mccontrol$1( |\$)" /proc/[0-9]*/maps | sed 's,/proc/,,; s,/maps,,'
}

# Kill the instance's programs; they may make more while we do.
kill_proxies() {
	local pids round
	for round in {1..100}; do
		[ "$(ihkosctl "$1" get counters | sed -n 's/^proxies //p')" != 0 ] || return 0
		pids=$(proxies "$1")
		# shellcheck disable=SC2086 # a list of numbers
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null
		sleep 0.1
	done
	echo "error: programs on instance $1 do not end after $round rounds of kill -9" >&2
	return 1
}

# take_down INDEX: returns non-zero, with the reason said, when a step is refused.
take_down() {
	local os=$1 cpus mem status
	[ -z "$kill_users" ] || kill_proxies "$os" || return
	status=$(ihkosctl "$os" get status) || return
	[ "$status" = INACTIVE ] || ihkosctl "$os" shutdown || return
	cpus=$(ihkosctl "$os" query cpu) && mem=$(ihkosctl "$os" query mem) || return
	ihkconfig 0 destroy "$os" || return
	rm -f "$records/os$os"
	[ -z "$cpus" ] || ihkconfig 0 release cpu "$cpus" || return
	[ -z "$mem" ] || ihkconfig 0 release mem "$mem"
}

[ "$(id -u)" = 0 ] || { echo "error: this needs root" >&2; exit 1; }
[ -c /dev/mcd0 ] || exit 0

# Not while mcreboot.sh is at work.
mkdir -p "$records" || exit
exec 9>"$records/lock"
flock 9

for record in "$records"/os[0-9]*; do
	[ -f "$record" ] || continue
	os=${record##*/os}
	# Destroyed by hand meanwhile.
	[ -c "/dev/mcos$os" ] || { rm -f "$record"; continue; }
	take_down "$os" || exit 1
done

[ -z "$keep_module" ] || exit 0
# Others' reservations and instances keep it: that is no failure of ours.
if ihkconfig 0 get counters | grep -qE '^(pages_held|cpus_held|instances) [1-9]'; then
	exit 0
fi
"$rmmod" ihk
