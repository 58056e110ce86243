#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Linux's three overcommit modes: what a program is promised on either kernel, in parts of its memory.
# vm:
. "$(dirname "$0")/lib.sh"

at_end sysctl -qw vm.overcommit_ratio="$(</proc/sys/vm/overcommit_ratio)"
at_end sysctl -qw vm.overcommit_memory="$(</proc/sys/vm/overcommit_memory)"
sysctl -qw vm.overcommit_ratio=80

# up_with MODE KARGS: Linux in that mode, and the instance booted with these arguments.
up_with() {
	sysctl -qw vm.overcommit_memory="$1" && ihkosctl "$os" shutdown &&
		ihkosctl "$os" kargs "$2" && ihkosctl "$os" boot
}

ok "up in the mode that Linux is in, 2" up_with 2 ''
run_both "what is promised in mode 2" "$prog/promise"
is "the limit is a ratio of the instance's memory" "$(lwk_counter pages_commit_limit)" \
	$(($(lwk_counter pages_total) * 80 / 100))
start_lwk "$prog/spin" sleep
ok "what a program is promised is shown" test "$(lwk_counter pages_committed)" -gt 0
kill -KILL "$pid"
end_of "$pid"
lwk_balanced "nothing is left, nor promised"
ok "up in mode 1" up_with 1 ''
run_both "what is promised in mode 1" "$prog/promise"
lwk_balanced "nothing is left, nor promised"
# Linux is in another mode while it boots.
ok "up in mode 0, by an argument" up_with 1 overcommit=0
sysctl -qw vm.overcommit_memory=0
run_both "what is promised in mode 0" "$prog/promise"
lwk_balanced "nothing is left, nor promised"
ok "up in mode 2, by arguments" up_with 0 "overcommit=2 overcommit_kbytes=65536"
is "the limit is as said" "$(lwk_counter pages_commit_limit)" 16384
ok "down" ihkosctl "$os" shutdown
refused "no such mode" 1 'overcommit=3: it must be 0, 1 or 2' ihkosctl "$os" kargs overcommit=3
refused "no mode" 1 'overcommit=: it must be 0, 1 or 2' ihkosctl "$os" kargs "x overcommit y"
refused "no number" 1 'overcommit_ratio=-5: it must be a number of percent' \
	ihkosctl "$os" kargs overcommit_ratio=-5
refused "too large a number" 1 'admin_reserve_kbytes=99999999999999999999: it must be a number of KiB' \
	ihkosctl "$os" kargs "overcommit=2 admin_reserve_kbytes=99999999999999999999"
ok "up as before" eval "mcstop+release.sh && mcreboot.sh -c '$VM_LWK_CPUS' -m '$VM_LWK_MEM'"
done_testing
