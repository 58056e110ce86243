#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NUMA: memory lies where its policy, or the CPU of its first touch, has it. Proven by frames.
# vm: --numa 2
# vm-slow: --cpus 8 --numa 4
. "$(dirname "$0")/lib.sh"

for case in bind prefer touch interleave parts lent move_other move_dying storm; do
	run_good "$case" "$prog/numa" $case
done
# Linux moves a large page whole if a part of it is to move: these need pages to move one by one.
ok "move" mcexec "$prog/numa" move
ok "move_pages" mcexec "$prog/numa" move_pages
"$prog/numa" errors >"$scratch/linux" 2>&1
mcexec "$prog/numa" errors >"$scratch/lwk" 2>&1
ok "some hundreds of errors" [ "$(wc -l <"$scratch/linux")" -gt 400 ]
is "errors are Linux's" "$(diff "$scratch/linux" "$scratch/lwk")" ""

last=$((VM_NUMA - 1))
is "a policy of the launcher is the program's" "$(numactl --membind=$last mcexec "$prog/numa" show)" "2 $((1 << last))"
is "it lasts through exec and fork" "$(mcexec numactl --preferred=$last bash -c "$prog/numa show; :")" "1 $((1 << last))"
is "mcexec -m" "$(mcexec -m $last "$prog/numa" show)" "2 $((1 << last))"
mcexec numactl --membind=$last cat /proc/self/numa_maps >"$scratch/numa_maps"
like "numa_maps has the policy and the node" "$(grep ' heap ' "$scratch/numa_maps")" \
	"^[0-9a-f]* bind:$last heap anon=[0-9]+ dirty=[0-9]+ N$last=[0-9]+ kernelpagesize_kB=4\$"
start_lwk -m $last "$prog/spin"
is "but its proxy is not bound: Linux may have nothing there" \
	"$(grep -c ' bind:' "/proc/$pid/numa_maps")" 0
kill -KILL "$pid"
end_of "$pid"
is "numactl sees the nodes" "$(mcexec numactl --show | grep membind)" "membind: $(seq -s ' ' 0 $last) "

# More than the node has: this program dies, though others have memory, and nobody else does.
start_lwk "$prog/spin"
mib=$(tr , '\n' <<<"$VM_LWK_MEM" | awk -F '[M@]' -v n=$last '$3 == n { print $1 }')
mcexec "$prog/numa" fill $last $((mib + 8)) 2>/dev/null
is "bound to a node that is full: killed" $? 137
ok "nobody else is" kill -0 "$pid"
mcexec "$prog/numa" fill $last $((mib / 2))
is "and then there is room again" $? 0
kill -KILL "$pid"
end_of "$pid"
lwk_balanced "nothing is left"
done_testing
