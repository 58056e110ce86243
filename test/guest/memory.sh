#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Address spaces: mmap, mprotect, mremap, brk, madvise, private files, bad pointers, limits.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases memory file_shared
lwk_is "a shared mapping of a file: ENODEV" 0 "ENODEV
ENODEV
file_shared: good" "$prog/memory" file_shared
lwk_balanced "nothing is left"
done_testing
