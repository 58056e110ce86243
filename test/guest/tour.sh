#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A small tour of the LWK for people, run in the machine by boot/demo.
set -u

show() {
	printf '\n$ %s\n' "$*"
	"$@" || printf '(status %d)\n' $?
}

title() {
	printf '\n== %s\n' "$*"
}

title "Two kernels on one machine"
printf 'CPUs of Linux:   %s\n' "$(cat /sys/devices/system/cpu/online)"
show ihkosctl 0 query cpu
show ihkosctl 0 query mem
show ihkosctl 0 get status

title "Programs of the host, unmodified, on the LWK"
show mcexec /bin/echo "hello from the LWK"
show mcexec bash -c 'echo "pid $$ sees: $(uname -sr)"; seq 100000 | sort -rn | head -n 3'
show mcexec python3 -c 'import sys, hashlib; print(sys.version.split()[0], hashlib.sha256(b"lwk").hexdigest()[:16])'
show mcexec sqlite3 :memory: 'select 6 * 7;'
show mcexec sha256sum /bin/bash
show sha256sum /bin/bash

title "Which CPU ran what"
# The LWK numbers its CPUs from 0, in the order in which they were assigned.
n=0
for cpu in $(ihkosctl 0 query cpu --json | tr -cs 0-9 ' '); do
	printf '\nCPU %d of the LWK is CPU %d of the machine\n' $n "$cpu"
	show mcexec -c $n python3 -c 'import ctypes; print("running on CPU", ctypes.CDLL(None).sched_getcpu(), "of the LWK")'
	n=$((n + 1))
done

title "What was local, what was offloaded"
show ihkosctl 0 get counters

title "The LWK's log"
show ihkosctl 0 kmsg
