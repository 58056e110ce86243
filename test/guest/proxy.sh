#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a proxy is to Linux: small limits do not refuse it, it stays small in memory, and a program that
# passes the proxy's own addresses to Linux harms nobody but itself.
# vm:
. "$(dirname "$0")/lib.sh"

# ---- limits, which are the program's ----

# All that exec and fork map for the proxy is far larger.
run_good "under ulimit -v" bash -c 'ulimit -v 60000; echo $(ulimit -v; ulimit -d); ls / | cat | (exec wc -l)'
run_good "under ulimit -d" bash -c 'ulimit -d 20000; echo $(ulimit -v; ulimit -d); ls / | cat | (exec wc -l)'
for case in exec_ways exec_chain; do
	run_good "under both: $case" bash -c "ulimit -v 60000 -d 20000; exec $prog/family $case"
done
# Linux promises no more memory than it has.
echo 2 >/proc/sys/vm/overcommit_memory
at_end sh -c 'echo 0 >/proc/sys/vm/overcommit_memory'
run_good "without overcommitment" bash -c 'echo $(ls / | cat | (exec wc -l)); true & wait'
run_good "without overcommitment: exec_ways" "$prog/family" exec_ways
echo 0 >/proc/sys/vm/overcommit_memory

# ---- what Linux counts as the proxy's memory ----

cat >"$scratch/largest" <<'E2'
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL)
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
E2
read -r status mib < <(python3 "$scratch/largest" mcexec dd if=/dev/zero of=/dev/null bs=120M count=2)
is "a program reads into 120 MiB" "$status" 0
ok "and Linux sees no more than 64 of them" [ "$mib" -lt 80 ]
note "$mib MiB"

# ---- addresses of the proxy ----

reads='for (@ARGV) { print syscall(0, 0, hex, 4096), " ", $! + 0, "\n" }'
run_stdin=/dev/zero
lwk_is "its text, its control pages, and nothing" 0 $'-1 14\n-1 14\n-1 14' \
	perl -e "$reads" 7fffc0000000 7fffd0000000 7f8000000000
# In both mappings, to the end, and the first byte behind.
lwk_is "the stacks of slots that nobody has" 0 $'4096\n4096\n4096\n-1' \
	perl -e 'for (@ARGV) { print syscall(0, 0, hex, 4096), "\n" }' \
	7fff7fff0000 7fff80000000 7fff9ff7f000 7fff9ff80000
lwk_watch
for address in 7fffc1000000 7fffc1000800 7fff7ff80000 7fff7ff90000 7ffffffee000; do
	status=0
	mcexec perl -e "$reads" $address </dev/zero >"$scratch/out" 2>&1 || status=$?
	note "$address: status $status, $(head -c 100 "$scratch/out")"
	is "after a read into its own proxy at $address others run" "$(mcexec echo yes)" yes
done
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
