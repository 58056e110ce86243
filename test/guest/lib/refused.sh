# SPDX-License-Identifier: GPL-2.0-only
# Refusals: one line that says why, and nothing has changed. Part of ../lib.sh.
#
# shellcheck shell=bash

# All that the partition's tools show, and Linux's own view.
partition_state() {
	local index
	echo "online $(</sys/devices/system/cpu/online)"
	ihkconfig 0 query cpu
	ihkconfig 0 query mem
	ihkconfig 0 get os_instances
	ihkconfig 0 get counters | grep -E '^(pages_held|cpus_held|instances) '
	for index in $(ihkconfig 0 get os_instances | tr , ' '); do
		echo "instance $index"
		ihkosctl "$index" get status
		ihkosctl "$index" query cpu
		ihkosctl "$index" query mem
		ihkosctl "$index" get ikc_map
	done
}

# refused NAME STATUS REGEX COMMAND...: exit status STATUS, nothing on stdout,
# one line on stderr that matches, and nothing has changed.
refused() {
	local name=$1 want=$2 regex=$3 before after status=0 text
	shift 3
	before=$(partition_state 2>&1)
	"$@" >"$scratch/refused.out" 2>"$scratch/refused.err" </dev/null || status=$?
	after=$(partition_state 2>&1)
	text=$(<"$scratch/refused.err")
	[ $status = "$want" ] || complain "status $status, not $want"
	[ "$(wc -l <"$scratch/refused.err")" = 1 ] || complain "not one line"
	[[ $text =~ $regex ]] || complain "not like '$regex'"
	[ ! -s "$scratch/refused.out" ] || complain "output on stdout"
	[ "$before" = "$after" ] || complain "something has changed"
	verdict "$name" && return
	note "$*: $text"
	[ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after") | sed 's/^/# /'
}
