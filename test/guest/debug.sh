#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A debugger of Linux changes a program's code on the LWK, and sets breakpoints in it.
# vm:
. "$(dirname "$0")/lib.sh"

# Starts the program; what it says is in $scratch/said.
start() {
	mcexec "$prog/answer" >"$scratch/said" &
	pid=$!
	wait_until grep -q ready "$scratch/said"
}
debug() {
	local script=(-iex 'set debuginfod enabled off' -iex 'set auto-load off')
	local line
	for line; do
		script+=(-ex "$line")
	done
	gdb -nx -batch -p $pid "${script[@]}" >"$scratch/gdb" 2>&1 </dev/null
}

start
first=$pid
start
ok "gdb changes an instruction" debug 'set *(int *)((char *)&answer_code + 1) = 42' detach
end_of $pid
is "the program executes what is there now" "$(tail -n 1 "$scratch/said")" "answer 42"
is "and ends well" $status 0
show "$scratch/gdb"
is "the file is what it was" "$(mcexec "$prog/answer" once | tail -n 1)" "answer 1"
ok "another process of it has seen nothing" kill -0 $first
kill -KILL $first
end_of $first

start
debug 'break answer' continue kill
end_of $pid
show "$scratch/gdb"
like "a breakpoint stops the program" "$(<"$scratch/gdb")" 'SIGTRAP|Breakpoint 1,'
is "which is killed then" $status 137
lwk_balanced "nothing is left"
done_testing
