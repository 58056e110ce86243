#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a program may do to its kernel by registers, and that the LWK survives it.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases traps gates
lwk_is "traps: gates" 0 "gates: good" "$prog/traps" gates
lwk_balanced "nothing is left"
done_testing
