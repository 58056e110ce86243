#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Threads and CPUs: nobody waits while a CPU idles, shares, affinity, CPU clocks; silence.
# vm:
. "$(dirname "$0")/lib.sh"

for case in $("$prog/sched" | grep -v silent); do
	lwk_is "$case" 0 "$case: good" taskset -c 0,1 "$prog/sched" "$case"
done

# Interrupts of two seconds in which two threads compute on two CPUs.
start_lwk "$prog/sched" silent
nap 2
before=$(lwk_counter interrupts)
nap 2
after=$(lwk_counter interrupts)
ok "a thread on each CPU is not interrupted" [ "$after" -eq "$before" ]
end_of $pid
ok "and ends well" [ "$status" = 0 ]
lwk_balanced "nothing is left"
done_testing
