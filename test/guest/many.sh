#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Small programs many times in a row, and eight different ones at once: the same, and nothing is left.
# vm-slow:
# vm-slow: --mem 5G
. "$(dirname "$0")/lib.sh"

times=20
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || times=100

input=$scratch/input
head -c 20000 /usr/share/common-licenses/GPL-3 >"$input"
echo '2^200; quit' >"$scratch/sum"

# Each behind what launches it: mcexec, or nothing of that kind.
hash() { "$@" sha256sum "$input"; }
lines() { "$@" sort "$input"; }
pack() { "$@" gzip -9nc "$input"; }
fields() { "$@" awk '{ n += NF } END { print n }' "$input"; }
pipeline() { "$@" bash -c 'for i in 1 2 3; do echo $i | cat; done'; }
sum() { "$@" bc -q "$scratch/sum"; }
squares() { "$@" perl -e 'print join ",", map { $_ ** 2 } 1 .. 200'; }
copies() { "$@" "$prog/cow" both_read; }
programs=(hash lines pack fields pipeline sum squares copies)

for program in "${programs[@]}"; do
	$program env >"$scratch/$program.native" || bail "$program on Linux"
	$program mcexec >"$scratch/$program.lwk"
done
lwk_baseline

lwk_watch
for program in "${programs[@]}"; do
	wrong=
	for ((n = 0; n < times; n++)); do
		$program mcexec >"$scratch/$program.lwk" 2>&1 || wrong+="run $n: status $?; "
		cmp -s "$scratch/$program.native" "$scratch/$program.lwk" || wrong+="run $n: other output; "
	done
	is "$program, $times times in a row" "$wrong" ""
done
lwk_balanced "nothing is left behind them"

for ((n = 0; n < times / 5; n++)); do
	pids=()
	for program in "${programs[@]}"; do
		$program mcexec >"$scratch/$program.lwk" 2>&1 &
		pids+=($!)
	done
	wrong=
	for program in "${programs[@]}"; do
		wait "${pids[0]}" || wrong+="$program: status $?; "
		pids=("${pids[@]:1}")
		cmp -s "$scratch/$program.native" "$scratch/$program.lwk" || wrong+="$program: other output; "
	done
	is "eight at once, round $n" "$wrong" ""
done
lwk_watched "each of all their processes was born, ran and ended on the LWK"
lwk_balanced "nothing is left behind them"
done_testing
