#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A numerical program with the run-time library of Fortran.
# vm:
. "$(dirname "$0")/lib.sh"

run_good "linear algebra, integration, formatted files" "$prog/numeric"
lwk_balanced "nothing is left"
done_testing
