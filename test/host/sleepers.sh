#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An offloaded call and a wake cost as much beside 3,000 threads that sleep as beside ten: counted in
# instructions of all CPUs. Quick of the same kind: unit/scan.
# slow
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

ok "the figures are taken" test/bench/run --out "$dir" \
	--only lseek-few,lseek-many,pair-few,pair-many

# figure BENCHMARK: instructions under the LWK.
figure() {
	awk -F, -v name="$1" '$1 == name && $2 == "lwk" && $3 == "instructions" { print int($4) }' \
		"$dir/results.csv"
}

for name in lseek pair; do
	few=$(figure $name-few)
	many=$(figure $name-many)
	note "$name: $few instructions beside few, $many beside many"
	ok "$name: within 1.2 times" test "${few:-0}" -gt 0 -a "${many:-0}" -gt 0 \
		-a $((many * 10)) -le $((few * 12))
done
done_testing
