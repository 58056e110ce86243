#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Strange programs: what they print, and how they end, is what Linux makes of them.
# vm:
. "$(dirname "$0")/lib.sh"

# Each program of strange/*.c, and each script strange/*.sh, runs natively and on
# the LWK in a directory of its own, and the two must not differ. What an answer
# should be stands nowhere here: it is Linux's.
for program in "$prog"/../strange/*; do
	run_both "${program##*/}" "$program"
done
for script in "$test_dir"/strange/*.sh; do
	[ ! -e "$script" ] || run_both "$(basename "$script" .sh)" bash "$script"
done
lwk_balanced "nothing is left"
done_testing
