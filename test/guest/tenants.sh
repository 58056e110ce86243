#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One address space under many threads: faults, mmap, mprotect, brk, forks and Linux's own accesses.
# vm:
# vm-slow: --cpus 8 --lwk-cpus 4-7
# idle: 1800
. "$(dirname "$0")/lib.sh"

[ "$(nproc)" -le 2 ] || export TENANTS=10
run_cases tenants
lwk_balanced "nothing is left"
done_testing
