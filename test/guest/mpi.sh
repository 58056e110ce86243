#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# MPI on one node: ranks on the LWK, on both kernels, and mpirun itself on the LWK.
# vm:
. "$(dirname "$0")/lib.sh"

tool=$prog/ranks
lwk_watch
run=(mpirun.mpich -disable-auto-cleanup)
expected=$("${run[@]}" -n 3 "$tool" "$scratch/file")
like "Linux alone" "$expected" "^3 ranks: ring [0-9]+, memory 7, counter 600, file 6$"

is "a rank on each CPU of the LWK" "$("${run[@]}" -n 2 mcexec "$tool" "$scratch/file")" \
	"$("${run[@]}" -n 2 "$tool" "$scratch/file")"
is "more ranks than CPUs" "$("${run[@]}" -n 3 mcexec "$tool" "$scratch/file")" "$expected"
is "ranks on both kernels" \
	"$("${run[@]}" -n 2 mcexec "$tool" "$scratch/file" : -n 1 "$tool" "$scratch/file")" "$expected"
is "mpirun on the LWK" "$(mcexec "${run[@]}" -n 3 "$tool" "$scratch/file")" "$expected"
lwk_balanced "nothing is left"
done_testing
