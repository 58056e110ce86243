#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs share a CPU's time when there are more than one, and only then there is a timer.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# Work that takes a CPU of Linux about a second.
work() {
	perl -e '$x += $_ for 1 .. 3000000'
}

# during COMMAND...: leaves what the instance counted meanwhile in $interrupts and $switches.
during() {
	local -A before after
	lwk_counters before
	"$@"
	lwk_counters after
	interrupts=$((after[interrupts] - before[interrupts]))
	switches=$((after[switches] - before[switches]))
	note "$interrupts interrupts, $switches switches during: $*"
}

mcexec true
start_lwk -c 0 taskset -c 0 "$prog/spin"
first=$pid
during work
# A slice is 10 ms: a timer would have come a hundred times.
ok "one computes alone: no timer" [ $interrupts -lt 10 ]
ok "and nobody else had its CPU" [ $switches -lt 10 ]

start_lwk -c 1 "$prog/spin"
other=$pid
during work
ok "one on each of two CPUs: no timer" [ $interrupts -lt 10 ]
kill -KILL $other
end_of $other

# Bound to it: else the second goes to the CPU that has nothing to run.
start_lwk -c 0 taskset -c 0 "$prog/spin"
second=$pid
during work
ok "two on one CPU: a timer" [ $interrupts -gt 20 ]
ok "and they take turns" [ $switches -gt 20 ]
is "a third that is to end comes to its end" \
	"$(mcexec -c 0 taskset -c 0 perl -e '$x += $_ for 1 .. 100000; print $x')" 5000050000
start_lwk -c 0 "$prog/spin" sleep
sleeper=$pid
kill -KILL $second $sleeper
end_of $second
end_of $sleeper

during work
ok "alone again: no timer" [ $interrupts -lt 10 ]
kill -KILL $first
end_of $first
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
