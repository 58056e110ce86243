#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The whole way down and up again, round after round, with programs in between.
# vm-slow: --mem 3G
# vm-slow: --mem 5G
. "$(dirname "$0")/lib.sh"

rounds=3
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || rounds=100

counter() {
	ihkconfig 0 get counters | sed -n "s/^$1 //p"
}
mem_free() {
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/compact_memory
	awk '/^MemFree/ { print $2 }' /proc/meminfo
}
up() {
	mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM"
}
down() {
	mcstop+release.sh "$@"
}
possible=$(</sys/devices/system/cpu/possible)

start_lwk "$prog/spin" sleep
refused "no way down while a program runs" 1 '1 program' down
is "it still runs" "$(kill -0 $pid && mcexec echo running)" running
ok "unless it is told to kill" down -k
end_of $pid
is "the program was killed" $status 137

before=
for ((round = 0; round < rounds; round++)); do
	is "round $round: all CPUs are online" "$(</sys/devices/system/cpu/online)" "$possible"
	ok "no device is left" test ! -e /dev/mcd0 -a ! -e /dev/mcos0
	ok "no module is left" test ! -d /sys/module/ihk
	[ -n "$before" ] || before=$(mem_free)
	ok "up" up
	is "the LWK's CPUs are not Linux's" "$(ihkosctl 0 query cpu)" "$VM_LWK_CPUS"
	run_good "a program runs" bash -c 'echo "round $0" | sha256sum' $round
	is "the allocator's totals fit" "$(lwk_left)" ""
	ok "the module stays loaded on the way down" down -R
	is "all pages came back" "$(counter pages_returned) $(counter pages_held) $(counter cpus_held)" \
		"$(counter pages_reserved) 0 0"
	ok "down" down
done
after=$(mem_free)
note "MemFree $before KiB before $rounds rounds, $after KiB after them"
ok "MemFree shows no trend" test $((before - after)) -lt $((8192 + rounds * 64))
ok "a CPU that came back works" taskset -c "${VM_LWK_CPUS##*[,-]}" sha256sum /bin/bash
ok "up at the end" up
done_testing
