#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot/vm on a terminal: a shell in the machine with job control, Ctrl-C and the
# window's size, for programs on Linux and on the LWK; and the terminal afterwards.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

# What is typed is echoed: so the word that is waited for is typed with quotes in it.
# with LAUNCHER ROWS: a program at the terminal, in the shell that waits for a
# command. A shell names the job before it hands it the terminal: so "fg" is over
# when the program itself says that it goes on.
with() {
	conversation+=($'-'"$1"$'sh -c \'echo re""ady; exec sleep 1000\'\r' +ready $'-\x03' +'# '
		$'-echo status: $?\r' '+status: 130' '+# '
		$'-'"$1"$'build/test/prog/spin talk\r' +ready $'-\x1a' +Stopped '+# '
		$'-fg\r' +continued $'-\x03' '+# '
		$'-'"$1"$'bash -c \'trap "stty size; exit" WINCH; echo re""ady; while :; do sleep 0.1; done\'\r'
		+ready "=$2x100" "+$2 100" '+# ')
}
conversation=(+'# ' $'-stty size\r' '+24 80' '+# ')
with '' 40
with 'mcexec ' 50
conversation+=($'-tty; exit 7\r' +/dev/pts/)
output=$(build/test/prog/terminal "${conversation[@]}" '+machine 7' '+ icanon' '+ echo ' -- bash -c \
	'stty sane; boot/vm --timeout 300 -- bash --norc --noediting -i; echo machine $?; stty -a')
is "the conversation" "$(tail -n 1 <<<"$output")" "status 0"
[ "$tap_failed" = 0 ] || note "$output"

output=$(build/test/prog/terminal '+# ' $'-\x1d\x1d\x1d' '+machine 130' '+ icanon' -- bash -c \
	'stty sane; boot/vm --no-lwk --timeout 300 -- bash --norc --noediting -i; echo machine $?; stty -a')
is "three times Ctrl-] end the machine" "$(tail -n 1 <<<"$output")" "status 0"
[ "$tap_failed" = 0 ] || note "$output"
done_testing
