#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signals: what a handler gets, which are blocked and pending, how they are waited for.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases signals
lwk_balanced "nothing is left"
done_testing
