#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A thread that waits in the LWK is left in peace, also after a stop and a continue.
# vm:
. "$(dirname "$0")/lib.sh"

in_state() {
	grep -q "^State:[[:space:]]*$1" "/proc/$pid/status"
}
# Interrupts of three seconds, in which nothing happens.
disturbed() {
	local before
	before=$(lwk_counter interrupts)
	nap 3
	echo $(($(lwk_counter interrupts) - before))
}

start_lwk "$prog/spin" wait
wait_until in_state S
ok "it waits undisturbed" [ "$(disturbed)" -le 3 ]
kill -STOP $pid
ok "it stops" wait_until in_state T
kill -CONT $pid
ok "it goes on" wait_until in_state S
# The twin looks once more whether it was understood.
nap 1
ok "it waits undisturbed again" [ "$(disturbed)" -le 3 ]
kill -KILL $pid
end_of $pid
lwk_balanced "nothing is left"
done_testing
