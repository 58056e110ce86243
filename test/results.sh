# SPDX-License-Identifier: GPL-2.0-only
# How the tests went: what test/run and test/mutate remember, and the page that is made of it.
#
#	results.txt    a line for each test, its last result: name, passed, failed, seconds,
#	               sources, kernel, time
#	machines.txt   the same for each machine: options, tests, their seconds, all seconds,
#	               how it ended (boot/vm --status), sources
#	mutations.txt  and for each rule of test/mutate: rule, tests that failed or "none",
#	               sources, time
#
# Fields stand between tabs; "sources" is source_hash's number. Wants $top and $out (build/test).
#
# shellcheck shell=bash

# A number for the sources as they are now, without what nobody but a reader reads.
source_hash() {
	{ git -C "$top" ls-files -co --exclude-standard -z 2>/dev/null ||
		(cd "$top" && find . -path ./build -prune -o -type f -printf '%P\0'); } |
		grep -zvE '^(README|docs/[^/]*)\.md$' | sort -z |
		(cd "$top" && xargs -0 sha256sum 2>/dev/null) | sha256sum | cut -c 1-16
}

# remember FILE NAME FIELD...: the line of that name becomes this.
remember() {
	local file=$out/$1 IFS=$'\t'
	shift
	touch "$file"
	{ awk -F '\t' -v name="$1" '$1 != name' "$file"; printf '%s\n' "$*"; } | sort >"$file.new"
	mv "$file.new" "$file"
}

# recall FILE HASH: the lines that were made of these sources.
recall() {
	[ -e "$out/$1" ] || return 0
	awk -F '\t' -v hash="$2" '{ for (i = 2; i <= NF; i++) if ($i == hash) { print; next } }' "$out/$1"
}

# Lines from stdin with the fields NAME, PASSED, FAILED, SECONDS as a table.
print_tests() {
	echo "| test | passed | failed | seconds |"
	echo "| --- | ---: | ---: | ---: |"
	awk -F '\t' '
		{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4; n++; p += $2; f += $3; s += $4 }
		END { printf "| %d tests | %d | %d | %d |\n", n, p, f, s }'
}

# print_section TITLE NAMES RESULTS: of the tests in the file NAMES those that were run, then
# those that were not.
print_section() {
	local ran left
	ran=$(awk -F '\t' 'FILENAME == ARGV[1] { wanted[$1] = 1; next } $1 in wanted' "$2" "$3")
	left=$(awk -F '\t' 'FILENAME == ARGV[1] { ran[$1] = 1; next } !($1 in ran)' "$3" "$2")
	printf '\n## %s\n' "$1"
	[ -z "$ran" ] || { echo; print_tests <<<"$ran"; }
	[ -z "$left" ] || { printf '\nNot run on this version:\n\n'; sed 's/^/- /' <<<"$left"; }
}

print_machines() {
	printf '\n## Machines\n\n| machine | tests | their seconds | up and down | its end |\n'
	echo "| --- | ---: | ---: | ---: | --- |"
	awk -F '\t' '{
		printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4 - $3, $5
		n += $2; t += $3; a += $4 - $3
	} END { printf "| %d machines | %d | %d | %d | |\n", NR, n, t, a }'
}

print_mutations() {
	printf '\n## Rules broken on purpose (`test/mutate`)\n\n'
	printf '| rule | what fails when it is broken |\n| --- | --- |\n'
	"$top/test/mutate" --names | awk -F '\t' '
		FILENAME == ARGV[1] { seen[$1] = $2; next }
		{ printf "| %s | %s |\n", $1, $1 in seen ? seen[$1] : "not run on this version" }' \
		<(recall mutations.txt "$1") -
}

# print_page HASH QUICK SLOW: the page; QUICK and SLOW are files with the names of the tests.
print_page() {
	local hash=$1 results=$out/results.now
	recall results.txt "$hash" >"$results"
	cat <<-PAGE
	<!-- SPDX-License-Identifier: GPL-2.0-only -->
	<!-- Written by test/run --report. -->
	# Results of the tests

	Of each test the last result on these sources; what was not run on them is listed as such.
	\`test/run --all --report FILE\` writes this page, \`test/run --all --resume\` goes on where a
	run was stopped, \`test/mutate\` breaks the rules.

	| | |
	| --- | --- |
	| version | $(git -C "$top" describe --always --dirty --exclude '*' 2>/dev/null || echo unknown), sources $hash |
	| run | $(cut -f 7 "$results" | sort | sed -n '1p; $p' | uniq | paste -sd ' ' | sed 's/ / to /') |
	| kernel | $(cut -f 6 "$results" | grep . | sort -u | paste -sd ' ') |
	| emulator | $(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version //p') |
	| host | $(nproc) CPUs, $(uname -m) |
	PAGE
	print_section "The quick list (\`test/run\`)" "$2" "$results"
	print_section "The slow list (\`test/run --all\`, beyond the quick one)" "$3" "$results"
	recall machines.txt "$hash" | print_machines
	print_mutations "$hash"
	rm "$results"
}
