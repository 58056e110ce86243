#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Linux starts another kernel beside a running LWK, by kexec and as a crash kernel: the LWK's CPUs
# have stopped before. That kernel is told to start one CPU: the others stand as it found them.
# slow
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck source=test/host/lib/ends.sh
. test/host/lib/ends.sh

# The other kernel: this one again, whose first process sleeps. (What the kernel does not know are
# arguments of that one; kexec appends some of its own, so none may stand behind a "--".)
next='load() {
	kexec "$1" "/boot/vmlinuz-$(uname -r)" --initrd="build/vm/initramfs-$(uname -r).cpio.gz" \
		--append="console=ttyS0 loglevel=7 maxcpus=1 $2 rdinit=/bin/busybox sleep 100000"
}
'

# came NAME HOW: the other kernel is up, and runs on one CPU.
came() {
	local console
	console=$(tr -d '\r' <"$(run_of "$1")/console.txt")
	is "$2: the other kernel runs" "$(grep -c 'Run /bin/busybox as init process' <<<"$console")" 1
	like "$2: on one CPU" "$console" 'smp: Brought up 1 node, 1 CPU'
}

# As Linux does for a crash kernel's sake, when it is asked to tell others first.
post=/sys/module/kernel/parameters/crash_kexec_post_notifiers

ends kexec 100 2 -- "$next load -l '' && kexec -e"
ended kexec "kexec -e"
came kexec "kexec -e"
ends kdump 100 2 --append crashkernel=256M -- \
	"$next load -p 'irqpoll reset_devices' && echo Y >$post && echo c >/proc/sysrq-trigger"
ended kdump "a crash kernel"
came kdump "a crash kernel"
done_testing
