#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An LWK that panics under its programs: Linux lives on, the programs end, the log is there,
# and the same resources boot again.
# vm-slow: --expect-panic
. "$(dirname "$0")/lib.sh"

status_is() {
	[ "$(ihkosctl 0 get status)" = "$1" ]
}

for how in panic oops; do
	ok "down" mcstop+release.sh
	ok "up, with selftest=$how" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e selftest=$how
	mcexec "$prog/spin" >"$scratch/out" 2>&1 &
	first=$!
	mcexec "$prog/spin" sleep >"$scratch/out" 2>&1 &
	second=$!
	ok "the status becomes PANIC" wait_until status_is PANIC
	end_of $first
	is "a computing program ends" "$((status > 0))" 1
	note "its status is $status"
	end_of $second
	is "a sleeping program ends" "$((status > 0))" 1
	is "no proxy is left" "$(lwk_counter proxies)" 0
	log=$(ihkosctl 0 kmsg)
	like "the log can be read" "$log" "selftest: $how"
	like "it has the last words" "$log" PANIC
	like "with registers" "$log" '[rR][iI][pP]'
	like "and a backtrace with names" "$log" '[a-z_]+\+0x[0-9a-f]+'
	refused "no program is started" 1 'mcos0' mcexec true
	refused "no boot in that state" 1 'INACTIVE' ihkosctl 0 boot
	ok "shutdown" ihkosctl 0 shutdown
	ok "other arguments" ihkosctl 0 kargs hidos
	ok "boot again on the same resources" ihkosctl 0 boot
	run_good "programs run" bash -c 'echo again | sha256sum'
	lwk_balanced "all memory is there"
done
is "Linux has not complained" "$(dmesg | grep -cE 'WARNING:|BUG:|Oops')" 0
done_testing
