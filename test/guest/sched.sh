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

# What chrt and renice say on Linux acts on a thread that makes no calls.
ticks_of() {
	local text
	text=$(<"/proc/$1/stat")
	# shellcheck disable=SC2086 # the fields behind the name
	set -- ${text##*) }
	echo $((${12} + ${13}))
}
has_run() {
	[ "$(ticks_of "$1")" -ge "$2" ]
}
# Ticks that the second one runs while the first one runs for some.
runs_beside() {
	local from
	from=$(ticks_of "$2")
	wait_until has_run "$1" $(($(ticks_of "$1") + 100))
	beside=$(($(ticks_of "$2") - from))
	note "$beside beside 100"
}
start_lwk taskset -c 0 "$prog/spin"
one=$pid
start_lwk taskset -c 0 "$prog/spin"
other=$pid
runs_beside $one $other
ok "two share a CPU" [ $beside -gt 40 ]
renice -n 15 -p $other >/dev/null
wait_until has_run $one $(($(ticks_of $one) + 20))
runs_beside $one $other
ok "not evenly when one has been reniced" [ $beside -lt 30 ]
chrt -f -p 10 $other
wait_until has_run $other $(($(ticks_of $other) + 20))
runs_beside $other $one
ok "and one with a real-time priority has it alone" [ $beside -lt 10 ]
chrt -o -p 0 $other
ok "until it has none" wait_until has_run $one $(($(ticks_of $one) + 20))
kill -KILL $one $other
end_of $one
end_of $other
lwk_balanced "nothing is left"
done_testing
