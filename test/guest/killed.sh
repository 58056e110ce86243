#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kill -9 at random moments: all memory is back when the wait returns, and the next one runs.
# vm-slow:
# vm-slow: --mem 5G
# idle: 1800
. "$(dirname "$0")/lib.sh"

rounds=25
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || rounds=100
seed=${SEED:-$EPOCHSECONDS}
note "SEED=$seed"
RANDOM=$seed

# Takes a random time: so many turns of a loop.
wait_a_moment() {
	local turns=$((RANDOM % $1)) i
	for ((i = 0; i < turns; i++)); do :; done
}

all_ended() {
	[ "$(lwk_counter processes_born)" = "$(lwk_counter processes_ended)" ]
}

# What is wrong behind a killed program, in $wrong.
check_memory() {
	wrong=$(lwk_left)
}

# A single process, killed anywhere from its launch on.
one_process() {
	"$@" >/dev/null 2>&1 &
	pid=$!
	wait_a_moment 20000
	kill -KILL $pid
	wait $pid 2>/dev/null
	check_memory
}

one_process mcexec "$prog/spin"
lwk_baseline
for program in spin "touch verify 64" "touch file /bin/bash"; do
	bad=
	for ((round = 0; round < rounds; round++)); do
		# shellcheck disable=SC2086 # with its arguments
		one_process mcexec "$prog/"$program
		[ -z "$wrong" ] || bad+="round $round: $wrong; "
	done
	is "$program, $rounds times" "$bad" ""
done

# Whole trees: their orphans are not this process's to wait for, so it waits
# until they have ended.
bad=
for ((round = 0; round < rounds; round++)); do
	start_lwk "$prog/forker" $((RANDOM + 1))
	wait_a_moment 50000
	kill -KILL -- -$pid
	end_of $pid
	wait_until all_ended || bad+="round $round: "
	check_memory
	[ -z "$wrong" ] || bad+="round $round: $wrong; "
done
is "a tree of processes, $rounds times" "$bad" ""

# Some processes of a tree, one after the other.
bad=
for ((round = 0; round < rounds; round++)); do
	start_lwk "$prog/forker" $((RANDOM + 1))
	wait_a_moment 30000
	mapfile -t members < <(pgrep -s "$pid")
	kill -KILL "${members[RANDOM % ${#members[@]}]}" 2>/dev/null
	wait_a_moment 10000
	kill -KILL -- -$pid 2>/dev/null
	end_of $pid
	wait_until all_ended || bad+="round $round: "
	check_memory
	[ -z "$wrong" ] || bad+="round $round: $wrong; "
done
is "single processes of a tree, $rounds times" "$bad" ""
run_good "the next program runs" "$prog/touch" verify 64
lwk_balanced "nothing is left"
done_testing
