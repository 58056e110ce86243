#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A CPU of the LWK hangs: a program that is killed there ends all the same, and the instance is found hung.
# vm-slow: --expect-panic
. "$(dirname "$0")/lib.sh"

status_is() {
	[ "$(ihkosctl 0 get status)" = "$1" ]
}
hangs() {
	ihkosctl 0 kmsg | grep -q 'selftest: hang'
}
waits() {
	[ "$(</proc/$pid/comm)" = spin ] && grep -q '^State:[[:space:]]*S' "/proc/$pid/status"
}
# The selftest spends two seconds in a loop, which answers but runs no program, and then hangs.
up() {
	mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e selftest=hang || return
	echo 5 >/sys/module/ihk/parameters/hang_seconds
}

ok "down" mcstop+release.sh
ok "up, with selftest=hang" up
mcexec "$prog/spin" sleep >/dev/null 2>&1 &
pid=$!
ok "a program waits for that CPU" wait_until waits
ok "the CPU hangs" wait_until hangs
kill -KILL $pid
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
end_of $pid
is "the program has ended" $status 137
ok "down" mcstop+release.sh

ok "up, with selftest=hang" up
mcexec -c 0 true >/dev/null 2>&1 &
pid=$!
ok "the CPU hangs" wait_until hangs
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
end_of $pid
is "what was being launched there fails" "$((status > 0))" 1
ok "shutdown" ihkosctl 0 shutdown
ok "other arguments" ihkosctl 0 kargs hidos
ok "boot again on the same resources" ihkosctl 0 boot
run_good "programs run" bash -c 'echo again | sha256sum'
lwk_balanced "all memory is there"
done_testing
