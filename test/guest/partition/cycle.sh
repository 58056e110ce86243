#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The life of a partition, round after round: everything is back each time.
# vm: --no-lwk
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/guest/trend.sh
. "$(dirname "$0")/../trend.sh"

rounds=${ROUNDS:-20}

load_module

# One round; every second boots twice on the same resources, with other orders.
round() {
	local order
	ihkconfig 0 reserve mem 256M@0,64M || return
	ihkconfig 0 reserve cpu 2-3 || return
	[ "$(ihkconfig 0 create)" = 0 ] || return
	order=2,3
	[ $(($1 % 2)) = 0 ] || order=3,2
	ihkosctl 0 assign cpu $order || return
	[ "$(ihkosctl 0 query cpu | sed s/2-3/2,3/)" = $order ] || return
	ihkosctl 0 assign mem 100M@0 || return
	ihkosctl 0 assign mem all@0 || return
	ihkosctl 0 load "$hello" || return
	ihkosctl 0 kargs "round $1" || return
	ihkosctl 0 boot || return
	[ "$(ihkosctl 0 get status)" = RUNNING ] || return
	[ "$(ihkosctl 0 kmsg | grep -c '^hello from place')" = 2 ] || return
	ihkosctl 0 kmsg | grep -q "round $1" || return
	ihkosctl 0 shutdown || return
	if [ $(($1 % 2)) = 0 ]; then
		ihkosctl 0 load "$hello" && ihkosctl 0 boot && ihkosctl 0 shutdown || return
	fi
	ihkosctl 0 release cpu 3 || return
	ihkosctl 0 release mem all || return
	ihkconfig 0 destroy 0 || return
	[ "$(ihkconfig 0 query cpu)" = 2-3 ] || return
	ihkconfig 0 release mem 256M,64M || return
	ihkconfig 0 release cpu 3,2
}

online=$(cat /sys/devices/system/cpu/online)
ok "round 0" round 0
trend_look 0
for i in $(seq 1 "$rounds"); do
	ok "round $i" round "$i"
	is "all CPUs are online" "$(cat /sys/devices/system/cpu/online)" "$online"
	is "no page is held" "$(counter ihkconfig 0 pages_held)" 0
	((i % 5 && i < rounds)) || trend_look $((i > rounds / 2))
done
is "as many pages came back as were taken" \
	"$(($(counter ihkconfig 0 pages_returned) + $(counter ihkconfig 0 pages_late)))" \
	"$(counter ihkconfig 0 pages_reserved)"
trend_verdict
ok "work runs on a CPU that came back" taskset -c 3 true

# ---- the machine's sleep: refused beside an instance (guest/force too), and else as ever ----

# As far as the tasks' freezing, and back at once: this machine's file system would not survive more.
echo freezer >/sys/power/pm_test
echo 0 >/sys/module/suspend/parameters/pm_test_delay
sleep_by() {
	echo "$1" >/sys/power/state
}
for state in $(grep -oE 'freeze|mem' /sys/power/state); do
	ok "without an instance ($state)" sleep_by "$state"
	make_instance || bail "no instance"
	not_ok "not beside one ($state)" sleep_by "$state"
	ok "and that one is whole" eval 'ihkosctl 0 boot && ihkosctl 0 shutdown && ihkconfig 0 destroy 0'
	ok "with CPUs and memory reserved ($state)" sleep_by "$state"
	ok "they are given back" eval 'ihkconfig 0 release mem all && ihkconfig 0 release cpu 2-3'
	ok "and make an instance again" round 1
done
ok "the module goes" rmmod ihk
done_testing
