#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What needs no Linux is carried out on the LWK: memory calls, faults, identity, time.
# vm:
. "$(dirname "$0")/lib.sh"

declare -A before after
for case in $("$prog/local"); do
	lwk_counters before
	run_good "$case" "$prog/local" "$case"
	lwk_counters after
	offloaded=$((after[calls_offloaded] - before[calls_offloaded]))
	calls=$((after[calls_local] - before[calls_local]))
	faults=$((after[faults] - before[faults]))
	note "$calls calls local, $offloaded offloaded, $faults faults"
	# A start of the program takes some tens of them.
	ok "$case: a thousand times, and Linux was hardly asked" [ $offloaded -lt 200 ]
	case $case in
	faults) ok "$case: all served on the LWK" [ $faults -ge 1000 ] ;;
	*) ok "$case: all carried out on the LWK" [ $calls -ge 1000 ] ;;
	esac
done
lwk_balanced "nothing is left"
done_testing
