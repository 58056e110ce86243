#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Time: forwards, the same in both kernels, and CPU time for whoever asks.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

run_cases clocks wait_hour

# A program's time lies between two times of Linux.
now() {
	perl -MTime::HiRes=clock_gettime -e 'printf "%.9f", clock_gettime($ARGV[0])' "$1"
}
for clock in 0 1 7; do
	times=$(now $clock; echo; mcexec perl -MTime::HiRes=clock_gettime -e \
		'printf "%.9f\n", clock_gettime($ARGV[0])' $clock; now $clock)
	is "clock $clock is between Linux's" "$(sort -n <<<"$times")" "$times"
done

# The time that a shell and wait4 see.
TIMEFORMAT=%U
spent=$({ time mcexec perl -e '$x += $_ for 1 .. 1000000' 2>&3; } 3>&2 2>&1)
ok "time(1) of a computing program: $spent s" test "${spent/./}" -gt 50
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"

# A source that the LWK cannot read: it maps the HPET only if that is Linux's when it starts.
source=/sys/devices/system/clocksource/clocksource0
was=$(<$source/current_clocksource)
use() {
	echo "$1" >$source/current_clocksource && [ "$(<$source/current_clocksource)" = "$1" ]
}
up() {
	mcstop+release.sh && use "$1" && mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM"
}
begin_wait() {
	: >"$scratch/across"
	mcexec "$prog/clocks" "${1:-wait_across}" >"$scratch/across" &
	pid=$!
	ok "a program waits" wait_until grep -q ready "$scratch/across"
}
# Nothing that goes by this shell's own time in between.
set_clock() {
	date -s "@$(($(date +%s) + $1))" >/dev/null
}
begin_wait wait_hour
set_clock 7200
end_of $pid
set_clock -7200
is "a wait for a time ends when the clock is set to a later one" $status 0
note "sources: $(<$source/available_clocksource), in use: $was"
ok "up with a source that can be read" up acpi_pm
at_end use "$was"
begin_wait
ok "Linux changes to one that cannot" use hpet
end_of $pid
is "a wait begun before ends by the clock" $status 0
begin_wait wait_hour
set_clock 7200
end_of $pid
set_clock -7200
is "also where only Linux knows the time" $status 0
asked=$(lwk_counter calls_offloaded)
run_cases clocks wait_hour
ok "Linux was asked for the time" [ $(($(lwk_counter calls_offloaded) - asked)) -gt 10000 ]
begin_wait
ok "Linux changes back" use acpi_pm
end_of $pid
is "a wait begun before ends by the clock" $status 0
asked=$(lwk_counter calls_offloaded)
run_good "the time passes" "$prog/clocks" forwards
ok "Linux was not asked" [ $(($(lwk_counter calls_offloaded) - asked)) -lt 200 ]
lwk_balanced "nothing is left"
ok "up as before" up "$was"
done_testing
