#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A CPU of the LWK hangs, or the LWK lives and fails in one thing: a program that is killed there ends
# all the same, and the instance is found hung.
# vm-slow: --expect-panic
. "$(dirname "$0")/lib.sh"

status_is() {
	[ "$(ihkosctl 0 get status)" = "$1" ]
}
hangs() {
	ihkosctl 0 kmsg | grep -q 'selftest: hang'
}
waits() {
	[ "$(</proc/$pid/comm)" = spin ] && grep -q '^State:[[:space:]]*S' "/proc/$pid/status"
}
# up WHAT: with that selftest. (hang spends two seconds in a loop, which answers but runs no
# program, and then hangs.)
up() {
	mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e "selftest=$1" || return
	echo 5 >/sys/module/ihk/parameters/hang_seconds
	dmesg -C
}

ok "down" mcstop+release.sh
ok "up, with selftest=hang" up hang
mcexec "$prog/spin" sleep >/dev/null 2>&1 &
pid=$!
ok "a program waits for that CPU" wait_until waits
ok "the CPU hangs" wait_until hangs
kill -KILL $pid
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
end_of $pid
is "the program has ended" $status 137
ok "down" mcstop+release.sh

ok "up, with selftest=hang" up hang
mcexec -c 0 true >/dev/null 2>&1 &
pid=$!
ok "the CPU hangs" wait_until hangs
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
end_of $pid
is "what was being launched there fails" "$((status > 0))" 1
ok "down" mcstop+release.sh

ok "up, with selftest=hang-attach" up hang-attach
file=$scratch/file
changes_go_on -c 0
mcexec -c 0 true >/dev/null 2>&1 &
second=$!
ok "the CPU hangs" wait_until hangs
ok "the status becomes HUNGUP" wait_until status_is HUNGUP
like "with a reason" "$(dmesg)" 'place 0 (keeps a page that Linux takes back|has not moved)'
end_of $second
is "what was being launched there fails" "$((status > 0))" 1
changes_end
ok "down" mcstop+release.sh

ok "up, with selftest=deaf-hold" up deaf-hold
start_lwk "$prog/spin"
deaf=$pid
start_lwk "$prog/spin" sleep
other=$pid
kill -STOP $deaf
ok "a thread that is not brought to a halt makes it HUNGUP" wait_until status_is HUNGUP
like "with a reason" "$(dmesg)" "has not obeyed the hold of spin .$deaf. for 5 s"
for pid in $deaf $other; do
	end_of "$pid"
	is "a program of it is killed" $status 137
done
ok "down" mcstop+release.sh

ok "up, with selftest=lost-answer" up lost-answer
start_lwk "$prog/spin"
kill -KILL $pid
ok "an answer that is lost makes it HUNGUP" wait_until status_is HUNGUP
like "with a reason" "$(dmesg)" 'lives, but has not answered call 5 for'
end_of $pid
is "the program has ended" $status 137
ok "down" mcstop+release.sh

ok "up, with selftest=lost-answer" up lost-answer
start_lwk "$prog/spin"
ok "by force" ihkosctl 0 shutdown --force
is "the program is ended without waiting for that" "$(dmesg | grep -c 'has not answered')" 0
end_of $pid
is "killed" $status 137
ok "down" mcstop+release.sh

ok "up, with selftest=corrupt-tail" up corrupt-tail
mcexec "$prog/spin" >/dev/null 2>&1 &
pid=$!
ok "a ring that is corrupt makes it HUNGUP" wait_until status_is HUNGUP
like "with a reason" "$(dmesg)" 'the ring from it is corrupt'
end_of $pid
is "a program of it has ended" "$((status > 0))" 1

ok "shutdown" ihkosctl 0 shutdown
ok "other arguments" ihkosctl 0 kargs hidos
ok "boot again on the same resources" ihkosctl 0 boot
run_good "programs run" bash -c 'echo again | sha256sum'
lwk_balanced "all memory is there"
done_testing
