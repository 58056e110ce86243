#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the hardware finds in the LWK ends in its log: machine checks, kernel stacks that overflow.
# And Linux has the pages back that programs there had mapped.
# vm: --expect-panic --monitor --append tsc=reliable
. "$(dirname "$0")/lib.sh"

status_is() {
	[ "$(ihkosctl 0 get status)" = "$1" ]
}
up() {
	mcstop+release.sh && mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM" -e "$1"
}
cpu=${VM_LWK_CPUS##*[,-]}
exec 7<>/dev/virtio-ports/vm.qemu || bail "no monitor"

# inject BANK STATUS MCGSTATUS ADDR MISC: a machine check on an LWK CPU.
inject() {
	echo "mce $cpu $*" >&7
}

# ---- machine checks ----

run_good "a program runs" true
start_lwk "$prog/spin" wait
# As on machines that tell all CPUs of an error in another: this one's banks have nothing
# that was to be told (an error whose report is not enabled).
inject 1 0xa000000000000000 0x5 0 0
nap 1
is "a machine check of another CPU's is survived" "$(ihkosctl 0 get status)" RUNNING
run_good "programs run on" bash -c 'echo again | sha256sum'
inject 2 0xbd00000000000134 0x5 0x12345678 0x8c
ok "an uncorrected error: the status becomes PANIC" wait_until status_is PANIC
end_of $pid
is "the program ends" "$((status > 0))" 1
log=$(ihkosctl 0 kmsg)
like "the log has the last words" "$log" 'PANIC: machine check, MCG_STATUS 5'
like "and the bank" "$log" 'bank 2 status bd00000000000134 addr 0*12345678 misc 0*8c'
like "and the registers" "$log" 'rip '
refused "no program is started" 1 'mcos0' mcexec true

# ---- pages that Linux takes back while the LWK dies ----

ok "up again" up hidos
file=$scratch/file
changes_go_on
inject 2 0xbd00000000000134 0x5 0x12345678 0x8c
ok "the status becomes PANIC" wait_until status_is PANIC
changes_end

# ---- stacks ----

ok "up, with selftest=overflow" up selftest=overflow
ok "the status becomes PANIC" wait_until status_is PANIC
log=$(ihkosctl 0 kmsg)
like "the log says which stack it was" "$log" "PANIC: a kernel stack has overflowed at [0-9a-f]+: that of CPU 0's own work"
like "and how deep the calls were" "$log" 'overflow\+0x[0-9a-f]+'
ok "up again" up hidos
run_good "programs run" bash -c 'echo again | sha256sum'
lwk_balanced "all memory is there"
is "Linux has not complained" "$(dmesg | grep -cE 'WARNING:|BUG:|Oops')" 0
done_testing
