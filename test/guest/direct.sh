#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# O_DIRECT from and into the program's own memory.
# vm:
. "$(dirname "$0")/lib.sh"

modprobe brd rd_nr=1 rd_size=16384 || bail "no RAM disk"
at_end modprobe -r brd
export DISK=/dev/ram0
for case in round_trip after_fork; do
	run_good "$case" "$prog/direct" $case
done
run_good "dd" bash -c 'head -c 2000000 /bin/bash >in; truncate -s 2097152 in;
	dd if=in of=$DISK bs=64k oflag=direct status=none; dd if=$DISK bs=128k count=16 iflag=direct status=none | cmp - in && echo same'
lwk_balanced "nothing is left"
done_testing
