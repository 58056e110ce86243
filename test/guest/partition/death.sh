#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Images that misbehave: Linux lives on, says what happened, and boots the next one.
# vm: --no-lwk
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

# It says that it runs programs, so launches reach it.
hello=$build/test/images/liar.img
load_module hang_seconds=3
make_instance || bail "no instance"

# Boots a well-behaved image on the same resources and stops it.
works_again() {
	ihkosctl 0 kargs "" && ihkosctl 0 boot && [ "$(ihkosctl 0 get status)" = RUNNING ] &&
		ihkosctl 0 shutdown && [ "$(ihkosctl 0 get status)" = INACTIVE ]
}

ihkosctl 0 kargs panic=boot
refuses "panic while booting" 1 'the LWK panicked while booting' ihkosctl 0 boot
is "status" "$(ihkosctl 0 get status)" PANIC
like "last words" "$(ihkosctl 0 kmsg)" 'PANIC on place 0: told to'
refuses "no boot in that state" 1 'needs an INACTIVE instance, 0 is PANIC' ihkosctl 0 boot
ok "shutdown" ihkosctl 0 shutdown
is "status" "$(ihkosctl 0 get status)" INACTIVE
like "the log stays" "$(ihkosctl 0 kmsg)" 'PANIC on place 0: told to'
ok "clear_kmsg" ihkosctl 0 clear_kmsg
is "is empty" "$(ihkosctl 0 kmsg)" ""
ok "the next boot works" works_again

ihkosctl 0 kargs panic=call
ok "boot" ihkosctl 0 boot
ok "panic instead of an answer" ihkosctl 0 shutdown
is "status" "$(ihkosctl 0 get status)" INACTIVE
ok "the next boot works" works_again

# Whoever waits for an LWK that dies gets an error, and the death is seen.
ihkosctl 0 kargs panic=call
ok "boot" ihkosctl 0 boot
not_ok "a program's launch fails" mcexec /bin/true
is "status" "$(ihkosctl 0 get status)" PANIC
not_ok "so does the next" mcexec /bin/true
ok "shutdown" ihkosctl 0 shutdown
ok "the next boot works" works_again

ihkosctl 0 kargs stuck
ok "boot" ihkosctl 0 boot
not_ok "a program's launch fails" mcexec /bin/true
is "status" "$(ihkosctl 0 get status)" HUNGUP
ok "shutdown" ihkosctl 0 shutdown
ok "the next boot works" works_again

ihkosctl 0 kargs busy
ok "boot" ihkosctl 0 boot
refuses "shutdown names the count" 1 '7 programs run on instance 0' ihkosctl 0 shutdown
is "status" "$(ihkosctl 0 get status)" RUNNING
not_ok "destroy is refused" ihkconfig 0 destroy 0
ok "the second time it agrees" ihkosctl 0 shutdown

ihkosctl 0 kargs deaf
ok "boot" ihkosctl 0 boot
ok "shutdown does not wait for ever" ihkosctl 0 shutdown
is "status" "$(ihkosctl 0 get status)" INACTIVE

said() {
	dmesg | grep -cE "instance 0.*$1"
}

# given_up REASON: the LWK that is loaded lives, and is condemned for what it leaves undone.
given_up() {
	ok "boot" ihkosctl 0 boot
	echo 1 >/sys/module/ihk/parameters/hang_seconds
	not_ok "a program's launch fails" mcexec /bin/true
	is "status" "$(ihkosctl 0 get status)" HUNGUP
	is "the reason" "$(said "lives, but has not $1 call 2")" 1
	echo 3 >/sys/module/ihk/parameters/hang_seconds
	ok "shutdown" ihkosctl 0 shutdown
	ok "the next boot works" works_again
}

# An LWK that lives, takes a call and never answers: the limit for long work is five hangs.
given_up answered
# One that lives, and does not even take the word of a call.
ihkosctl 0 kargs untaken
given_up taken

# Whoever writes to the index of a ring is found at the next look at it.
ihkosctl 0 kargs badtail
ok "boot" ihkosctl 0 boot
not_ok "a program's launch fails" mcexec /bin/true
is "status" "$(ihkosctl 0 get status)" HUNGUP
is "the reason" "$(said 'the ring from it is corrupt')" 1
ok "it is counted" [ "$(counter ihkosctl 0 refused_messages)" = 1 ]
ok "shutdown" ihkosctl 0 shutdown
ihkosctl 0 kargs badhead
ok "boot" ihkosctl 0 boot
# Of two CPUs each spoils its own ring.
for _ in 1 2 3; do
	not_ok "a program's launch fails" mcexec /bin/true
done
is "status" "$(ihkosctl 0 get status)" HUNGUP
is "the reason" "$(said 'the ring to it is corrupt')" 1
ok "shutdown" ihkosctl 0 shutdown
ok "the next boot works" works_again

ihkosctl 0 kargs noise
ok "boot" ihkosctl 0 boot
is "senseless messages are counted" "$(counter ihkosctl 0 refused_messages)" 4
ok "and the rest is served" \
	timeout 100 sh -c 'until ihkosctl 0 kmsg | grep "lcall answered [1-9]"; do sleep 0.1; done'
ok "shutdown" ihkosctl 0 shutdown

# A boot that takes its time, seen from outside, and killed.
ihkosctl 0 kargs silent=1
ihkosctl 0 boot 2>/dev/null &
boot=$!
status=
until [ "$status" = BOOTING ]; do
	kill -0 $boot 2>/dev/null || bail "the boot ended early"
	status=$(ihkosctl 0 get status)
done
pass "the status meanwhile is BOOTING"
kill -KILL $boot
wait $boot 2>/dev/null
is "a boot is killed" $? 137
# Any verb waits until the boot has undone itself.
ihkosctl 0 get counters >/dev/null
is "status" "$(ihkosctl 0 get status)" INACTIVE
ok "the next boot works" works_again
ihkosctl 0 kargs silent=1
refuses "a CPU that does not report" 1 'CPU 3 .place 1. did not report its start within' ihkosctl 0 boot
is "status" "$(ihkosctl 0 get status)" INACTIVE
ok "the next boot works" works_again

ok "all the way down" drop_instance
is "all pages are back" "$(counter ihkconfig 0 pages_held)" 0
ok "the module goes" rmmod ihk
done_testing
