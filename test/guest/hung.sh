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

ok "down" mcstop+release.sh
ok "up, with selftest=hang" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e selftest=hang
echo 5 >/sys/module/ihk/parameters/hang_seconds
# mcexec's options come first: on the CPU that will hang.
start_lwk -c 0 "$prog/spin" sleep
ok "a program runs there" kill -0 $pid
ok "the CPU hangs" wait_until hangs
kill -KILL $pid
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
end_of $pid
is "the program has ended" $status 137
ok "shutdown" ihkosctl 0 shutdown
ok "other arguments" ihkosctl 0 kargs hidos
ok "boot again on the same resources" ihkosctl 0 boot
run_good "programs run" bash -c 'echo again | sha256sum'
lwk_balanced "all memory is there"
done_testing
