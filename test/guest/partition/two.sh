#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two instances side by side, and the scripts that bring one up and down.
# vm: --no-lwk
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

export MCKERNEL_IMG=$hello
online=$(cat /sys/devices/system/cpu/online)

# ---- the scripts ----

ok "up, with the defaults" mcreboot.sh
is "status" "$(ihkosctl 0 get status)" RUNNING
is "the upper half of the CPUs" "$(ihkosctl 0 query cpu)" 2-3
is "512 MiB" "$(ihkosctl 0 get counters | sed -n 's/^pages_assigned //p')" 131072
refuses "an image without programs" 1 'the image of instance 0 runs no programs' mcexec /bin/true
like "kernel arguments" "$(ihkosctl 0 kmsg)" 'hidos dump_level=24'
refuses "its CPUs are taken" 1 'CPU 2 is reserved already' mcreboot.sh -c 2-3
is "its memory is given back" "$(counter ihkconfig 0 pages_held)" 131072
ok "down" mcstop+release.sh
not_ok "the module is gone" test -c /dev/mcd0
is "the CPUs are back" "$(cat /sys/devices/system/cpu/online)" "$online"
ok "down again is no failure" mcstop+release.sh

version=$(ihkconfig --version)
for script in mcreboot.sh mcstop+release.sh; do
	is "$script --version" "$($script --version)" "$script ${version#* }"
	is "$script --help" "$($script --help | head -n 1)" "Usage: $script [OPTION]..."
	refuses "an unknown word" 2 "'--frob': unknown option" $script --frob
done
refuses "unknown option" 2 "'-z': unknown option" mcreboot.sh -z
refuses "value out of range" 2 "'7': -d is one of: 0 24" mcreboot.sh -d 7
refuses "surplus operand" 2 "'x': no operand" mcreboot.sh x
refuses "no such CPU" 1 'CPU 99 does not exist' mcreboot.sh -c 99
not_ok "which left no module" test -c /dev/mcd0
refuses "no such image" 1 'loading kernel image: /nothing' env MCKERNEL_IMG=/nothing mcreboot.sh
refuses "a bad image" 1 'not an ELF file' env MCKERNEL_IMG=/etc/passwd mcreboot.sh -m 64M
not_ok "which left no module" test -c /dev/mcd0
is "nor lost a CPU" "$(cat /sys/devices/system/cpu/online)" "$online"

# ---- two of them ----

ok "one" mcreboot.sh -c 3 -m 64M -e "the first" -t -O -T 1 -o nobody
ok "two" mcreboot.sh -c 1,2 -m 128M -r 1,2:0 -e "the second"
is "both are there" "$(ihkconfig 0 get os_instances)" 0,1
like "the first's log" "$(ihkosctl 0 kmsg)" 'hidos turbo dump_level=24 the first allow_oversubscribe time_sharing'
like "the second's log" "$(ihkosctl 1 kmsg)" 'the second'
is "the second's IKC map" "$(ihkosctl 1 get ikc_map)" 1,2:0
is "owner" "$(stat -c '%U %a' /dev/mcos0)" "nobody 644"
ok "one goes" ihkosctl 0 shutdown
is "the other stays" "$(ihkosctl 1 get status)" RUNNING
ok "down, both" mcstop+release.sh -k
is "the CPUs are back" "$(cat /sys/devices/system/cpu/online)" "$online"

# ---- two at the same time, and what somebody else has reserved ----

ok "up at the same time" eval 'mcreboot.sh -c 2 -m 64M -o nobody:nogroup & mcreboot.sh -c 3 -m 64M && wait $!'
is "both run" "$(ihkosctl 0 get status) $(ihkosctl 1 get status)" "RUNNING RUNNING"
is "owner and group" "$(stat -c '%U:%G %a' /dev/mcos[01] | sort | tail -n 1)" "root:root 644"
is "owner and group" "$(stat -c '%U:%G %a' /dev/mcos[01] | sort | head -n 1)" "nobody:nogroup 664"
ok "reserved by somebody else" ihkconfig 0 reserve mem 32M
ok "down, both" mcstop+release.sh
is "his memory stays" "$(ihkconfig 0 query mem)" 33554432@0
ok "so does the module, until he has done" ihkconfig 0 release mem all
ok "it goes" mcstop+release.sh
not_ok "the module is gone" test -c /dev/mcd0
is "the CPUs are back" "$(cat /sys/devices/system/cpu/online)" "$online"

# ---- affinity ----

ok "served by CPU 1" mcreboot.sh -c 2-3 -m 64M -r 2-3:1
ok "which goes offline" sh -c 'echo 0 >/sys/devices/system/cpu/cpu1/online'
ok "the LWK rings another" mcstop+release.sh -R
ok "and comes back" sh -c 'echo 1 >/sys/devices/system/cpu/cpu1/online'
ok "the module goes" rmmod ihk
done_testing
