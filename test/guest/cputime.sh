#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Timers and limits on CPU time, and what Linux shows of it while programs compute.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases cputime after_exec shown

# Ticks (100 a second) of a task, in user mode and in all.
user_ticks() {
	cut -d ')' -f 2- "$1/stat" | cut -d ' ' -f 13
}
all_ticks() {
	local fields
	read -ra fields < <(cut -d ')' -f 2- "$1/stat")
	echo $((fields[11] + fields[12]))
}
# The time, in ticks.
hundredths() {
	local up
	read -r up _ </proc/uptime
	echo "${up/./}"
}
# The threads that have more than a quarter of the process's time.
busy_threads() {
	local task count=0 all
	all=$(all_ticks "/proc/$pid")
	for task in "/proc/$pid/task/"*; do
		[ $((4 * $(all_ticks "$task"))) -le "$all" ] || count=$((count + 1))
	done
	echo $count
}

# Two threads compute and make no call; a limit and a timer are far away.
start_lwk "$prog/cputime" shown
nap 1
interrupts=$(lwk_counter interrupts)
begin=$(hundredths)
before=$(all_ticks "/proc/$pid")
user=$(user_ticks "/proc/$pid")
nap 2
shown=$(($(all_ticks "/proc/$pid") - before))
passed=$(($(hundredths) - begin))
ok "Linux shows CPU time while two threads compute: $shown ticks in $passed" \
	[ $shown -gt $((passed / 2)) -a $shown -lt $((2 * passed + passed / 4)) ]
ok "it is that of user mode" [ $((2 * ($(user_ticks "/proc/$pid") - user))) -gt $shown ]
is "it is that of two threads" "$(busy_threads)" 2
ok "ps shows it" [ "$(ps -o cputimes= -p $pid)" -gt 0 ]
is "no CPU of the LWK was interrupted for it" "$(lwk_counter interrupts)" "$interrupts"
is "Linux shows the limit" "$(sed -n 's/^Max cpu time *//p' "/proc/$pid/limits" | xargs)" \
	"3600 7200 seconds"
kill -TERM $pid
end_of $pid
is "it ends well" $status 0

# Each second counts once.
TIMEFORMAT='%U %S %R'
spent=$({ time mcexec "$prog/cputime" prof_once >"$scratch/out" 2>&1; } 2>&1)
ok "time(1) shows user, system and real time $spent" \
	awk -v spent="$spent" 'BEGIN { split(spent, t)
		exit !(t[1] + t[2] > 0.2 && t[1] + t[2] < t[3] * 1.1 + 0.1) }'
lwk_balanced "nothing is left"
done_testing
