#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The LWK out of memory: death for him alone who touches too much, and where no more is promised
# than there is, an error.
# vm-slow: --lwk-mem 256M@0
. "$(dirname "$0")/lib.sh"

total=$(($(lwk_counter pages_total) / 256))
start_lwk "$prog/spin" sleep
bystander=$pid
kills=$(lwk_counter oom_kills)
lwk_is "a program takes all there is, and is killed" 137 "" "$prog/touch" greedy
lwk_is "and once more" 137 "" "$prog/touch" greedy
is "two kills were counted" "$(($(lwk_counter oom_kills) - kills))" 2
ok "the log is cleared" ihkosctl "$os" clear_kmsg
kills=$(lwk_counter oom_kills)
lwk_is "a child that breaks too much copy-on-write dies alone" 0 "share: done" \
	"$prog/touch" share $((total * 65 / 100))
is "one kill was counted" "$(($(lwk_counter oom_kills) - kills))" 1
like "and logged, with its name and sizes" "$(ihkosctl "$os" kmsg)" \
	'out of memory: touch \(pid [0-9]+\) is killed: of its [0-9]{6} KiB [0-9]{6} are data'
ok "who stood by lives" kill -0 $bystander

# Several at once: some may be refused, none takes the others with it.
for i in 1 2 3 4; do
	mcexec "$prog/touch" greedy >"$scratch/$i" 2>&1 &
	pids[i]=$!
done
for i in 1 2 3 4; do
	status=0
	wait "${pids[i]}" || status=$?
	like "greedy program $i of four: status $status" "$status" '^(0|1|137)$'
done
ok "who stood by still lives" kill -0 $bystander
run_good "the next program runs" "$prog/touch" verify $((total / 2))
kill -KILL $bystander
end_of $bystander
lwk_balanced "nothing is left"

ok "up again, with less promised than there is" eval "ihkosctl $os shutdown &&
	ihkosctl $os kargs 'overcommit=2 overcommit_ratio=80' && ihkosctl $os boot"
for i in 1 2; do
	lwk_is "a program takes all there is, and gets ENOMEM: $i" 0 "greedy: done" "$prog/touch" greedy
done
is "nobody was killed" "$(lwk_counter oom_kills)" 0
lwk_balanced "nothing is left, nor promised"
done_testing
