# SPDX-License-Identifier: GPL-2.0-only
# The door to what the guest's test scripts share: a scratch directory, waiting, and the parts
# in lib/, each of which has one job.
#
# shellcheck shell=bash
# shellcheck source=test/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

test_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
prog=${VM_BUILD:-$test_dir/../../build}/test/prog
os=${LWK_OS:-0}

name=$(basename "$0" .sh)
scratch=$(mktemp -d "/tmp/$name.XXXXXX")
cleanups=()

# at_end COMMAND...: run it when the script ends, the newest first.
at_end() {
	cleanups=("$(printf '%q ' "$@")" "${cleanups[@]}")
}

clean_up() {
	local command
	for command in "${cleanups[@]}"; do
		eval "$command"
	done
	rm -rf "$scratch"
}
trap clean_up EXIT

# A pipe that nobody writes: `read -t` from it sleeps without a process.
exec {never}<> <(:)

# nap SECONDS
nap() {
	read -rt "$1" -u "$never" _ || :
}

# wait_until COMMAND...: until it succeeds. Fails after two minutes.
wait_until() {
	local end=$((SECONDS + 120))
	until "$@"; do
		[ $SECONDS -lt $end ] || { note "still not: $*"; return 1; }
		nap 0.05
	done
}

# What is wrong with the test that runs now, one line each: complain adds to it, verdict judges
# by it and empties it.
complaints=()

complain() {
	complaints+=("$*")
}

# verdict NAME: a test that nobody complained. Returns whether it passed.
verdict() {
	local wrong=("${complaints[@]}")
	complaints=()
	if [ ${#wrong[@]} = 0 ]; then
		pass "$1"
	else
		fail "$1"
		note "$(printf '%s\n' "${wrong[@]}")"
		return 1
	fi
}

# shellcheck source=test/guest/lib/counters.sh
. "$test_dir/lib/counters.sh"
# shellcheck source=test/guest/lib/census.sh
. "$test_dir/lib/census.sh"
# shellcheck source=test/guest/lib/run.sh
. "$test_dir/lib/run.sh"
# shellcheck source=test/guest/lib/changes.sh
. "$test_dir/lib/changes.sh"
# shellcheck source=test/guest/lib/disk.sh
. "$test_dir/lib/disk.sh"
# shellcheck source=test/guest/lib/refused.sh
. "$test_dir/lib/refused.sh"
