#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An LWK that lies, in answers, tables, requests and words that nobody asked for: programs die of it,
# their user's at most, and the instance; Linux and the module do not.
# vm: --no-lwk
# vm-slow: --no-lwk --mem 5G
# idle: 900
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

# How many boots, as a factor.
times=1
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || times=5
seed=${SEED:-6}
note "SEED=$seed"

hello=$build/test/images/liar.img
load_module hang_seconds=2
make_instance || bail "no instance"
chown nobody /dev/mcos0

# As a user of no account: what is asked of a proxy may be any system call.
launch() {
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		mcexec "$build/test/prog/badge" >/dev/null 2>&1 </dev/null
}

# sum_of WHAT: what the image has counted of it.
sum_of() {
	ihkosctl 0 kmsg | sed -n "s/^lies: $1 //p" | awk '{ sum += $1 } END { print sum + 0 }'
}

# What may have become of it: RUNNING, PANIC, HUNGUP.
declare -A ends
taken=0
entered=0
wrong=
for ((round = 0; round < 4 * times; round++)); do
	ihkosctl 0 kargs "lie=$((seed + round))" && ihkosctl 0 boot || wrong+=" boot $round,"
	(
		for _ in {1..20}; do
			launch &
		done
		wait
	) 2>/dev/null &
	batch=$!
	# What has not died of a lie by then waits for the next one.
	for _ in {1..8}; do
		sleep 0.5
		kill -0 $batch 2>/dev/null || break
	done
	end=$(ihkosctl 0 get status)
	ends[$end]=$((${ends[$end]:-0} + 1))
	ihkosctl 0 shutdown --force || wrong+=" shutdown $round,"
	taken=$((taken + $(sum_of "requests that were taken")))
	entered=$((entered + $(sum_of "pages of Linux's that were entered")))
	note "$(ihkosctl 0 kmsg | grep lies:)"
	timeout 60 sh -c 'while pkill -KILL -u nobody; do sleep 0.1; done' || wrong+=" programs $round,"
	wait $batch
	[ "$(ihkosctl 0 get status)" = INACTIVE ] || wrong+=" status $round,"
done
for end in "${!ends[@]}"; do
	note "${ends[$end]} times $end"
done
is "$round boots of an LWK that lies come down, and all its programs end" "$wrong" ""
ok "they came as far as requests that were carried out" [ $taken -gt $round ]
# That a lie fits so well that Linux enters a page is rare: in some runs none does.
note "$entered pages of Linux's were entered"

ihkosctl 0 kargs "" && ihkosctl 0 boot
is "a true one runs on the same resources" "$(ihkosctl 0 get status)" RUNNING
ok "and stops" ihkosctl 0 shutdown
ok "all the way down" drop_instance
is "all pages are back" "$(counter ihkconfig 0 pages_held)" 0
ok "the module goes" rmmod ihk
done_testing
