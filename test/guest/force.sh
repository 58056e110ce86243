#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A shutdown by force: programs are ended, and nobody waits for those that Linux itself holds,
# frozen or before a file server that never answers, over the next boot too.
# vm:
. "$(dirname "$0")/lib.sh"

status() {
	ihkosctl 0 get status
}
# before_server PID: it waits for the file server's answer.
before_server() {
	grep -q fuse_ "/proc/$1/stack"
}
drained() {
	[ "$(lwk_counter pages_in_quarantine)" = 0 ]
}
# A directory of the old kind: what it freezes, a signal does not thaw.
mkdir "$scratch/freezer" "$scratch/files"
mount -t cgroup -o freezer none "$scratch/freezer" || bail "no freezer"
at_end umount "$scratch/freezer"
mkdir "$scratch/freezer/cold"
at_end rmdir "$scratch/freezer/cold"

# ---- programs that let themselves be ended ----

start_lwk "$prog/spin"
computing=$pid
start_lwk "$prog/spin" sleep
sleeping=$pid
start_lwk "$prog/spin"
stopped=$pid
kill -STOP $stopped
refused "without force it is refused" 1 '3 programs run on instance 0' ihkosctl 0 shutdown
ok "by force" ihkosctl 0 shutdown --force
is "the instance is down" "$(status)" INACTIVE
for which in computing sleeping stopped; do
	end_of "${!which}"
	is "the $which program is killed" $status 137
done
is "no proxy is left" "$(lwk_counter proxies)" 0
refused "a second time there is nothing" 1 'shutdown needs a RUNNING' ihkosctl 0 shutdown --force

# ---- programs that Linux holds ----

ok "boot" ihkosctl 0 boot
modprobe fuse || bail "no FUSE"
"$prog/mute" serve "$scratch/files" >"$scratch/server.out" &
server=$!
wait_until grep -q ready "$scratch/server.out" || bail "no file server: $(<"$scratch/server.out")"
at_end umount -l "$scratch/files"
start_lwk "$prog/mute" touch "$scratch/files/never"
touching=$pid
start_lwk "$prog/mute" write "$scratch/files/never"
writing=$pid
start_lwk "$prog/spin"
cold=$pid
ok "one waits for a page" wait_until before_server $touching
ok "one for a call that waits for it" wait_until before_server $writing
echo $cold >"$scratch/freezer/cold/cgroup.procs"
echo FROZEN >"$scratch/freezer/cold/freezer.state"
ok "one is frozen" wait_until grep -q FROZEN "$scratch/freezer/cold/freezer.state"
ok "by force" timeout 120 ihkosctl 0 shutdown --force
is "the instance is down" "$(status)" INACTIVE
ok "they are still there" kill -0 $touching $writing $cold
ok "the next boot" ihkosctl 0 boot
run_good "programs run" bash -c 'echo again | sha256sum'
ok "and down, as ever" ihkosctl 0 shutdown
ok "boot" ihkosctl 0 boot

kill -KILL $server
end_of $server
echo THAWED >"$scratch/freezer/cold/freezer.state"
for which in touching writing cold; do
	end_of "${!which}"
	is "the $which one ends when Linux lets go of it" $status 137
done
run_good "nobody is disturbed" bash -c 'echo still | sha256sum'
ok "nothing is left in quarantine" wait_until drained
lwk_balanced "nothing is left"

# ---- an LWK that says of a page that it is there, for ever ----

ok "down" ihkosctl 0 shutdown
ok "boot, with selftest=hollow-fault" eval "ihkosctl 0 kargs selftest=hollow-fault && ihkosctl 0 boot"
start_lwk "$prog/spin" read
said() {
	ihkosctl 0 kmsg | grep -q 'selftest: page .* is said to be there'
}
# circles PID: it has spent a while within Linux, where one question takes next to nothing.
circles() {
	[ "$(cut -d ' ' -f 15 "/proc/$1/stat")" -ge 20 ]
}
ok "Linux asks for it" wait_until said
ok "and asks again" wait_until circles $pid
kill -KILL $pid
gone() {
	! grep -q '^State:.*[RSDT]' "/proc/$1/status"
}
ok "who asks is killed" wait_until gone $pid
ok "down" ihkosctl 0 shutdown
end_of $pid
ok "boot" eval "ihkosctl 0 kargs '' && ihkosctl 0 boot"

# ---- the machine's sleep ----

for state in freeze mem disk; do
	grep -qw $state /sys/power/state || continue
	dmesg -C
	not_ok "no sleep ($state) beside an instance" sh -c "echo $state >/sys/power/state"
	like "with a reason" "$(dmesg)" 'ihk: no (suspend|hibernation): there is 1 OS instance, destroy it first'
done
run_good "and nothing has happened to it" bash -c 'echo awake | sha256sum'
done_testing
