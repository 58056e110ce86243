#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Address spaces: mmap, mprotect, mremap, brk, madvise, private files, bad pointers, limits.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases memory killed_in_call
# Linux's mincore looks at all of it first.
lwk_is "SIGKILL in the middle of a long call" 0 "killed_in_call: good" "$prog/memory" killed_in_call
lwk_balanced "nothing is left"
done_testing
