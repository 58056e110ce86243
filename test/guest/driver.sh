#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs test scripts in the machine, one after the other, for test/run:
#
#	driver.sh SCRIPT...
#
# Around the output of each, the lines "### begin SCRIPT" and "### end SCRIPT
# STATUS SECONDS"; between them, what a script or a kernel did wrong stands as
# "### wrong: REASON". "### kernel RELEASE" goes before all. Ends early when an LWK
# died that should not have.
#
# A script is given up when it says nothing for as many seconds as its header
# "# idle: N" says (300 without).

# How the kernels complain.
# A program of Linux's that dies of one ("traps: ... general protection fault ip:") is no complaint.
linux_words='WARNING:|BUG:|BUG |Oops|Call Trace|refcount_t|[Bb]ad page|unable to handle|general protection fault[,:]'
linux_words+='|possible recursive locking|suspicious RCU|circular locking|detected stalls|blocked for more than'
lwk_words='PANIC|BUG|WARNING|panic:|assert'

lwk_log() {
	local device
	for device in /dev/mcos[0-9]*; do
		[ -e "$device" ] && timeout 20 ihkosctl "${device#/dev/mcos}" kmsg
	done 2>/dev/null
}

lwk_complaints() {
	lwk_log | grep -acE "$lwk_words"
}

# The instances that have died.
lwk_dead() {
	local device os
	for device in /dev/mcos[0-9]*; do
		[ -e "$device" ] || continue
		os=${device#/dev/mcos}
		if timeout 20 ihkosctl "$os" get status 2>/dev/null | grep -qE 'PANIC|HUNGUP'; then
			echo "$os"
		fi
	done
}

# Copies lines from stdin until the end; complains when none comes for $1 seconds.
copy_lines() {
	local line status
	while :; do
		IFS= read -r -t "$1" line
		status=$?
		if [ $status -gt 128 ]; then
			echo "### wrong: no output for $1 seconds"
			return 1
		fi
		[ $status = 0 ] || { [ -z "$line" ] || printf '%s\n' "$line"; return 0; }
		printf '%s\n' "$line"
	done
}

# Runs $1 in a session of its own; leaves its exit status in $status.
run_guarded() {
	local script=$1 idle pid fifo=/run/vm/test.fifo
	idle=$(sed -n 's/^# idle: *//p; 20q' "$script")
	rm -f $fifo
	mkfifo $fifo
	# A shell ignores the terminal's signals for what it runs in the background.
	setsid env --default-signal=INT,QUIT bash -c 'cd /tmp; exec "$0"' "$(realpath "$script")" \
		</dev/null >$fifo 2>&1 &
	pid=$!
	if ! copy_lines "${idle:-300}" <$fifo; then
		ps --ppid 2 -p 2 -N -o pid,ppid,sid,stat,wchan:30,args | sed 's/^/# /'
		echo w >/proc/sysrq-trigger
		pkill -KILL -s "$pid"
	fi
	wait $pid
	status=$?
	# Nothing of one test stays for the next.
	pkill -KILL -s "$pid"
}

check_kernels() {
	local script=$1 before=$2 now
	dmesg | sed "0,/test begins: ${script//\//\\/}\$/d" | grep -aE "$linux_words" | head -n 20 |
		sed 's/^/### wrong: Linux: /'
	[ -z "${VM_EXPECT_PANIC:-}" ] || return 0
	now=$(lwk_complaints)
	if [ "$now" -gt "$before" ]; then
		lwk_log | grep -aE "$lwk_words" | tail -n "$((now - before))" | head -n 20 |
			sed 's/^/### wrong: LWK: /'
	fi
	if [ -n "$(lwk_dead)" ]; then
		echo "### wrong: LWK $(lwk_dead) is dead"
		lwk_log | tail -n 40 | sed 's/^/# /'
		return 1
	fi
}

echo "### kernel $(uname -r)"
for script in "$@"; do
	echo "### begin $script"
	echo "test begins: $script" >/dev/kmsg
	before=$(lwk_complaints)
	SECONDS=0
	run_guarded "$script"
	alive=0
	check_kernels "$script" "$before" || alive=1
	echo "### end $script $status $SECONDS"
	[ $alive = 0 ] || exit 1
done
