#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# No program sees another's bytes: memory that was full of them, or that the LWK poisons when
# it is freed, is zero for the next.
# vm-slow: --mem 3G
. "$(dirname "$0")/lib.sh"

ok "down" mcstop+release.sh
ok "up, with freed pages poisoned" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e poison
like "the log says so" "$(ihkosctl "$os" kmsg)" 'poisoned'
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
run_good "a shell and a compiler in poisoned memory" bash -c 'echo "int x;" | gcc -c -x c -o /dev/null - && echo compiled'
lwk_balanced "nothing is left"
ok "down again" mcstop+release.sh
ok "up as before" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM"
done_testing
