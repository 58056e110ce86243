# SPDX-License-Identifier: GPL-2.0-only
# What the tests of the partition share: the module, the hello image, ways up and down.
#
# shellcheck shell=bash

# shellcheck source=test/tap.sh
. "$(dirname "$0")/../../tap.sh"

build=${VM_BUILD:?set by boot/vm}
hello=$build/test/images/hello.img
module=$build/ihk/$(uname -r)/ihk.ko

load_module() {
	insmod "$module" "$@" || bail "insmod $module"
}

# counter TOOL INDEX NAME
counter() {
	"$1" "$2" get counters | sed -n "s/^$3 //p"
}

# Makes instance 0 of CPUs 2 and 3 and 64 MiB, with the hello image loaded.
make_instance() {
	ihkconfig 0 reserve cpu 2-3 && ihkconfig 0 reserve mem 64M &&
		ihkconfig 0 create >/dev/null && ihkosctl 0 assign cpu 2,3 &&
		ihkosctl 0 assign mem all && ihkosctl 0 load "$hello"
}

drop_instance() {
	ihkconfig 0 destroy 0 && ihkconfig 0 release mem all && ihkconfig 0 release cpu 2-3
}

# refuses NAME STATUS REGEX COMMAND...: fails with that status and one line on
# stderr that matches, and prints nothing.
refuses() {
	local name=$1 status=$2 regex=$3 out err got
	shift 3
	out=$("$@" 2>/tmp/refused.err </dev/null)
	got=$?
	err=$(cat /tmp/refused.err)
	if [ $got = "$status" ] && [ -z "$out" ] && [[ $err =~ $regex ]] &&
		[ "$(wc -l </tmp/refused.err)" = 1 ]; then
		pass "$name"
	else
		fail "$name"
		note "$* -> $got, wanted $status"
		note "stdout: $out"
		note "stderr: $err"
	fi
}

# All that is reserved, made, online: compared before and after a refusal.
whole_state() {
	local os
	cat /sys/devices/system/cpu/online
	ihkconfig 0 query cpu
	ihkconfig 0 query mem
	for os in $(ihkconfig 0 get os_instances | tr , ' '); do
		echo "$os $(ihkosctl "$os" get status)"
		ihkosctl "$os" query cpu
		ihkosctl "$os" query mem
		ihkosctl "$os" get ikc_map
	done
}
