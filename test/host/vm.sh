#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot/vm keeps its promises: streams, statuses, time limit, complaints.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# vm ARG...: runs boot/vm; leaves $status, $outcome and the files out and err.
vm() {
	boot/vm --no-lwk --status "$dir/status" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
	outcome=$(cat "$dir/status")
}

head -c 10000000 /dev/urandom >"$dir/random"
vm -- sh -c 'tee /dev/stderr; exit 3' <"$dir/random"
is "a command's status comes through" "$status $outcome" "3 exit 3"
ok "10 MB of any bytes go in and out unchanged" cmp "$dir/random" "$dir/out"
ok "and as well through stderr" cmp "$dir/random" "$dir/err"

vm -- sh -c 'read x; echo "[$x]"; pwd; kill -9 $$' </dev/null
is "a signal's status is 128 + its number" "$status $outcome" "137 signal 9"
is "stdin may be empty; the directory is the caller's" "$(cat "$dir/out")" "[]
$PWD"

vm -- sh -c 'exit 124' </dev/null
is "a command's own 124 is told apart" "$status $outcome" "124 exit 124"

vm --timeout 5 -- sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1; echo $i; done; sleep 1000' </dev/null
is "the time limit is one of silence" "$status $outcome $(tail -n 1 "$dir/out")" "124 timeout 7"

vm -- sh -c 'echo "WARNING: CPU: 0 PID: 1 at here" >/dev/kmsg' </dev/null
is "a kernel's complaint fails the run" "$status $outcome" "125 complaint"
like "and is shown" "$(cat "$dir/err")" "vm: Linux: WARNING: CPU: 0 PID: 1 at here"

vm -- sh -c 'echo c >/proc/sysrq-trigger' </dev/null
is "a machine that dies fails the run" "$status ${outcome%%:*}" "125 failed"

boot/vm --no-lwk -- yes 2>"$dir/err" </dev/null | head -n 1 >"$dir/out"
is "a reader who leaves ends the command" "$(cat "$dir/out")" "y"

mkdir "$dir/share"
vm --share "$dir/share" --cpus 3 --numa 3 --mem 1G -- \
	sh -c 'cat /sys/devices/system/node/node*/cpulist >/mnt/share/nodes' </dev/null
is "--share, --cpus, --numa" "$status $(tr '\n' ' ' <"$dir/share/nodes")" "0 0 1 2 "

vm -- /nowhere </dev/null
is "a command that is not there: 127" "$status" 127

boot/vm --no-lwk -- sleep 1000 </dev/null >"$dir/out" 2>&1 &
pid=$!
until helper=$(pgrep -P $pid -x vm-host) && qemu=$(pgrep -P "$helper" qemu-system); do
	kill -0 $pid || bail "boot/vm ended early: $(cat "$dir/out")"
done
kill -9 $pid
wait $pid 2>/dev/null
# Waits for the end of a process that is not ours.
tail --pid="$qemu" -f /dev/null
pass "when boot/vm is killed, its machine ends"
done_testing
