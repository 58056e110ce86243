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
run=$(sed -n "s/^vm: the machine's logs: //p" "$dir/err")
is "where each CPU stood is kept, twice, and how long it has run" \
	"$(grep -c '^CPU#' "$run/registers.txt") $(grep -cE '^[0-9]+ \(CPU [0-3]/TCG\): [A-Z], ran [0-9]+ \+ [0-9]+$' "$run/registers.txt")" "8 8"

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

# ---- with an LWK ----

# lwk ARG...: the same with one.
lwk() {
	boot/vm --status "$dir/status" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	outcome=$(cat "$dir/status")
}

# Dies when it is booted again with this argument, and the command waits for that.
dies='mcstop+release.sh && mcreboot.sh -c 2-3 -m 256M -e selftest=panic &&
	until [ "$(ihkosctl 0 get status)" = PANIC ]; do sleep 0.1; done; echo dead; exit 9'
lwk -- sh -c "nproc; cat /sys/devices/system/cpu/online; ihkosctl 0 query cpu
	ihkosctl 0 get counters | sed -n 's/^pages_assigned //p'; mcexec echo runs; $dies"
is "4 CPUs, the upper half and a quarter of 4 GiB are the LWK's" \
	"$(head -n 5 "$dir/out" | tr '\n' ' ')" "2 0-1 2-3 262144 runs "
is "an LWK that dies fails the run" "$status $outcome" "125 complaint"
like "and its last words are shown" "$(cat "$dir/err")" 'vm: LWK 0: status PANIC.*vm: LWK 0: .*PANIC: selftest'
is "every line of boot/vm's own begins with vm:" "$(grep -vc '^vm: ' "$dir/err")" 0
is "the command's own output stands apart" "$(tail -n 1 "$dir/out")" dead

lwk --expect-panic --lwk-cpus 1,3 --lwk-mem 512M@0 --qemu '-name "two words"' -- \
	sh -c "ihkosctl 0 query cpu; ihkosctl 0 get counters | sed -n 's/^pages_assigned //p'; $dies"
is "--expect-panic excuses it" "$status $outcome" "9 exit 9"
is "--lwk-cpus, --lwk-mem" "$(tr '\n' ' ' <"$dir/out")" "1,3 131072 dead "

# ---- what it refuses ----

# refuses NAME STATUS REGEX ARG...: no machine, one line.
refuses() {
	local name=$1 want=$2 regex=$3
	shift 3
	vm "$@" </dev/null
	is "$name: status, lines" "$status $(wc -l <"$dir/err")" "$want 1"
	like "$name: what it says" "$(cat "$dir/err")" "$regex"
}
refuses "no command" 2 'vm: no command'
refuses "no such option" 2 'vm: --frob: ' --frob -- true
refuses "no CPUs" 2 'vm: --cpus 0: not a number' --cpus 0 -- true
refuses "more nodes than CPUs" 2 'vm: --numa 5: not a number from 1 to 4' --numa 5 -- true
refuses "no size" 2 'vm: --mem much: not a size' --mem much -- true
refuses "no such directory" 2 'vm: --share /nowhere: no such directory' --share /nowhere -- true
refuses "no such kernel" 125 'vm: /nowhere: no such kernel' --kernel /nowhere -- true
is "and the outcome says so" "${outcome%%:*}" failed

# ---- gdb ----

vm --gdb --timeout 300 -- echo "went on" </dev/null &
machine=$!
until socket=$(sed -n "s/.*'target remote \([^']*\)'.*/\1/p" "$dir/err") &&
	grep -q " 00010000 .* $socket\$" /proc/net/unix; do # it listens
	kill -0 $machine || bail "boot/vm ended early: $(cat "$dir/err")"
done
like "the machine waits for gdb before its first instruction" \
	"$(gdb -batch -ex "target remote $socket" -ex 'print /x $pc' -ex detach 2>&1)" '0xfff0'
wait $machine
is "and goes on" "$(cat "$dir/out" "$dir/status")" "went on
exit 0"

# ---- a terminal ----

caught='trap "stty size" WINCH; trap "echo caught; exit 5" INT; stty size; while :; do read -rt 0.1; done'
is "a terminal: the window's size, its change, Ctrl-C" \
	"$(build/test/prog/terminal '+24 80' =40x100 '+40 100' $'-\x03' +caught -- \
		boot/vm --no-lwk -- bash -c "$caught" 2>&1)" "24 80
40 100
caught
status 5"
done_testing
