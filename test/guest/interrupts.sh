#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What signals interrupt: restarted and interrupted calls, each exactly once; computing programs.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases interrupts
lwk_balanced "nothing is left"
done_testing
