#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A second instance, of 64 MiB: programs use files that are larger than it.
# vm:
. "$(dirname "$0")/lib.sh"

ok "an instance of 64 MiB" eval "ihkconfig 0 reserve cpu 1 && ihkconfig 0 reserve mem 64M &&
	ihkconfig 0 create && ihkosctl 1 assign cpu 1 && ihkosctl 1 assign mem all &&
	ihkosctl 1 load '$VM_BUILD/mckernel/mckernel.img' && ihkosctl 1 boot"
os=1
export FILE=$scratch/file
perl -e 'for my $i (0 .. 24575) { my $n = pack("V", $i); print $n, "\0" x 4088, $n }' >"$FILE"
is "a file of 96 MiB" "$(stat -c %s "$FILE")" $((96 << 20))
run_cases pressure
is "nobody was killed" "$(lwk_counter oom_kills)" 0
ok "clean pages of the file are in memory, and count as free" \
	test "$(lwk_counter pages_clean)" -ge "$(lwk_counter pages_cache)"
lwk_balanced "nothing is left"
ok "the instance goes" eval "ihkosctl 1 shutdown && ihkconfig 0 destroy 1 &&
	ihkconfig 0 release mem all && ihkconfig 0 release cpu 1"
done_testing
