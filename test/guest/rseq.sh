#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Restartable sequences are aborted by switches, moves and signals; membarrier acts on all threads.
# vm:
. "$(dirname "$0")/lib.sh"

run_cases rseq
lwk_balanced "nothing is left"
done_testing
