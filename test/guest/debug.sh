#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A debugger of Linux changes a program's code on the LWK, and sets breakpoints in it.
# vm:
. "$(dirname "$0")/lib.sh"

# Starts the program; what it says is in $scratch/said.
start() {
	rm -f "$scratch/said"
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
cat >"$scratch/byte.pl" <<'BYTE'
open my $m, "<", "/proc/$ARGV[0]/mem" or die;
sysseek $m, $ARGV[1], 0;
sysread $m, my $byte, 1;
printf "byte %02x\n", ord $byte;
BYTE
byte="eval \"shell perl $scratch/byte.pl $pid %lu\", (unsigned long)&answer_code"
debug 'set breakpoint always-inserted on' "$byte" 'break *(char *)&answer_code' "$byte" delete \
	"$byte" 'set *(int *)((char *)&answer_code + 1) = 43' detach
end_of $pid
is "a breakpoint is set and taken away" "$(grep ^byte "$scratch/gdb")" $'byte b8\nbyte cc\nbyte b8'
is "and does no harm" "$(tail -n 1 "$scratch/said")" "answer 43"
show "$scratch/gdb"

start
debug 'break answer' continue kill
end_of $pid
like "one that is reached stops the program" "$(<"$scratch/gdb")" 'SIGTRAP'
is "which is killed then" $status 137
show "$scratch/gdb"

# What clone has returned is the parent's affair: the child lives, and can be killed.
mkfifo "$scratch/go"
rm "$scratch/said"
mcexec sh -c 'echo ready; read -r x; (echo child; while :; do :; done) & exec sleep 1000' \
	<"$scratch/go" >"$scratch/said" 2>&1 &
pid=$!
exec 6>"$scratch/go"
wait_until grep -q ready "$scratch/said"
debug 'catch syscall clone' "shell echo go >$scratch/go" continue continue 'set $rax = -11' detach
end_of $pid
child=$(sed -n 's/.*after fork from child process \([0-9]*\).*/\1/p' "$scratch/gdb")
is "a parent is told that it cannot fork" "$status $(grep -c 'Cannot fork' "$scratch/said")" "2 1"
ok "its child runs" wait_until grep -q child "$scratch/said"
kill -KILL "$child"
ok "and dies when it is killed" wait_until eval "! kill -0 $child 2>/dev/null"
show "$scratch/gdb"
exec 6>&-

# One on the LWK has the program's registers: so its stacks can be shown.
start
mcexec gdb -nx -batch -p $pid -iex 'set debuginfod enabled off' -ex bt >"$scratch/gdb" 2>&1 </dev/null
is "gdb on the LWK shows where a program is, and lets it go" \
	"$? $(grep -cE '^#0 .* main \(' "$scratch/gdb") $(grep -c "Couldn't" "$scratch/gdb")" "0 1 0"
ok "which computes on" kill -0 $pid
kill -KILL $pid
end_of $pid
show "$scratch/gdb"
is "a tracer on the LWK is refused what would be written into the proxy" \
	"$(mcexec "$prog/../strange/registers" set 2>&1)" "set: Input/output error
by note: Input/output error
by words: Input/output error
a base: Input/output error
a breakpoint: Input/output error
none: done
before: No such process"
lwk_balanced "nothing is left"
done_testing
