# SPDX-License-Identifier: GPL-2.0-only
# The instance's counters, and what programs left behind. Part of ../lib.sh.
#
# shellcheck shell=bash

# lwk_counters ARRAY: reads all of them into an associative array.
lwk_counters() {
	local -n into=$1
	local key value
	into=()
	while read -r key value; do
		into[$key]=$value
	done < <(ihkosctl "$os" get counters)
	[ "${into[pages_total]:-0}" -gt 0 ] || bail "instance $os shows no counters"
}

# lwk_counter NAME
lwk_counter() {
	ihkosctl "$os" get counters | sed -n "s/^$1 //p"
}

# lwk_baseline: remembers what the LWK needs for itself, behind a first run of
# what is to be tested (it keeps objects for the next time).
lwk_baseline() {
	lwk_counters baseline
}
declare -A baseline=()

# What is left of programs that have ended, one line each. The LWK itself may
# need more than at the baseline only for the files that it caches since: a table
# of their pages for each, however few these are.
lwk_left() {
	local -A c
	local grown cached
	lwk_counters c
	[ "${c[pages_user]}" = 0 ] || echo "${c[pages_user]} pages still belong to programs"
	[ "${c[pages_committed]}" = 0 ] || echo "${c[pages_committed]} pages are still promised"
	[ "${c[pages_quarantined]}" = 0 ] || echo "${c[pages_quarantined]} pages are in quarantine"
	[ "${c[processes_born]}" = "${c[processes_ended]}" ] ||
		echo "${c[processes_born]} processes were born, ${c[processes_ended]} ended"
	[ "${c[threads_born]}" = "${c[threads_ended]}" ] ||
		echo "${c[threads_born]} threads were born, ${c[threads_ended]} ended"
	[ $((c[pages_free] + c[pages_cache] + c[pages_kernel])) = "${c[pages_total]}" ] ||
		echo "free ${c[pages_free]}, cached ${c[pages_cache]}, kernel ${c[pages_kernel]}: not ${c[pages_total]}"
	[ ${#baseline[@]} != 0 ] || return
	grown=$((c[pages_kernel] - baseline[pages_kernel]))
	cached=$((c[pages_cache] - baseline[pages_cache]))
	[ $cached -gt 0 ] || cached=0
	[ $grown -le $((cached + 32)) ] ||
		echo "the kernel has $grown pages more than it had, for $cached cached ones more"
}

# lwk_balanced NAME: no program runs, and all memory is back.
lwk_balanced() {
	is "$1" "$(lwk_left)" ""
}
