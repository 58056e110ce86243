#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The first of README's two commands, on a tree that is built: it shows what it promises, and
# builds nothing again.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

out=$(mktemp)
trap 'rm -f "$out"' EXIT

built() {
	find build/mckernel build/ihk build/proxy build/bin -type f \( -name '*.img' -o -name '*.ko' -o -perm -u+x \) \
		-printf '%p %T@ %i\n' | sort
}
before=$(built)
boot/demo >"$out" 2>&1
is "it succeeds" $? 0
text=$(cat "$out")
like "CPUs of Linux" "$text" 'CPUs of Linux: +0-1'
like "CPUs of the LWK" "$text" 'query cpu.2-3'
like "it runs" "$text" 'get status.RUNNING'
like "a program says hello" "$text" 'hello from the LWK'
is "both kernels find the same hash" "$(grep -c "^$(sha256sum </bin/bash | cut -c 1-64) " "$out")" 2
is "which CPU ran what" "$(grep -c '^running on CPU [01] of the LWK' "$out")" 2
like "what was offloaded" "$text" 'calls_offloaded [1-9]'
like "what was local" "$text" 'calls_local [1-9]'
like "the log" "$text" '0: mckernel, ABI version'
is "no program of it failed" "$(grep -c '^(status' "$out")" 0
ok "something was built before" [ -n "$before" ]
is "and nothing of it again" "$(built)" "$before"
done_testing
