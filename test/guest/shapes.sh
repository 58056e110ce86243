#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A chosen few tests in machines of other shapes: 1 and 8 LWK CPUs, a machine of 2 CPUs, 2 nodes.
# vm-slow: --lwk-cpus 3
# vm-slow: --cpus 10 --lwk-cpus 2-9
# vm-slow: --cpus 2
# vm-slow: --numa 2
. "$(dirname "$0")/lib.sh"

is "the LWK has the CPUs that it was given" "$(ihkosctl 0 query cpu)" "$VM_LWK_CPUS"
is "and the memory" "$(ihkosctl 0 query mem | tr , '\n' | awk -F @ '{ n += $1 } END { print n / 1048576 }')" \
	"$(tr , '\n' <<<"$VM_LWK_MEM" | awk -F M '{ n += $1 } END { print n }')"
run_clean=yes
run_good "arguments, environment" "$prog/start" args
run_clean=
for case in descriptors wait_options stops stopped_computing many_children tree vforks spawns; do
	run_good "family: $case" "$prog/family" $case
done
for case in both_write both_read child_read_first large_pages shared; do
	run_good "cow: $case" "$prog/cow" $case
done
for case in from_child registers blocked ping_pong; do
	run_good "signals: $case" "$prog/signals" $case
done
for case in restart once_short once_restarted every_signal killed_computing; do
	run_good "interrupts: $case" "$prog/interrupts" $case
done
for case in remap_large discard file_private stack_limit; do
	run_good "memory: $case" "$prog/memory" $case
done
run_good "a pipeline" bash -c 'seq 3000 | sort -r | tail -n 3 | sha256sum'
run_good "many at once" bash -c 'for i in {1..12}; do (seq $((i * 500)) | md5sum >$i) & done; wait; cat {1..12}'
total=$(($(lwk_counter pages_total) / 256))
run_good "most of all memory" "$prog/touch" verify $((total * 8 / 10))
run_good "is clean for the next" "$prog/touch" fresh $((total / 2))

# Each CPU of the LWK runs something.
pids=()
for ((cpu = 0; cpu < $(ihkosctl 0 query cpu --json | tr -cd , | wc -c) + 1; cpu++)); do
	start_lwk "$prog/spin"
	pids+=("$pid")
done
is "while all compute, one more runs" "$(mcexec echo beside)" beside
kill -KILL "${pids[@]}"
for pid in "${pids[@]}"; do
	end_of "$pid"
done
lwk_balanced "nothing is left"
done_testing
