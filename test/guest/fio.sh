#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Reading and writing in every way that Linux has: each block is verified by its checksum.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# verified NAME OPTION...: on a file of our own.
verified() {
	local name=$1
	shift
	rm -f "$scratch/file"
	ok "$name" mcexec fio --name=a --filename="$scratch/file" --size=1M --bs=4k --rw=randwrite \
		--verify=crc32c --verify_fatal=1 --output="$scratch/fio.log" "$@"
}

for engine in psync pvsync2 mmap libaio io_uring posixaio; do
	verified "$engine" --ioengine=$engine --iodepth=8
done
verified "io_uring, its queue polled by a thread of Linux's" --ioengine=io_uring --sqthread_poll=1 \
	--iodepth=8
lwk_balanced "nothing is left"
done_testing
