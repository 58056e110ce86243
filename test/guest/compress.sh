#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# gzip -9, xz -T1, bzip2: there and back through pipes.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

input=$scratch/input
cat /usr/share/common-licenses/* /bin/bash | head -c 1500000 >"$input"
for tool in 'gzip -9n' 'xz -T1 -2' bzip2; do
	# shellcheck disable=SC2016 # $0, $1: of the inner shell
	run_good "$tool by a pipe" bash -c '$0 <"$1" >out && cksum out && ${0%% *} -dc <out | cmp - "$1" && echo same' \
		"$tool" "$input"
	# shellcheck disable=SC2016
	run_good "$tool and back at once" bash -c 'cat "$1" | $0 | ${0%% *} -dc | cksum' "$tool" "$input"
done

# The one end on the LWK, the other on Linux.
is "gzip on the LWK, gunzip on Linux" "$(mcexec gzip -9 <"$input" | gunzip | cksum)" "$(cksum <"$input")"
is "gzip on Linux, gunzip on the LWK" "$(gzip -9 <"$input" | mcexec gunzip | cksum)" "$(cksum <"$input")"
run_both "a broken archive" bash -c 'head -c 1000 "$0" | gunzip' "$input"
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
