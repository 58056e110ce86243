#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What programs of the LWK read in /proc and /sys of their machine and of each other. (What a
# program reads of itself: strange/views.c.)
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch
cpus=$(mcexec python3 -c 'import os; print(len(os.sched_getaffinity(0)))')
last=$((cpus - 1))

for file in online possible present; do
	is "$file" "$(mcexec cat /sys/devices/system/cpu/$file)" "0-$last"
done
is "nproc" "$(mcexec nproc)" "$cpus"
is "getconf" "$(mcexec getconf _NPROCESSORS_CONF)" "$cpus"
is "/proc/cpuinfo: places" "$(mcexec grep -c '^processor' /proc/cpuinfo)" "$cpus"
is "and each a core of its own" \
	"$(mcexec sed -n 's/^core id.*: //p' /proc/cpuinfo | sort -u | wc -l)" "$cpus"
is "Cpus_allowed_list" "$(mcexec sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" "0-$last"
is "and what taskset allows" \
	"$(mcexec taskset -c 1 sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" 1
is "a node's CPUs" "$(mcexec cat /sys/devices/system/node/node0/cpulist)" "0-$last"
is "numactl" "$(mcexec numactl -H | sed -n 's/^node 0 cpus: //p')" "$(seq -s ' ' 0 $last)"
is "hwloc" "$(mcexec lstopo-no-graphics --only pu | wc -l)" "$cpus"

# The instance's memory, by whatever way.
total=$(($(lwk_counter pages_total) * 4))
is "MemTotal" "$(mcexec awk '/^MemTotal/ { print $2 }' /proc/meminfo)" "$total"
is "free" "$(mcexec free -k | awk '/^Mem:/ { print $2 }')" "$total"
is "a node's MemTotal is not less" \
	"$(mcexec awk -v t=$total '/ MemTotal/ { print $4 >= t }' /sys/devices/system/node/node0/meminfo)" 1
used=$(mcexec awk '/^AnonPages/ { print $2 }' /proc/meminfo)
is "AnonPages counts what a program has touched" \
	"$(mcexec python3 -c "
memory = bytearray(b'x') * (64 << 20)
for line in open('/proc/meminfo'):
    if line.startswith('AnonPages'):
        print(int(line.split()[1]) >= $used + 65536)")" True

# Others: by Linux's rights, and only programs of the LWK.
mcexec sleep 600 &
sleeper=$!
maps_of() {
	mcexec grep -c ' r-xp .*/sleep$' "$1"
}
wait_until grep -q sleep /proc/$sleeper/comm
is "another's maps" "$(maps_of /proc/$sleeper/maps)" 1
is "by a descriptor of its folder" \
	"$(cd /proc/$sleeper && maps_of maps)" 1
mkdir "$scratch/proc"
mount --bind /proc "$scratch/proc"
at_end umount "$scratch/proc"
is "by another name" "$(maps_of "$scratch/proc/$sleeper/task/$sleeper/maps")" 1
is "through a link" "$(ln -s /proc/self/maps "$scratch/link" && mcexec grep -c '\[stack\]' "$scratch/link")" 1
is "a program of Linux's is shown as it is" "$(mcexec cat /proc/1/maps)" "$(cat /proc/1/maps)"
is "and Linux is shown the proxy" "$(grep -c mckernel /proc/$sleeper/maps | sed 's/[1-9].*/some/')" some
at_end chmod "$(stat -c %a "/dev/mcos$os")" "/dev/mcos$os"
chmod 666 "/dev/mcos$os"
is "not to whom Linux refuses it" \
	"$(su nobody -s /bin/bash -c "mcexec cat /proc/$sleeper/maps" 2>&1)" \
	"cat: /proc/$sleeper/maps: Permission denied"
is "status to everybody" \
	"$(su nobody -s /bin/bash -c "mcexec grep -c VmRSS /proc/$sleeper/status")" 1
kill $sleeper
wait $sleeper 2>/dev/null

# Long ones come in pieces; each line once and in order, at whatever size they are read.
cat >"$scratch/many.py" <<'END'
import ctypes, os
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 4
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
count = 6000
area = libc.mmap(None, 8192 * count, 3, 0x22, -1, 0)
for i in range(count):
    libc.mprotect(area + 8192 * i, 4096, 1)
expected = [area + 4096 * i for i in range(2 * count)]
def lines(size, name='maps'):
    fd = os.open('/proc/self/' + name, os.O_RDONLY)
    text = b''
    while piece := os.read(fd, size):
        text += piece
    os.close(fd)
    starts = [int(line.split(b'-')[0], 16) for line in text.splitlines() if b' 00000000 00:00 0' in line]
    return [s for s in starts if area <= s < area + 8192 * count]
for size in (1 << 24, 4096, 777):
    print(lines(size) == expected)
print(lines(1 << 20, 'smaps') == expected)
END
is "12,000 mappings" "$(mcexec python3 "$scratch/many.py")" $'True\nTrue\nTrue\nTrue'

mcexec sleep 0.5 &
is "a file of a process that has ended" "$(mcexec bash -c "
	exec 6</proc/$!/maps
	while kill -0 $! 2>/dev/null; do sleep 0.1; done
	wc -c <&6")" 0
wait
lwk_balanced "nothing is left"
done_testing
