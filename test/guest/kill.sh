#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signals from Linux: to programs that compute, sleep, read, stop and go on.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

for what in "" sleep; do
	for signal in TERM KILL INT USR1 SEGV 40; do
		# shellcheck disable=SC2086 # nothing, or a word
		start_lwk "$prog/spin" $what
		kill -$signal $pid
		end_of $pid
		case $signal in
		[0-9]*) number=$signal ;;
		*) number=$(kill -l $signal) ;;
		esac
		is "a ${what:-comput}ing program dies of $signal" $status $((128 + number))
	done
done

# The state letter of /proc/PID/stat.
state() {
	local text
	text=$(<"/proc/$1/stat")
	text=${text##*) }
	echo "${text%% *}"
}
state_is() {
	[ "$(state "$1")" = "$2" ]
}
start_lwk "$prog/spin"
for i in 1 2 3; do
	kill -STOP $pid
	ok "it stops, round $i" wait_until state_is $pid T
	kill -CONT $pid
	ok "it goes on, round $i" wait_until eval "! state_is $pid T"
done
kill -STOP $pid
wait_until state_is $pid T
kill -KILL $pid
end_of $pid
is "a stopped program can be killed" $status 137

# A trap of a shell, from outside.
mkfifo "$scratch/fifo"
mcexec bash -c 'trap "echo got it; exit 5" USR1; echo ready; while :; do :; done' >"$scratch/fifo" &
pid=$!
exec 5<"$scratch/fifo"
read -r line <&5
kill -USR1 $pid
read -r line <&5
end_of $pid
is "a handler runs" "$line $status" "got it 5"
exec 5<&-

lwk_watched "what was started lived on the LWK"

# From here on processes may be killed between their fork and their first step on the LWK.
# A whole tree by its session.
start_lwk "$prog/forker" 1
kill -KILL -- -$pid
end_of $pid
is "a tree of processes is killed" $status 137
all_ended() {
	[ "$(lwk_counter processes_born)" = "$(lwk_counter processes_ended)" ]
}
ok "and is gone" wait_until all_ended
timeout -s INT 0.5 mcexec "$prog/spin" >"$scratch/out"
is "timeout(1)" $? 124
timeout -k 0.5 -s WINCH 0.5 mcexec "$prog/spin" >"$scratch/out"
is "timeout(1) that has to kill" $? 137
is "timeout(1) under mcexec" "$(mcexec timeout 0.5 sleep 1000; echo $?)" 124
is "a signal to a group that forks reaches all of it" "$(mcexec "$prog/group" 60)" "group: good"
lwk_balanced "nothing is left"
done_testing
