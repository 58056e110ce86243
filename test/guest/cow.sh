#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Copy-on-write: who sees which bytes after fork, also when Linux writes them by read(2).
# vm:
. "$(dirname "$0")/lib.sh"

run_cases cow
lwk_balanced "nothing is left"
done_testing
