#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What bad input gets: one line that names the thing and the rule, and nothing changed.
# vm: --no-lwk
# shellcheck source=test/guest/partition/lib.sh
. "$(dirname "$0")/lib.sh"

refuses "no module" 1 '/dev/mcd0: No such file' ihkconfig 0 query cpu
load_module
online=$(cat /sys/devices/system/cpu/online)
last=${online##*-}

# ---- usage ----

refuses "no arguments" 2 'device number is missing' ihkconfig
refuses "unknown option" 2 "unknown option '--frob'" ihkconfig --frob 0 query cpu
refuses "other device" 2 "'1' is no device number" ihkconfig 1 query cpu
refuses "no number" 2 "'x' is no index" ihkosctl x boot
refuses "index out of range" 2 "'64' is no index .*0 to 63" ihkosctl 64 boot
refuses "no verb" 2 'verb is missing' ihkconfig 0
refuses "unknown verb" 2 "unknown verb 'frob'" ihkconfig 0 frob
refuses "unknown verb of an instance" 2 "unknown verb 'frob'" ihkosctl 0 frob
refuses "unknown target" 2 "reserve: 'disk' is unknown" ihkconfig 0 reserve disk 1
refuses "missing target" 2 'query is missing' ihkconfig 0 query
refuses "missing operand" 2 'a list of CPUs is missing' ihkconfig 0 reserve cpu
refuses "surplus operand" 2 "'3' is too much" ihkconfig 0 reserve cpu 2 3
refuses "bad list" 2 "'2-' is no CPU" ihkconfig 0 reserve cpu 2-
refuses "odd size" 2 "'511M@0' is not a positive multiple of 4 MiB" ihkconfig 0 reserve mem 511M@0
refuses "bad unit" 2 "'1Z' is no size" ihkconfig 0 reserve mem 1Z
refuses "no kargs" 2 'string of arguments is missing' ihkosctl 0 kargs
ok "--help" ihkconfig --help
ok "--version" ihkosctl --version

# ---- CPUs ----

state=$(whole_state)
refuses "CPU 0" 1 'CPU 0 always stays' ihkconfig 0 reserve cpu 0
refuses "CPU 0 in a list" 1 'CPU 0 always stays' ihkconfig 0 reserve cpu 2,0
refuses "no such CPU" 1 "CPU $((last + 1)) does not exist .*0-$last" ihkconfig 0 reserve cpu "2,$((last + 1))"
refuses "a CPU twice" 1 'CPU 2 is listed twice' ihkconfig 0 reserve cpu 2,2
refuses "not reserved" 1 'CPU 2 is not reserved' ihkconfig 0 release cpu 2
is "nothing has changed" "$(whole_state)" "$state"

ok "reserve" ihkconfig 0 reserve cpu 2-3
state=$(whole_state)
refuses "reserved already" 1 'CPU 3 is reserved already' ihkconfig 0 reserve cpu 1,3
is "nothing has changed" "$(whole_state)" "$state"
not_ok "nobody onlines a reserved CPU" sh -c 'echo 1 >/sys/devices/system/cpu/cpu2/online'
not_ok "the module stays while a CPU is reserved" rmmod ihk

# ---- memory ----

state=$(whole_state)
refuses "more than there is" 1 'node 0 can give .* MiB at most' ihkconfig 0 reserve mem 1T
refuses "more than Linux can spare" 1 'node 0 can give' ihkconfig 0 reserve mem 4G
refuses "no such node" 1 'node 7 does not exist' ihkconfig 0 reserve mem 4M@7
refuses "all or nothing" 1 'node 7 does not exist' ihkconfig 0 reserve mem 4M@0,4M@7
refuses "release of what is not there" 1 'there are 0 MiB' ihkconfig 0 release mem 4M
is "nothing has changed" "$(whole_state)" "$state"
ok "reserve" ihkconfig 0 reserve mem 64M,32M
state=$(whole_state)
refuses "part of a range" 1 'not a sum of whole ranges' ihkconfig 0 release mem 48M
is "nothing has changed" "$(whole_state)" "$state"
ok "sum of ranges" ihkconfig 0 release mem 96M
ok "reserve" ihkconfig 0 reserve mem 64M

# ---- instances ----

refuses "no such instance" 1 '/dev/mcos0: No such file' ihkosctl 0 get status
refuses "destroy of none" 1 'there is no instance 5' ihkconfig 0 destroy 5
is "create prints the index" "$(ihkconfig 0 create)" 0
is "and the next" "$(ihkconfig 0 create)" 1
is "both are listed" "$(ihkconfig 0 get os_instances)" 0,1
ok "assign to 1" ihkosctl 1 assign cpu 3
state=$(whole_state)
refuses "assigned elsewhere" 1 'CPU 3 is assigned to instance 1' ihkosctl 0 assign cpu 2,3
refuses "release of an assigned one" 1 'CPU 3 is assigned to instance 1' ihkconfig 0 release cpu 3
refuses "not ours" 1 'CPU 2 is not assigned to instance 0' ihkosctl 0 release cpu 2
refuses "not reserved" 1 'CPU 1 is not reserved' ihkosctl 0 assign cpu 1
refuses "more memory than reserved" 1 'there are 64 MiB, 128 MiB' ihkosctl 0 assign mem 128M
refuses "IKC map of a strange CPU" 1 'CPU 2 is not assigned' ihkosctl 0 set ikc_map 2:0
refuses "IKC map to an offline CPU" 1 'CPU 2 is not an online CPU' ihkosctl 1 set ikc_map 3:2
refuses "boot without an image" 1 'no image is loaded' ihkosctl 0 boot
refuses "shutdown of nothing" 1 'shutdown needs a RUNNING instance, 0 is INACTIVE' ihkosctl 0 shutdown
is "nothing has changed" "$(whole_state)" "$state"
ok "set ikc_map" ihkosctl 1 set ikc_map 3:1
is "get ikc_map" "$(ihkosctl 1 get ikc_map)" 3:1
ok "release from 1" ihkosctl 1 release cpu 3
ok "destroy 1" ihkconfig 0 destroy 1

# ---- images ----

refuses "no such image" 1 '/nothing: No such file' ihkosctl 0 load /nothing
refuses "a directory" 1 'loading: /tmp: the file cannot be read' ihkosctl 0 load /tmp
refuses "no ELF" 1 'not an ELF file' ihkosctl 0 load /etc/passwd
refuses "a program" 1 'not an executable at fixed addresses|is not inside|no boot-ABI note' ihkosctl 0 load /bin/true
head -c 3000 "$hello" >short.img
refuses "truncated" 1 'truncated' ihkosctl 0 load short.img
objcopy --remove-section=.note "$hello" bare.img 2>/dev/null
# The ABI version stands behind the note's header and name.
at=$(($(LC_ALL=C grep -obUaP 'IHK\x00' "$hello" | head -n 1 | cut -d: -f1) + 4))
cp "$hello" other.img
printf '\x63' | dd of=other.img bs=1 seek=$at conv=notrunc status=none
refuses "another ABI version" 1 'the image has boot ABI 99 .* this ihk.ko has' ihkosctl 0 load other.img
cp "$hello" bare.img
printf 'X' | dd of=bare.img bs=1 seek=$((at - 4)) conv=notrunc status=none
refuses "without the note" 1 'no boot-ABI note' ihkosctl 0 load bare.img
refuses "the ABI of no image" 1 'no image is loaded' ihkosctl 0 get buildid
# The second segment's size in memory: 8 MiB.
cp "$hello" large.img
printf '\0\0\x80\0' | dd of=large.img bs=1 seek=$((64 + 56 + 40)) conv=notrunc status=none
ok "a range of 4 MiB" ihkconfig 0 reserve mem 4M
ok "is assigned" ihkosctl 0 assign mem 4M
refuses "larger than the instance's memory" 1 'the image needs 8[12][0-9][0-9] KiB in one piece, instance 0 has no' \
	ihkosctl 0 load large.img
ok "release" ihkosctl 0 release mem 4M
ok "without memory it is loaded" ihkosctl 0 load large.img
ok "assign a CPU" ihkosctl 0 assign cpu 2
ok "assign the range" ihkosctl 0 assign mem 4M
refuses "but not booted" 1 'the image needs 8[12][0-9][0-9] KiB in one piece, instance 0 has no' ihkosctl 0 boot
is "the status" "$(ihkosctl 0 get status)" INACTIVE
ok "release" ihkosctl 0 release mem 4M
ok "release" ihkosctl 0 release cpu 2
ok "release the range" ihkconfig 0 release mem 4M
ok "load" ihkosctl 0 load "$hello"
is "the image has the module's ABI" "$(ihkosctl 0 get buildid)" "$(ihkconfig 0 get buildid)"
refuses "free memory of none that runs" 1 'instance 0 is INACTIVE, not RUNNING' ihkosctl 0 query_free_mem
refuses "boot without CPUs" 1 'no CPU is assigned' ihkosctl 0 boot
ok "assign cpu" ihkosctl 0 assign cpu 2-3
refuses "boot without memory" 1 'no memory is assigned' ihkosctl 0 boot
ok "assign mem" ihkosctl 0 assign mem 32M
refuses "kargs too long" 1 'at most 2047 bytes' ihkosctl 0 kargs "$(printf '%03000d' 0)"

# ---- states ----

ok "boot" ihkosctl 0 boot
state=$(whole_state)
refuses "boot twice" 1 'boot needs an INACTIVE instance, 0 is RUNNING' ihkosctl 0 boot
refuses "load while running" 1 'load needs an INACTIVE' ihkosctl 0 load "$hello"
refuses "kargs while running" 1 'kargs needs an INACTIVE' ihkosctl 0 kargs x
refuses "assign while running" 1 'assign needs an INACTIVE' ihkosctl 0 assign mem 32M
refuses "release while running" 1 'release needs an INACTIVE' ihkosctl 0 release cpu 2
refuses "set ikc_map while running" 1 'set ikc_map needs an INACTIVE' ihkosctl 0 set ikc_map 2:0
refuses "destroy while running" 1 'instance 0 is RUNNING' ihkconfig 0 destroy 0
not_ok "the module stays while an instance runs" rmmod ihk
is "nothing has changed" "$(whole_state)" "$state"

# ---- an unprivileged caller ----

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
refuses "nobody reserves" 1 'CAP_SYS_ADMIN' as_nobody ihkconfig 0 reserve cpu 1
refuses "nobody shuts down" 1 'CAP_SYS_ADMIN' as_nobody ihkosctl 0 shutdown
refuses "nobody reads the log" 1 'CAP_SYS_ADMIN' as_nobody ihkosctl 0 kmsg
is "nobody may look" "$(as_nobody ihkosctl 0 get status)" RUNNING
is "json" "$(ihkosctl --json 0 get status)" '{"status":"RUNNING"}'
is "json behind the query" "$(ihkosctl 0 query cpu --json)" '{"cpus":[2,3]}'
for words in '0 query cpu' '0 query mem' '0 get os_instances' '0 get counters' '0 get buildid'; do
	# shellcheck disable=SC2086 # words
	ok "ihkconfig --json $words" sh -c "ihkconfig --json $words | python3 -m json.tool"
done
for words in '0 query cpu' '0 query mem' '0 query_free_mem' '0 get status' '0 get ikc_map' \
	'0 get counters' '0 get buildid'; do
	ok "ihkosctl --json $words" sh -c "ihkosctl --json $words | python3 -m json.tool"
done
refuses "no json of what is no answer" 2 'boot takes no --json' ihkosctl --json 0 boot

ok "shutdown" ihkosctl 0 shutdown
ok "all that is left" ihkosctl 0 assign mem all
refuses "all of nothing" 1 'all: no memory is reserved and free' ihkosctl 0 assign mem all
ok "all the way down" drop_instance
is "all CPUs are back" "$(cat /sys/devices/system/cpu/online)" "$online"
ok "the module goes" rmmod ihk
done_testing
