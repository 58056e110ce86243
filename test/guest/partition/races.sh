#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two tools at once, tools that are killed, requests without sense: whatever
# comes of them, the partition stays whole, and all comes back.
# vm: --no-lwk
# vm-slow: --no-lwk --mem 5G
# idle: 1200
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

prog=$build/test/prog
# How many requests without sense, as a factor.
times=1
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || times=10
seed=${SEED:-6}
note "SEED=$seed"
RANDOM=$seed
online=$(cat /sys/devices/system/cpu/online)
load_module hang_seconds=60

# Takes down and gives back whatever there is.
all_down() {
	local os cpus
	for os in $(ihkconfig 0 get os_instances | tr , ' '); do
		[ "$(ihkosctl "$os" get status)" = INACTIVE ] || ihkosctl "$os" shutdown || return
		ihkconfig 0 destroy "$os" || return
	done
	cpus=$(ihkconfig 0 query cpu) && ihkconfig 0 release mem all || return
	[ -z "$cpus" ] || ihkconfig 0 release cpu "$cpus"
}

# whole NAME: everything can be taken down, and then nothing is missing.
whole() {
	ok "$1: all the way down" all_down
	is "$1: nothing is held" "$(ihkconfig 0 get counters | grep -E '^(pages_held|cpus_held|instances) ')" \
		$'pages_held 0\ncpus_held 0\ninstances 0'
	is "$1: as many pages came back as were taken" \
		"$(($(counter ihkconfig 0 pages_returned) + $(counter ihkconfig 0 pages_late)))" \
		"$(counter ihkconfig 0 pages_reserved)"
	echo 1 | tee /sys/devices/system/cpu/cpu[1-9]*/online >/dev/null 2>&1
	is "$1: all CPUs are online" "$(cat /sys/devices/system/cpu/online)" "$online"
}

# ---- two instances that boot at the same moment ----

instance() {
	ihkosctl "$1" assign cpu "$2" && ihkosctl "$1" assign mem 32M && ihkosctl "$1" load "$hello"
}
ok "two instances" eval "ihkconfig 0 reserve cpu 1-3 && ihkconfig 0 reserve mem 64M &&
	ihkconfig 0 create && ihkconfig 0 create && instance 0 1,2 && instance 1 3"
wrong=0
for round in {1..8}; do
	ihkosctl 0 boot & first=$!
	ihkosctl 1 boot & second=$!
	wait $first || wrong=$((wrong + 1))
	wait $second || wrong=$((wrong + 1))
	[ "$(ihkosctl 0 kmsg | grep -c '^hello from place')$(ihkosctl 1 kmsg | grep -c '^hello from place')" = 21 ] ||
		wrong=$((wrong + 1))
	ihkosctl 0 shutdown & first=$!
	ihkosctl 1 shutdown & second=$!
	wait $first && wait $second || wrong=$((wrong + 1))
done
is "two instances boot and stop at the same moment, $round times" "$wrong" 0
whole "then"

# ---- reserving a CPU while somebody else switches it on and off ----

(
	trap 'exit 0' TERM
	while :; do
		echo 0 >/sys/devices/system/cpu/cpu3/online
		echo 1 >/sys/devices/system/cpu/cpu3/online
	done
) 2>/dev/null &
switcher=$!
wrong=
for round in {1..40}; do
	ihkconfig 0 reserve cpu 3 || { wrong+=" reserve"; continue; }
	[ "$(ihkconfig 0 query cpu)" = 3 ] || wrong+=" unreserved"
	[ "$(cat /sys/devices/system/cpu/cpu3/online)" = 0 ] || wrong+=" online"
	ihkconfig 0 release cpu 3 || wrong+=" release"
	[ -z "$(ihkconfig 0 query cpu)" ] || wrong+=" unreleased"
done
kill $switcher
wait $switcher
is "a CPU is reserved or is Linux's, $round times" "$wrong" ""
whole "then"

# ---- one looks while another takes and gives ----

(
	trap 'exit 0' TERM
	while :; do
		ihkconfig 0 reserve cpu 2-3 && ihkconfig 0 release cpu 2-3
	done
) &
taker=$!
wrong=
for round in {1..60}; do
	seen=$(ihkconfig 0 query cpu)
	case $seen in '' | 2 | 3 | 2-3) ;; *) wrong+=" $seen" ;; esac
