#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs whose threads fork, execute, map, fault and end are stopped and killed at random moments,
# beside one that must not notice.
# vm-slow:
# vm-slow: --cpus 8 --lwk-cpus 4-7
# idle: 1800
. "$(dirname "$0")/lib.sh"

rounds=20
[ "$(nproc)" -le 2 ] || rounds=300
seed=${SEED:-$EPOCHSECONDS}
note "SEED=$seed"
RANDOM=$seed

# Up to half a second.
wait_a_moment() {
	local part=$((RANDOM % 500))
	nap "0.$(printf %03d $part)"
}

# stop_and_go PID: a few times, and on it goes.
stop_and_go() {
	local times=$((RANDOM % 3)) i
	for ((i = 0; i < times; i++)); do
		kill -STOP "$1"
		wait_a_moment
		kill -CONT "$1"
		wait_a_moment
	done
}

# Starts one, whose pid is $pid then; what it says but for "ready" is wrong.
start_chaos() {
	local said=$scratch/said.$((++started))
	setsid mcexec "$prog/company" chaos $((RANDOM + 1)) >"$said" 2>&1 &
	pid=$!
	wait_until grep -qsx ready "$said"
}
started=0

tally=$scratch/tally
: >"$tally"
start_lwk "$prog/honest" "$tally"
honest=$pid
signals=(KILL SEGV TERM KILL)
bad=
for ((round = 0; round < rounds; round++)); do
	signal=${signals[RANDOM % 4]}
	start_chaos
	victim=$pid
	start_chaos
	other=$pid
	wait_a_moment
	stop_and_go $victim
	# Killed as it goes, or as it stands.
	[ $((RANDOM % 3)) != 0 ] || kill -STOP $victim
	kill -$signal $victim
	kill -CONT $victim 2>/dev/null
	end_of $victim
	[ $status = $((128 + $(kill -l $signal))) ] || bad+="round $round: $signal gave $status; "
	kill -KILL $other
	end_of $other
	[ $status = 137 ] || bad+="round $round: KILL gave $status; "
	kill -0 $honest || { bad+="round $round: the honest one has ended; "; break; }
done
is "killed in $rounds rounds" "$bad" ""
is "none has said that something is wrong" "$(cat "$scratch"/said.* | grep -vx ready | sort | uniq -c)" ""
size=$(stat -c %s "$tally")
grown() { [ "$(stat -c %s "$tally")" -gt "$size" ]; }
ok "the honest one goes on" wait_until grown
kill -TERM $honest
end_of $honest
is "the honest one has seen nothing wrong" $status 0
wait_until eval '[ "$(lwk_counter processes_born)" = "$(lwk_counter processes_ended)" ]' || :
run_good "the next program runs" "$prog/touch" verify 64
lwk_balanced "nothing is left"
done_testing
