#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Much memory in an instance of 1 GiB: 700 MiB touched, 600 MiB forked, a 500 MiB file mapped.
# vm:
. "$(dirname "$0")/lib.sh"

[ $(($(lwk_counter pages_total) / 256)) -ge 900 ] || bail "the instance has less than 1 GiB"
# `free` of a program that asks the system, as getconf does, is the instance's.
is "programs are told of the instance's memory" "$(mcexec getconf _PHYS_PAGES)" "$(lwk_counter pages_total)"
free=$(mcexec getconf _AVPHYS_PAGES)
ok "and of what of it is free ($free pages)" [ "$free" -gt 1000 -a "$free" -lt "$(lwk_counter pages_total)" ]
run_good "700 MiB are touched" "$prog/touch" verify 700
run_good "a process of 600 MiB forks" "$prog/touch" fork 600
perl -e 'for my $i (1 .. 8000) { print pack("NN", $i, ~$i) x 8192 }' >"$scratch/file"
is "a file of 500 MiB" "$(stat -c %s "$scratch/file")" $((500 << 20))
run_good "is mapped, and shows what read(2) shows" "$prog/touch" file "$scratch/file"
run_good "and does not stand in the way of 700 MiB" "$prog/touch" verify 700
rm "$scratch/file"
lwk_balanced "nothing is left"
done_testing
