#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Calls with pointers in their arguments' memory, all by plain offload lines.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases offload
lwk_balanced "nothing is left"
done_testing