done
kill $taker
wait $taker
is "an answer shows what there was at one moment, $round times" "$wrong" ""
whole "then"

# ---- a device that is open while its instance goes ----

ihkconfig 0 create >/dev/null
exec 5</dev/mcos0
ok "an instance is destroyed although somebody looks" ihkconfig 0 destroy 0
exec 5<&-
is "and made again" "$(ihkconfig 0 create)" 0
whole "then"

# ---- tools that are killed ----

# verb COMMAND...: one step of life. One of them dies, after a few milliseconds.
verb() {
	step=$((step + 1))
	if [ "$step" = "$victim" ]; then
		timeout -s KILL "0.0$((RANDOM % 10))$((RANDOM % 10))" "$@"
	else
		"$@"
	fi
}
life() {
	verb ihkconfig 0 reserve cpu 2-3 && verb ihkconfig 0 reserve mem 64M &&
		verb ihkconfig 0 create && verb ihkosctl 0 assign cpu 2-3 &&
		verb ihkosctl 0 assign mem all && verb ihkosctl 0 load "$hello" &&
		verb ihkosctl 0 boot && verb ihkosctl 0 shutdown && verb ihkconfig 0 destroy 0 &&
		verb ihkconfig 0 release mem all && verb ihkconfig 0 release cpu 2-3
}
for victim in {1..11} {1..11}; do
	step=0
	life >/dev/null 2>&1
	[ "$step" -ge "$victim" ] || note "step $step failed before $victim"
	all_down >/dev/null 2>&1 || note "not all down"
done
whole "a tool killed in each of its verbs"

# ---- requests without sense ----

# With pages among their arguments that come late, or fail.
modprobe fuse || bail "no FUSE"
files=$(mktemp -d /tmp/races.XXXXXX)
chmod 755 "$files"
"$prog/fileserver" "$files" 65534 "$hello" >"$files.out" 2>&1 &
server=$!
trap 'kill -KILL $server; umount -l "$files"' EXIT
until grep -qs ready "$files.out"; do
	kill -0 $server || bail "no files: $(<"$files.out")"
	sleep 0.1
done
strange=("$hello" "$files/late" "$files/broken")

before=$(whole_state)
note "$(setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$prog/ioctls" "$seed" $((5000 * times)) "${strange[@]}" 2>&1)"
is "an ordinary user changes nothing" "$(whole_state)" "$before"
note "$("$prog/ioctls" "$seed" $((2500 * times)) "${strange[@]}" 2>&1)"
"$prog/ioctls" $((seed + 1)) $((1250 * times)) "${strange[@]}" >/dev/null &
first=$!
"$prog/ioctls" $((seed + 2)) $((1250 * times)) "${strange[@]}" >/dev/null &
wait $first $!
whole "senseless requests"

# ---- the module goes while others open its devices, ask, and leave ----

(
	trap 'kill $first $second; exit 0' TERM
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	plain=("$hello" "$hello" "$hello")
	while :; do
		"${as_nobody[@]}" "$prog/ioctls" $((seed + 3)) 100000 "${plain[@]}" & first=$!
		"${as_nobody[@]}" "$prog/ioctls" $((seed + 4)) 100000 "${plain[@]}" & second=$!
		wait
	done >/dev/null
) &
openers=$!
gone=0
in_use=0
while [ $gone -lt $((6 * times)) ] && [ $in_use -lt $((10000 * times)) ]; do
	# An instance comes and goes under their eyes as well.
	ihkconfig 0 create >/dev/null && ihkconfig 0 destroy 0 || break
	until rmmod ihk 2>/dev/null; do
		in_use=$((in_use + 1))
		[ $in_use -lt $((10000 * times)) ] || break
	done
	load_module hang_seconds=60 && gone=$((gone + 1))
done
kill $openers
wait $openers
note "the module was in use $in_use times"
is "the module goes and comes while it is asked" $gone $((6 * times))
whole "then"
ok "the module goes" rmmod ihk
done_testing
