#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every operation of futexes, by threads and by processes, as on Linux.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases futexops
run_cases futexpi
run_cases futexrank
run_cases pthreads
lwk_balanced "nothing is left"
done_testing
