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

# ---- its text, which all proxies share ----

# Whoever may open what others have mapped. Nothing but what stands there anyway is written.
cat >"$scratch/text" <<'E2'
import ctypes, fcntl, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, call, *args):
    try:
        call(*args)
        print(what, "done")
    except OSError as e:
        print(what, e.strerror)
def punch(fd, at, size):
    if libc.fallocate(fd, 3, ctypes.c_long(at), ctypes.c_long(size)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
fd = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(fd).st_size
print(size, "bytes,", os.pread(fd, 1, size - 1))
attempt("write:", os.pwrite, fd, os.pread(fd, 16, 0), 0)
attempt("map:", mmap.mmap, fd, size, mmap.MAP_SHARED)
attempt("map a copy:", mmap.mmap, fd, size, mmap.MAP_PRIVATE)
attempt("grow:", os.ftruncate, fd, size + 4096)
attempt("shrink:", os.ftruncate, fd, size - 4096)
attempt("punch:", punch, fd, size - 4096, 4096)
attempt("unseal:", fcntl.fcntl, fd, fcntl.F_ADD_SEALS, 0)
E2
mcexec sleep 1000 &
pid=$!
at_end eval "kill -KILL $pid 2>/dev/null"
ok "a proxy has it mapped" wait_until grep -qs mcproxy "/proc/$pid/maps"
is "nobody writes to it" \
	"$(python3 "$scratch/text" "$(printf '%s\n' "/proc/$pid/map_files/7fffc0000000-"*)" 2>&1)" \
	"65536 bytes, b'\\x00'
write: Operation not permitted
map: Operation not permitted
map a copy: done
grow: Operation not permitted
shrink: Operation not permitted
punch: Operation not permitted
unseal: Operation not permitted"
kill -KILL $pid
end_of $pid

# ---- addresses of the proxy ----

reads='for (@ARGV) { print syscall(0, 0, hex, 4096), " ", $! + 0, "\n" }'
run_stdin=/dev/zero
lwk_is "its text, its control pages, and nothing" 0 $'-1 14\n-1 14\n-1 14' \
	perl -e "$reads" 7fffc0000000 7fffe0000000 7f8000000000
# In both mappings, to the end, and the first byte behind.
lwk_is "the stacks of slots that nobody has" 0 $'4096\n4096\n4096\n-1' \
	perl -e 'for (@ARGV) { print syscall(0, 0, hex, 4096), "\n" }' \
	7ffe7ffff000 7ffe80000000 7fff7ffbf000 7fff7ffc0000
lwk_watch
for address in 7fffc1000000 7fffc1000800 7ffe7ffc0000 7ffe7ffc8000 7ffffffee000; do
	status=0
	mcexec perl -e "$reads" $address </dev/zero >"$scratch/out" 2>&1 || status=$?
	note "$address: status $status, $(head -c 100 "$scratch/out")"
	is "after a read into its own proxy at $address others run" "$(mcexec echo yes)" yes
done
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
