#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stress-ng's classes cpu, scheduler, pipe, interrupt, os, memory and vm, which look at their own
# results: each stressor that runs on Linux in this machine ends on the LWK as there.
# vm-slow:
# idle: 1800
. "$(dirname "$0")/lib.sh"

# Stressors that end otherwise, with how they end and why.
declare -A different=()

# stress HOW STRESSOR [COMMAND...]: leaves its status in $HOW_status (0: all is well, 2: not so,
# 3, 4: it cannot run here).
stress() {
	local how=$1 stressor=$2 status=0
	shift 2
	mkdir "$work"
	(cd "$work" && exec timeout -k 10 120 "$@" stress-ng "--$stressor" 1 --timeout 1 --verify) \
		</dev/null >"$scratch/$how.out" 2>&1 || status=$?
	rm -rf "$work"
	printf -v "${how}_status" %d $status
}

stressors() {
	local class
	for class in cpu scheduler pipe interrupt os memory vm; do
		stress-ng --class "$class?" 2>&1 | sed 's/.*stressors: //' | tr ' ' '\n'
	done | sort -u | grep .
}

for stressor in $(stressors); do
	stress native "$stressor"
	if [ $native_status != 0 ]; then
		note "$stressor: $native_status on Linux"
		continue
	fi
	stress lwk "$stressor" mcexec
	is "$stressor" $lwk_status "${different[$stressor]:-0}" || show "$scratch/lwk.out"
done
lwk_balanced "nothing is left"
done_testing
