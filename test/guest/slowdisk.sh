#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Reads under way, into memory that is unmapped, discarded, moved, forked, or whose process dies:
# no byte goes to a wrong owner.
# vm-slow:
. "$(dirname "$0")/lib.sh"

# A disk in memory whose answers take their time, once it is told to.
modprobe null_blk nr_devices=0 || bail "no null_blk"
at_end modprobe -r null_blk
mount -t configfs configfs /sys/kernel/config 2>/dev/null
disk=/sys/kernel/config/nullb/nullb_slow
mkdir $disk || bail "$disk"
at_end rmdir $disk
echo 16 >$disk/size
echo 1 >$disk/memory_backed
echo 2 >$disk/irqmode
echo $((${DELAY_MS:-1500} * 1000000)) >$disk/completion_nsec
echo 1 >$disk/power
at_end sh -c "echo 0 >$disk/power"
DISK=/dev/$(lsblk -dno NAME | grep nullb)
export DISK
ok "the disk is prepared" "$prog/direct" prepare

# On Linux too, all but what only the LWK promises.
for case in unmapped discarded replaced moved protected; do
	run_good "$case" "$prog/direct" $case
done
lwk_is "forked" 0 "forked: good" "$prog/direct" forked

drained() {
	[ "$(lwk_counter pages_quarantined)" = 0 ]
}
total=$(($(lwk_counter pages_total) / 256))
for round in 1 2 3; do
	start_lwk "$prog/direct" killed
	kill -KILL $pid
	end_of $pid
	note "in quarantine: $(lwk_counter pages_quarantined)"
	is "round $round: behind a killed one, memory is clean" "$(mcexec "$prog/touch" fresh $((total / 2)))" "fresh: done"
	is "and stays what it is" "$(mcexec "$prog/touch" verify $((total / 2)))" "verify: done"
	ok "the quarantine is empty when the disk has answered" wait_until drained
done
lwk_balanced "nothing is left"
done_testing
