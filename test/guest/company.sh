#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many threads end, stop, die, execute and fork as one process, whatever they are doing.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases company
lwk_balanced "nothing is left"
done_testing
