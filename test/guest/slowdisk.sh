#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Reads under way, into memory that is unmapped, discarded, moved, forked, or whose process dies:
# no byte goes to a wrong owner.
# vm:
. "$(dirname "$0")/lib.sh"

# A disk in memory behind a device that holds what it is asked until it is told to go on.
modprobe brd rd_nr=1 rd_size=16384 || bail "no RAM disk"
at_end modprobe -r brd
modprobe dm-mod || bail "no device mapper"
echo "0 32768 linear /dev/ram0 0" | dmsetup create held --noudevsync || bail "dmsetup create"
at_end dmsetup remove held --noudevsync
DISK=/dev/$(dmsetup info -c --noheadings -o blkdevname held)
RELEASE=$scratch/release
export DISK RELEASE
hold() {
	dmsetup suspend --nolockfs --noflush --noudevsync held
}
release() {
	dmsetup resume --noudevsync held
}

# The program says by a byte when it is done with its memory.
mkfifo "$RELEASE"
exec 8<>"$RELEASE"
while read -rn 1 -u 8 _; do
	release
done &
releaser=$!
at_end kill $releaser

ok "the disk is prepared" "$prog/direct" prepare
run_setup=hold
for case in unmapped discarded replaced moved protected; do
	run_good "$case" "$prog/direct" $case
done
run_setup=
# Linux may give a child what its parent reads; here both have what they should.
hold
lwk_is "forked" 0 "forked: good" "$prog/direct" forked

total=$(($(lwk_counter pages_total) / 256))
mkfifo "$scratch/keep"
is_dying() {
	grep -q '^State:.D' "/proc/$1/status"
}
drained() {
	[ "$(lwk_counter pages_quarantined)" = 0 ]
}
lwk_watch
for round in 1 2 3; do
	hold
	start_lwk "$prog/direct" killed
	reader=$pid
	kill -KILL $reader
	# No process of Linux ends before its reads.
	ok "round $round: a killed process waits for its read" wait_until is_dying $reader
	is "meanwhile memory is clean for others" "$(mcexec "$prog/touch" fresh $((total / 4)))" "fresh: done"
	start_lwk "$prog/touch" keep $((total / 2)) "$scratch/keep"
	release
	end_of $reader
	is "the process ends when the disk has answered" $status 137
	ok "nothing is left in quarantine" wait_until drained
	echo >"$scratch/keep"
	end_of $pid
	is "and who had memory meanwhile finds it as it was" $status 0
done
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
