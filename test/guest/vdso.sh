#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The clock without a call: where Linux keeps its time by the TSC, as on most machines, programs read it themselves.
# vm: --expect-panic --monitor --append tsc=reliable
. "$(dirname "$0")/lib.sh"

source=/sys/devices/system/clocksource/clocksource0/current_clocksource
use() {
	echo "$1" >$source && [ "$(<$source)" = "$1" ]
}
# calls NAME RELATION NUMBER CASE: so many calls came to the LWK while the case ran.
calls() {
	local before
	before=$(lwk_counter calls_local)
	run_good "$1" "$prog/vdso" "$4"
	before=$(($(lwk_counter calls_local) - before))
	note "$before calls"
	ok "$1: $2 $3 calls" [ $before "$2" "$3" ]
}

is "Linux's clock is the TSC" "$(<$source)" tsc
run_cases vdso old_calls
# Debian's kernel has them only if it is told to.
lwk_is "calls by address" 0 "old_calls: good" "$prog/vdso" old_calls
calls "nobody is asked" -lt 500 often
calls "nobody is asked for the time of the last tick" -lt 500 coarse
ok "Linux changes to a counter that programs cannot read" use acpi_pm
at_end use tsc
run_cases vdso old_calls
calls "the LWK is asked" -ge 30000 often
calls "nobody is asked for the time of the last tick then" -lt 500 coarse
ok "Linux changes back" use tsc
run_cases vdso old_calls
calls "nobody is asked again" -lt 500 often
done_testing
