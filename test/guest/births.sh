#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The birth of threads: every form of clone, what a child begins with, and who sees it.
# vm:
# vm-slow: --cpus 8 --lwk-cpus 4-7
# idle: 1800
. "$(dirname "$0")/lib.sh"

[ "$(nproc)" -le 2 ] || export STORM=20000
run_cases births

# On Linux, the threads have their names.
start_lwk "$prog/births" linger
is "the threads as Linux shows them" "$(ps -L -o comm= -p $pid | tr '\n' ' ')" \
	"births name-0 name-1 name-2 name-3 name-4 "
is "one process" "$(ps -o nlwp= -p $pid | tr -d ' ')" 6
kill -TERM $pid
end_of $pid
is "the end of one is the end of all" $status 5
lwk_balanced "nothing is left"
done_testing
