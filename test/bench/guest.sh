#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The benchmark's part inside the machine: run starts it as guest.sh QUICK NAME...
# Systems: 0 Linux, 1 the LWK with its twins asleep, 2 with its twins polling.
set -eu

quick=$1
wanted=" ${*:2} "
build=$VM_BUILD
bench=$build/test/bench/bench
poll=/sys/module/ihk/parameters/poll_us

# measure SYSTEM SETTLE_US NAME...: those of them that are wanted.
measure() {
	local system=$1 settle=$2 name list=() way=()
	for name in "${@:3}"; do
		[[ $wanted == *" $name "* ]] && list+=("$name")
	done
	[ ${#list[@]} -gt 0 ] || return 0
	[ "$system" = 0 ] || way=(mcexec)
	"${way[@]}" "$bench" run "$system" "$settle" "$quick" "${list[@]}"
}

# The symbols of everything that runs, "ADDRESS NAME": Linux, the module
# (ihk:NAME), the LWK (lwk:NAME), the proxy (proxy:NAME) and the benchmark
# itself (bench:NAME). "-" ends a part.
symbols() {
	awk '$2 ~ /^[tTwW]$/ { print $1, ($4 == "[ihk]" ? "ihk:" : "") $3 }' /proc/kallsyms
	nm "$build/mckernel/mckernel.img" |
		awk '$2 ~ /^[tT]$/ { print $1, $3 == "text_end" ? "-" : "lwk:" $3 }'
	nm "$build/proxy/mcproxy" | awk '$2 ~ /^[tT]$/ && $1 ~ /^00007f/ { print $1, "proxy:" $3 }'
	echo 00007fffc0010000 -
	nm "$bench" | awk '$2 ~ /^[tT]$/ { print $1, "bench:" $3 }'
	echo 0000000001000000 -
}

echo 0 >/proc/sys/kernel/kptr_restrict
symbols | sort -s -k 1,1 >/mnt/share/symbols
"$bench" arm
most=$(<$poll)

each=(empty getpid lseek write touch mmap-4k mmap-2m shared-map shared-read shared-write read-1m compute)
settled=(empty-settled fork fork-256m fork-exec)
beside=(lseek-few lseek-many pair-few pair-many)
threads=(gettid clock yield signal create pong turns barrier fork-8)
measure 0 10000 "${each[@]}" "${settled[@]}"
measure 0 10000 "${beside[@]}" "${threads[@]}"
echo 0 >$poll
measure 1 10000 "${each[@]}" "${settled[@]}" lseek-settled write-settled
measure 1 10000 "${beside[@]}" "${threads[@]}"
echo 1000000 >$poll
measure 2 3000 empty empty-settled lseek lseek-settled write write-settled read-1m
echo "$most" >$poll

if [[ $wanted == *" true "* ]]; then
	reps=$((quick ? 3 : 7))
	"$bench" command 0 true $reps /bin/true
	"$bench" command 1 true $reps mcexec /bin/true
fi
if [[ $wanted =~ \ (boot|shutdown)\  ]]; then
	for ((i = 0; i < (quick ? 1 : 3); i++)); do
		"$bench" command 1 shutdown 1 ihkosctl 0 shutdown
		ihkosctl 0 load "$build/mckernel/mckernel.img"
		"$bench" command 1 boot 1 ihkosctl 0 boot
	done
fi
echo "finished"
