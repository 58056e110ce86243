#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fork, vfork, posix_spawn, wait: children, their ends, groups, sessions.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases family exec_chain exec_errors exec_large exec_ways
lwk_balanced "nothing is left"
done_testing
