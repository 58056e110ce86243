#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fork, vfork, posix_spawn, wait: children, their ends, groups, sessions.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases family exec_chain exec_errors exec_large exec_ways thread_forms crashes usage
run_good "crashes" "$prog/family" crashes
run_good "CPU time of a killed child" "$prog/family" usage
lwk_is "threads come later: EAGAIN" 0 "EAGAIN
EAGAIN
thread_forms: good" "$prog/family" thread_forms
like "and the log says so" "$(ihkosctl "$os" kmsg)" "clone"
lwk_balanced "nothing is left"
done_testing
