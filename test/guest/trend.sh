# SPDX-License-Identifier: GPL-2.0-only
# Does Linux have less memory from round to round? What is in use at a moment
# varies, and what lies in the lists of its CPUs is not in MemFree; the most that
# is free at a time does not vary.
#
# shellcheck shell=bash

most_free=(0 0)

# trend_look HALF: looks at MemFree, in half 0 or 1 of the rounds.
trend_look() {
	local free
	echo 3 >/proc/sys/vm/drop_caches
	echo 1 >/proc/sys/vm/compact_memory
	free=$(awk '/^MemFree/ { print $2 }' /proc/meminfo)
	[ "$free" -lt "${most_free[$1]}" ] || most_free[$1]=$free
}

trend_verdict() {
	note "MemFree: at most ${most_free[0]} KiB in the first half of the rounds, ${most_free[1]} KiB in the second"
	ok "MemFree shows no trend (within 8 MiB)" test $((most_free[0] - most_free[1])) -lt 8192
}
