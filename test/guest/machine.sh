#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine that boot/vm makes has what the tests count on.
# vm: --no-lwk
set -u
. "$(dirname "$0")/../tap.sh"

is "we are root" "$(id -u)" 0
is "the kernel is a stock one" "$(uname -r | grep -cE '^6\.1\.0-[0-9]+(-cloud|-rt)?-amd64$')" 1
# But for a checkout that lies there.
is "/tmp is empty" "$(find /tmp -type f -not -path "$VM_TOP/*" | head)" ""
ok "the root can be written" sh -c 'echo x >/etc/vm-test && rm /etc/vm-test'
ok "terminals work" script -qec true /dev/null
ok "the loopback interface is up" grep -q "127.0.0.1" /proc/net/fib_trie
is "CPUs" "$(nproc)" "$VM_CPUS"
for fs in proc sysfs devtmpfs devpts debugfs cgroup2; do
	like "$fs is mounted" "$(cut -d ' ' -f 3 /proc/mounts | tr '\n' ' ')" "(^| )$fs "
done
like "our tools come first" "$PATH" "^$VM_BUILD/bin:$VM_BUILD/sbin:$VM_TOP/boot:"
done_testing
