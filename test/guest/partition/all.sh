#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All memory that Linux can spare, in a small machine; and what is not ours of it.
# vm: --no-lwk --cpus 2 --mem 1G
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

export MCKERNEL_IMG=$hello
available() {
	awk '/^MemAvailable/ { print $2 }' /proc/meminfo
}

load_module hang_seconds=60
before=$(available)
ok "reserve mem all" ihkconfig 0 reserve mem all
note "$before KiB were available, $(available) KiB are left of them"
ok "Linux keeps what it needs" test "$(available)" -gt $((100 << 10))
ok "and lives" sha256sum /bin/bash
refuses "there is no more" 1 'node 0 can give' ihkconfig 0 reserve mem 256M
ok "release mem all" ihkconfig 0 release mem all
is "all pages are back" "$(counter ihkconfig 0 pages_held)" 0

ok "reserved by somebody else" ihkconfig 0 reserve mem 32M
refuses "a failure behind all" 1 'not an ELF file' env MCKERNEL_IMG=/etc/passwd mcreboot.sh -c 1 -m all
is "leaves it to him" "$(ihkconfig 0 query mem)" 33554432@0
ok "a success with all" mcreboot.sh -c 1 -m all
is "too" "$(ihkconfig 0 query mem)" 33554432@0
ok "down" mcstop+release.sh
is "too" "$(ihkconfig 0 query mem)" 33554432@0
ok "he has done" ihkconfig 0 release mem all
ok "the module goes" rmmod ihk
done_testing
