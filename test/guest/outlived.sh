#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A proxy that Linux holds outlives its boot of the instance: its end harms nobody of the next one.
# vm-slow: --expect-panic
. "$(dirname "$0")/lib.sh"

status_is() {
	[ "$(ihkosctl 0 get status)" = "$1" ]
}
in_state() {
	grep -q "^State:[[:space:]]*$2" "/proc/$1/status"
}

# A file system that lets nobody write, not even to die.
truncate -s 16M "$scratch/disk"
mkfs.ext4 -q "$scratch/disk" && mkdir "$scratch/frozen" || bail "no ext4"
mount -o loop "$scratch/disk" "$scratch/frozen" || bail "no loop device"
at_end umount "$scratch/frozen"

ok "down" mcstop+release.sh
ok "up, with selftest=panic" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e selftest=panic
ok "frozen" fsfreeze -f "$scratch/frozen"
mcexec sh -c "echo >$scratch/frozen/file" &
held=$!
ok "a program waits for the file system" wait_until in_state $held D
ok "the LWK panics" wait_until status_is PANIC
ok "the proxy is still there" in_state $held D
ok "shutdown" ihkosctl 0 shutdown
ok "other arguments" ihkosctl 0 kargs hidos
ok "boot again" ihkosctl 0 boot
# The first thread of this boot has the id that the first of the last one had.
start_lwk "$prog/spin" talk
ok "thawed" fsfreeze -u "$scratch/frozen"
end_of $held
is "the old program was killed" $status 137
kill -STOP $pid
ok "the new one stops" wait_until in_state $pid T
kill -CONT $pid
ok "and goes on" wait_until in_state $pid S
is "no thread has ended" "$(lwk_counter threads_ended)" 0
is "no message was refused" "$(lwk_counter refused_messages) $(lwk_counter bad_messages)" "0 0"
kill -KILL $pid
end_of $pid
lwk_balanced "nothing is left"
done_testing
