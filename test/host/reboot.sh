#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# When Linux reboots or panics, the LWK's CPUs have stopped before firmware or another kernel takes
# over. (With another kernel: kexec.sh.)
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
# shellcheck source=test/tap.sh
. test/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck source=test/host/lib/ends.sh
. test/host/lib/ends.sh

# Both at once: they mostly stand still. The one that panics stays there, as is Linux's default.
ends reboot 10 2 --qemu -no-shutdown -- 'busybox reboot -f' &
# Of its LWK's CPUs one sleeps.
wake panic &
ends panic 20 1 --qemu "$(monitor_of panic)" -- 'echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger'
wait
ended reboot "Linux reboots"
like "Linux panics" "$(cat "$dir/panic.err")" 'vm: Linux: Kernel panic - not syncing: sysrq triggered crash'
ended panic "Linux panics"
done_testing
