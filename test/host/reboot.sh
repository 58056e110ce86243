#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# When Linux reboots, the LWK's CPUs have stopped before firmware or another kernel takes over.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# With -no-shutdown a machine that resets itself stands still: boot/vm gives it up, and keeps
# where its CPUs stood.
boot/vm --timeout 10 --qemu -no-shutdown --status "$dir/status" -- bash -c '
	mcexec build/test/prog/spin >/tmp/ready &
	until grep -q ready /tmp/ready; do sleep 0.1; done
	echo "$(ihkosctl 0 get status), CPUs $(ihkosctl 0 query cpu)"
	busybox reboot -f' >"$dir/out" 2>"$dir/err" </dev/null
is "a program computes beside a CPU that sleeps, and Linux reboots" \
	"$? $(cat "$dir/out" "$dir/status")" "124 RUNNING, CPUs 2-3
timeout"

# stood CPU: "waits" for somebody to start it, or what it does instead.
stood() {
	tr -d '\r' <"$run/registers.txt" | awk -v cpu="CPU#$1" '
		/^CPU#/ { mine = $1 == cpu }
		mine && /^[ER]IP=/ { ip = $1; halted = /HLT=1/ }
		mine && /^CS =/ { cs = $2 }
		END { print (ip ~ /^EIP=0000fff0$/ && cs == "=f000" && halted) ? "waits" : ip " CS" cs }
	'
}
run=$(sed -n "s/^vm: the machine's logs: //p" "$dir/err")
like "Linux's own CPU had work to the end" "$(stood 0)" '^RIP=ffffffff'
for cpu in 2 3; do
	is "CPU $cpu waits to be started" "$(stood $cpu)" waits
done
done_testing
