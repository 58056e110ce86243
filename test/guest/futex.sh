#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Futexes between processes.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases futex
lwk_balanced "nothing is left"
done_testing
