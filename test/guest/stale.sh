#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Pages change while other processes of Linux look at them: nobody is shown a page of before.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# A program that changes its pages, with $1 processes of Linux that watch it.
watched() {
	local watchers=() address i
	mkfifo "$scratch/fifo"
	mcexec "$prog/stale" "$2" >"$scratch/fifo" 2>&1 &
	pid=$!
	exec 5<"$scratch/fifo"
	rm "$scratch/fifo"
	read -r _ address <&5
	for ((i = 0; i < $1; i++)); do
		"$prog/spy" watch $pid "$address" &
		watchers+=($!)
	done
	cat <&5
	exec 5<&-
	end_of $pid
	wait "${watchers[@]}"
}
is "watched by one" "$(watched 1 1500)" "done"
is "watched by two" "$(watched 2 1500)" "done"
lwk_watched "what was started lived on the LWK"
# A page that a watcher held to the end is looked at again a little later.
no_quarantine() {
	[ "$(lwk_counter pages_quarantined)" = 0 ]
}
ok "what the watchers held comes back" wait_until no_quarantine
lwk_balanced "nothing is left"
done_testing
