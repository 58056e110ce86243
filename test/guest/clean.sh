#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# No program sees another's bytes: memory that was full of them is zero for the next.
# vm:
. "$(dirname "$0")/lib.sh"

total=$(($(lwk_counter pages_total) / 256))
most=$((total * 6 / 10))
run_good "one fills $most of $total MiB with bytes" "$prog/touch" fill $most
run_good "the next finds zeroes" "$prog/touch" fresh $most

# Killed with its memory full, while another looks.
for i in 1 2 3; do
	mcexec "$prog/touch" fill $((total / 4)) >"$scratch/out" &
	pid=$!
	mcexec "$prog/touch" fresh $((total / 4)) >"$scratch/fresh.$i"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	is "with one beside it, round $i" "$(<"$scratch/fresh.$i")" "fresh: done"
	is "behind a killed one, round $i" "$(mcexec "$prog/touch" fresh $most)" "fresh: done"
done
lwk_balanced "nothing is left"
done_testing
