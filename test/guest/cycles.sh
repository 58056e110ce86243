#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The whole way down and up again, round after round, with programs in between.
# vm-slow: --mem 3G
# vm-slow: --mem 5G --lwk-mem 256M@0
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/guest/trend.sh
. "$(dirname "$0")/trend.sh"

rounds=4
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || rounds=100

counter() {
	ihkconfig 0 get counters | sed -n "s/^$1 //p"
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

# Looking takes longer than a round, so it is done four times.
quarter=$((rounds / 4))
for ((round = 0; round < rounds; round++)); do
	is "round $round: all CPUs are online" "$(</sys/devices/system/cpu/online)" "$possible"
	ok "no device is left" test ! -e /dev/mcd0 -a ! -e /dev/mcos0
	ok "no module is left" test ! -d /sys/module/ihk
	ok "up" up
	is "the LWK's CPUs are not Linux's" "$(ihkosctl 0 query cpu)" "$VM_LWK_CPUS"
	if ((round % quarter == 0)); then
		run_good "a program runs" bash -c 'echo "round $0" | sha256sum' $round
	else
		is "a program runs" "$(mcexec sh -c 'echo "round $0"' $round)" "round $round"
	fi
	is "the allocator's totals fit" "$(lwk_left)" ""
	ok "the module stays loaded on the way down" down -R
	is "all pages came back" "$(counter pages_returned) $(counter pages_held) $(counter cpus_held)" \
		"$(counter pages_reserved) 0 0"
	ok "down" down
	((round % quarter == quarter - 1)) || continue
	trend_look $((round * 2 / rounds))
done
trend_verdict
ok "a CPU that came back works" taskset -c "${VM_LWK_CPUS##*[,-]}" sha256sum /bin/bash
ok "up at the end" up
done_testing
