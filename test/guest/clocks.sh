#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Time: forwards, the same in both kernels, and CPU time for whoever asks.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

run_cases clocks

# A program's time lies between two times of Linux.
now() {
	perl -MTime::HiRes=clock_gettime -e 'printf "%.9f", clock_gettime($ARGV[0])' "$1"
}
for clock in 0 1 7; do
	times=$(now $clock; echo; mcexec perl -MTime::HiRes=clock_gettime -e \
		'printf "%.9f\n", clock_gettime($ARGV[0])' $clock; now $clock)
	is "clock $clock is between Linux's" "$(sort -n <<<"$times")" "$times"
done

# The time that a shell and wait4 see.
TIMEFORMAT=%U
spent=$({ time mcexec perl -e '$x += $_ for 1 .. 1000000' 2>&3; } 3>&2 2>&1)
ok "time(1) of a computing program: $spent s" test "${spent/./}" -gt 50
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
