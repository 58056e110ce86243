#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A user at a terminal: Ctrl-C, Ctrl-Z, Ctrl-\, job control, the window's size.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# at_terminal NAME COMMAND STEP...: the same conversation both ways. COMMAND is
# split at blanks, or is "bash -c" and a script.
at_terminal() {
	local name=$1 command=$2 native lwk
	shift 2
	native=$("$prog/terminal" "$@" -- env -u _ bash -c "ulimit -c 0; exec $command" 2>&1)
	lwk=$("$prog/terminal" "$@" -- env -u _ bash -c "ulimit -c 0; exec mcexec $command" 2>&1)
	is "$name" "$lwk" "$native"
}

at_terminal "Ctrl-C ends a computing program" "$prog/spin" +ready $'-\x03'
at_terminal "Ctrl-C ends a sleeping program" "$prog/spin sleep" +ready $'-\x03'
at_terminal "Ctrl-\\ too" "$prog/spin" +ready $'-\x1c'
at_terminal "Ctrl-C and a handler" \
	"bash -c 'trap \"echo caught; exit 4\" INT; echo ready; while :; do :; done'" +ready $'-\x03' +caught
# perl loses a signal that comes between its last look for one and its read: not before that.
at_terminal "Ctrl-C and a restarted read" \
	"perl -e '\$SIG{INT} = sub { print \"caught\\n\" }; \$| = 1; print \"ready\\n\"; \$l = <STDIN>; print \"line \$l\"; exit 3'" \
	+ready @0 $'-\x03' +caught $'-hello\r' "+line hello"
at_terminal "end of file" "cat" $'-some text\r' "+some text" "+some text" $'-\x04'
at_terminal "the size of the window" \
	"bash -c 'trap \"stty size; exit\" WINCH; stty size; while :; do :; done'" "+24 80" =40x100 "+40 100"
at_terminal "stty and raw input" \
	"bash -c 'stty -echo -icanon; echo ready; read -r -n 3 x; echo \"<\$x>\"; stty sane'" +ready -abc "+<abc>"

# A shell on Linux whose jobs are on the LWK, and a shell on the LWK. A job that has
# ended is forgotten at the next prompt: kill and wait stand in one line.
job="$prog/spin talk"
talk=(+'$ ' $'-RUN\r' +ready $'-\x1a' +Stopped '+$ ' $'-jobs\r' +Stopped '+$ ' $'-fg\r' +continued $'-\x03'
	'+$ ' $'-echo status $?\r' '+status 130' '+$ ' $'-RUN\r' +ready $'-\x1a' +Stopped '+$ ' $'-bg\r'
	+continued $'-kill %1; wait %1; echo status $?\r' '+status 143' '+$ ' $'-exit 6\r')
shell() {
	PS1='$ ' "$prog/terminal" "${@:2}" -- $1 bash --norc --noediting -i 2>&1
}
native=$(shell "" "${talk[@]//RUN/$job}")
is "job control of a Linux shell" "$(shell "" "${talk[@]//RUN/mcexec $job}")" "$native"
is "job control of a shell on the LWK" "$(shell mcexec "${talk[@]//RUN/$job}")" "$native"
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
