#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Read-only memory stays read-only for Linux too; the rest can be read and written from there.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch

# The program's memory as a process of Linux sees it; $1 is mcexec or nothing.
look() {
	local input=$scratch/input.$RANDOM output=$scratch/output.$RANDOM pid
	local constant readable fresh none writable
	mkfifo "$input" "$output"
	$1 "$prog/lend" map <"$input" >"$output" &
	pid=$!
	exec 5>"$input" 6<"$output"
	read -r _ constant _ readable _ fresh _ none _ writable <&6
	for address in $constant $readable $fresh $none $writable; do
		"$prog/spy" read $pid "$address"
	done
	for address in $constant $readable $fresh $none; do
		"$prog/spy" write $pid "$address" changed!!
	done
	"$prog/spy" write $pid "$writable" changed!!
	"$prog/spy" read $pid "$writable"
	# As a debugger writes: a private copy, of what is read-only too.
	for address in $constant $readable $fresh $writable; do
		perl -e 'open my $m, "+<", "/proc/$ARGV[0]/mem" or die; sysseek $m, hex $ARGV[1], 0;
			print defined syswrite($m, "by /proc") ? "written\n" : "refused\n"' $pid "$address"
		"$prog/spy" read $pid "$address"
		"$prog/spy" write $pid "$address" changed!!
	done
	echo >&5
	read -r line <&6
	echo "$line"
	exec 5>&- 6<&-
	wait $pid
	echo "status $?"
	rm "$input" "$output"
}
native=$(look "")
note "$native"
is "what a process of Linux may do" "$(look mcexec)" "$native"
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
