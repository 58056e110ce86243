#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How programs end, as their parent on Linux sees it.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

run_both "true" true
run_both "false" false
for status in 2 126 127 128 255; do
	run_both "exit status $status" sh -c "exit $status"
done
for signal in HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV PIPE TERM XCPU 35 64; do
	run_both "killed by SIG$signal" sh -c "kill -$signal \$\$; exit 99"
done
run_both "a pipe that nobody reads" bash -c 'yes | head -n 1; echo "${PIPESTATUS[*]}"'
run_both "abort" perl -e 'use POSIX; POSIX::abort()'
run_both "no memory at 8" perl -e 'unpack("p", pack("Q", 8))'

mcexec yes | head -n 1 >/dev/null
is "SIGPIPE from a reader on Linux" "${PIPESTATUS[0]}" 141
mcexec sh -c 'kill -KILL $$'
is "a program that kills itself" $? 137
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
