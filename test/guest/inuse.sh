#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is refused while programs run, and that they do not notice; the log before and after.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch
start_lwk "$prog/spin"
computing=$pid
refused "shutdown under one program" 1 '1 program runs on instance 0' ihkosctl 0 shutdown
mkfifo "$scratch/fifo"
start_lwk "$prog/touch" keep 1 "$scratch/fifo"
keeping=$pid
refused "shutdown under two" 1 '2 programs run on instance 0' ihkosctl 0 shutdown
refused "the way down" 1 '2 programs' mcstop+release.sh
refused "destroy" 1 'instance 0 is RUNNING' ihkconfig 0 destroy 0
refused "another image" 1 'load needs an INACTIVE instance, 0 is RUNNING' ihkosctl 0 load /bin/true
refused "release of a CPU" 1 'release needs an INACTIVE' ihkosctl 0 release cpu "${VM_LWK_CPUS##*[,-]}"
before=$(partition_state)
not_ok "the module stays" rmmod ihk
not_ok "nobody onlines the LWK's CPU" \
	sh -c "echo 1 >/sys/devices/system/cpu/cpu${VM_LWK_CPUS##*[,-]}/online"
is "nothing has changed" "$(partition_state)" "$before"
ok "the one computes" kill -0 $computing
echo >"$scratch/fifo"
end_of $keeping
is "the other has its memory" $status 0

ok "the log is cleared" ihkosctl 0 clear_kmsg
is "it is empty" "$(ihkosctl 0 kmsg)" ""

kill -KILL $computing
end_of $computing

# Where -c puts a program, of CPUs that nobody has: getcpu(2). From a busy one it would be sent on.
for cpu in 0 1; do
	is "-c $cpu starts there" \
		"$(mcexec -c $cpu perl -e '$c = pack "L", 99; syscall 309, $c, 0, 0; print unpack "L", $c')" $cpu
done

lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
