#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What cmake --install leaves: commands with manual page and completion, a
# library that programs can be built with, module and image where the scripts look.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ok "cmake --install" cmake --install build --prefix "$dir"
export PATH=$dir/sbin:$dir/bin:$PATH

is "the commands" "$(cd "$dir" && echo bin/* sbin/*)" \
	"bin/mcexec sbin/ihkconfig sbin/ihkosctl sbin/mcreboot.sh sbin/mcstop+release.sh"
for command in mcexec ihkconfig ihkosctl mcreboot.sh mcstop+release.sh; do
	is "$command --help" "$($command --help | head -c $((7 + ${#command})))" "Usage: $command"
	like "$command --version" "$($command --version)" "^${command//+/\\+} \\(mckernel\\), boot ABI [0-9]+\$"
	ok "$command has a manual page" test -s "$dir"/share/man/man[18]/"$command".[18]
	is "which says nothing odd" "$(groff -man -Tutf8 -ww -z "$dir"/share/man/man[18]/"$command".[18] 2>&1)" ""
	ok "$command has a completion" test -s "$dir/share/bash-completion/completions/$command"
done
for part in ihk.ko mckernel.img; do
	ok "$part is in lib/mckernel" test -n "$(find "$dir/lib/mckernel" -name $part -size +0)"
done

cat >"$dir/user.c" <<'C'
#include <ihk/ihklib.h>
#include <stdio.h>
int main(void)
{
	int cpu[4] = { 1, 2, 3, 4 };
	/* Nonsense is refused, and crashes nothing. */
	int refused = ihk_query_cpu(0, cpu, -1) < 0 && ihk_query_cpu(0, 0, 4) < 0 &&
		      ihk_reserve_mem(0, 0, 3) < 0 && ihk_reserve_mem(0, 0, -3) < 0 &&
		      ihk_query_mem(0, 0, 2) < 0 && ihk_os_query_free_mem(0, 0, 1) < 0 &&
		      ihk_os_get_counters(0, 0) < 0 && ihk_get_build_id(0, 0) < 0 &&
		      ihk_os_kargs(0, 0) < 0 && ihk_os_load(0, 0) < 0;
	printf("%d %s\n", refused, *ihk_refusal() ? "and said" : "");
	return 0;
}
C
for link in "$dir/lib/libihk.a" "-L$dir/lib -lihk -Wl,-rpath,$dir/lib"; do
	# shellcheck disable=SC2086 # words
	ok "a program builds with ${link##*/}" gcc -Wall -Werror -I"$dir/include" -o "$dir/user" "$dir/user.c" $link
	is "and runs" "$("$dir/user")" "1 and said"
done

# ---- completion ----

# complete_line WORD...: what bash would offer for the last of the words.
complete_line() {
	bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		function=$(complete -p "$1") && function=${function##*-F } && ${function%% *} && echo ${COMPREPLY[*]}' \
		bash "$dir/share/bash-completion/completions/$1" "$@" 2>&1
}
is "verbs" "$(complete_line ihkconfig 0 re)" "reserve release"
is "targets" "$(complete_line ihkconfig 0 reserve '')" "cpu mem"
is "behind an option" "$(complete_line ihkosctl --json 0 get '')" "status ikc_map counters buildid"
is "json behind a query" "$(complete_line ihkosctl 0 query mem -)" --json
is "hints" "$(complete_line mcexec --mpol-no)" "--mpol-no-heap --mpol-no-stack --mpol-no-bss"
like "programs" "$(complete_line mcexec -c 1 sha256s)" 'sha256sum'
is "values" "$(complete_line mcreboot.sh -d '')" "0 24"
is "options" "$(complete_line mcstop+release.sh --)" "--help --version"

# Every verb that --help knows is offered, and stands in the manual.
for command in ihkconfig ihkosctl; do
	for verb in $($command --help | sed -nE 's/^  ([a-z_]+)( .*|$)/\1/p' | sort -u); do
		is "$command: $verb is offered" "$(complete_line $command 0 "$verb" | tr ' ' '\n' | grep -x "$verb")" "$verb"
		ok "$command: $verb is in the manual" grep -qw "$verb" docs/man/$command.8
	done
done
done_testing
