#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Pages that Linux holds when their process dies: they wait in quarantine, keep their bytes, and come back.
# vm:
. "$(dirname "$0")/lib.sh"

pages=64
bytes=$((pages * 4096))
perl -e 'print chr(ord("a") + $_ % 26) x 4096 for 0 .. $ARGV[0] - 1' $pages >"$scratch/expected"
total=$(($(lwk_counter pages_total) / 256))
most=$((total * 6 / 10))

quarantined() {
	[ "$(lwk_counter pages_quarantined)" = "$1" ]
}

run_good "a first program" "$prog/touch" fresh $most
lwk_baseline
for round in 1 2 3; do
	free=$(($(lwk_counter pages_free) + $(lwk_counter pages_cache)))
	mkfifo "$scratch/fifo"
	exec 7<>"$scratch/fifo"
	start_lwk "$prog/lend" splice "$scratch/fifo" $pages
	kill -KILL $pid
	end_of $pid
	is "round $round: $pages pages are in quarantine when the process has died" "$(lwk_counter pages_quarantined)" $pages
	is "the module counts them too" "$(lwk_counter pages_in_quarantine)" $pages
	# Others take all memory they can get, and write into it.
	is "another fills memory" "$(mcexec "$prog/touch" fill $most)" "fill: done"
	is "another finds zeroes" "$(mcexec "$prog/touch" fresh $most)" "fresh: done"
	head -c $((bytes / 2)) <&7 >"$scratch/got"
	ok "half of them come back when half is read" wait_until quarantined $((pages / 2))
	head -c $((bytes / 2)) <&7 >>"$scratch/got"
	ok "not a byte was changed" cmp "$scratch/expected" "$scratch/got"
	exec 7>&-
	ok "the rest comes back" wait_until quarantined 0
	# But for the few pages that the LWK keeps for small objects.
	left=$((free - $(lwk_counter pages_free) - $(lwk_counter pages_cache)))
	ok "all memory is free again" [ $left -le 4 ]
	rm "$scratch/fifo"
done
lwk_balanced "nothing is left"

# A process that lives on, unmaps what it has lent, and forks.
run_good "splice, unmap, reuse in one process" "$prog/offload" splices

# The next boot on the same memory is told of the pages, and gets them.
again() {
	ihkosctl "$os" shutdown && ihkosctl "$os" boot
}
mkfifo "$scratch/fifo"
exec 7<>"$scratch/fifo"
start_lwk "$prog/lend" splice "$scratch/fifo" $pages
kill -KILL $pid
end_of $pid
ok "booted again with pages in quarantine" again
is "the new boot knows of them" "$(lwk_counter pages_quarantined)" $pages
head -c $bytes <&7 >"$scratch/got"
ok "not a byte was changed" cmp "$scratch/expected" "$scratch/got"
ok "they come back to it" wait_until quarantined 0
run_good "programs run" bash -c 'echo again | sha256sum'
exec 7>&-
rm "$scratch/fifo"

# The instance goes down with pages in quarantine, and Linux gets them back too.
mkfifo "$scratch/fifo"
exec 7<>"$scratch/fifo"
start_lwk "$prog/lend" splice "$scratch/fifo" $pages
kill -KILL $pid
end_of $pid
ok "down with pages in quarantine" mcstop+release.sh -R
held() {
	ihkconfig 0 get counters | sed -n 's/^pages_held //p'
}
note "pages held: $(held)"
head -c $bytes <&7 >"$scratch/got"
ok "not a byte was changed" cmp "$scratch/expected" "$scratch/got"
exec 7>&-
nothing_held() {
	[ "$(held)" = 0 ]
}
ok "Linux has all its pages back" wait_until nothing_held
ok "up again" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM"
run_good "programs run" bash -c 'echo again | sha256sum'
done_testing
