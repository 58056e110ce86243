#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signals in a process of many threads: who takes them, and who changes what they do.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases receivers
lwk_balanced "nothing is left"
done_testing
