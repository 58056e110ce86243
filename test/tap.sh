# SPDX-License-Identifier: GPL-2.0-only
# What a test script in bash needs to speak TAP; source it:
#
#	. "$(dirname "$0")/../tap.sh"
#	ok "true is true" true
#	is "the answer" "$(echo 42)" 42
#	done_testing
#
# shellcheck shell=bash

tap_run=0
tap_failed=0
tap_planned=

# plan COUNT: says how many tests there will be. Without, done_testing says it.
plan() {
	tap_planned=$1
	echo "1..$1"
}

# note TEXT...: lines for the reader.
note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() {
	tap_run=$((tap_run + 1))
	echo "ok $tap_run - $1"
}

fail() {
	tap_run=$((tap_run + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_run - $1"
}

# ok NAME COMMAND [ARG...]: the command succeeds. Its output is shown if not.
ok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ $status = 0 ]; then
		pass "$name"
	else
		fail "$name"
		note "status $status of: $*"
		[ -z "$output" ] || note "$output"
	fi
}

# not_ok NAME COMMAND [ARG...]: the command fails, but not by a signal.
not_ok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ $status != 0 ] && [ $status -lt 128 ]; then
		pass "$name"
	else
		fail "$name"
		note "status $status of: $*"
		[ -z "$output" ] || note "$output"
	fi
}

# is NAME GOT WANT: two strings are equal.
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		note "got:  $2"
		note "want: $3"
	fi
}

# like NAME GOT REGEX: the string matches the extended regular expression.
like() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1"
		note "got:     $2"
		note "want of: $3"
	fi
}

# skip NAME REASON: counts as failed, unless REASON begins with "machine:".
skip() {
	tap_run=$((tap_run + 1))
	echo "ok $tap_run - $1 # SKIP $2"
}

# bail REASON: nothing that follows makes sense.
bail() {
	echo "Bail out! $*"
	exit 1
}

# The last line of a script.
done_testing() {
	[ -n "$tap_planned" ] || plan "$tap_run"
	[ "$tap_failed" = 0 ] && [ "$tap_run" = "$tap_planned" ]
	exit
}
