# SPDX-License-Identifier: GPL-2.0-only
# How a machine stands when Linux has ended beside a running LWK. Wants $dir, a directory.
#
# With -no-shutdown a machine that resets itself stands still: boot/vm gives it up, and keeps
# where its CPUs stood.
#
# shellcheck shell=bash

# QEMU (7.2) shows INIT to a CPU that is halted with its next interrupt, before which it runs
# nothing: none comes in a Linux that has panicked, and a machine that resets itself can stand still
# before a busy host lets the CPU run. So CPUs that are to be seen stopped compute, but for one that
# is woken by hand (wake).

# ends NAME SECONDS BUSY OPTION... -- SCRIPT: in a machine of its own, programs compute on so many
# CPUs of the LWK, the last ones, the others sleep, and SCRIPT ends Linux; given up after SECONDS of
# silence. What the machine said before may be lost in its end: the end waits until it has been heard.
ends() {
	local name=$1 seconds=$2 busy=$3
	local options=("${@:4:$#-5}") script=${*: -1}
	heard "$name" | {
		boot/vm --timeout "$seconds" --status "$dir/$name.status" "${options[@]}" -- bash -c '
			for ((cpu = 2 - $1; cpu < 2; cpu++)); do
				mcexec -c $cpu build/test/prog/spin >/tmp/ready$cpu &
				until grep -q ready /tmp/ready$cpu; do sleep 0.1; done
			done
			echo "$(ihkosctl 0 get status), CPUs $(ihkosctl 0 query cpu)"
			read -r || exit
			'"$script" ends "$busy" >"$dir/$name.out" 2>"$dir/$name.err"
		: >"$dir/$name.ended"
	}
}

# heard NAME: says a line when that machine has said that its LWK runs.
heard() {
	until grep -qs RUNNING "$dir/$1.out"; do
		[ ! -e "$dir/$1.ended" ] || return
		sleep 0.2
	done
	echo "heard"
}

# wake NAME: CPU 2 of that machine, made with monitor_of, which sleeps, gets an interrupt when CPU 3
# has been stopped: its own INIT, sent before that one's, then comes first. If there is none, it
# takes the interrupt, and does not wait to be started.
wake() {
	# Before it computes, CPU 3 waits to be started as well.
	[ -n "$(heard "$1")" ] || return
	test/host/lib/wake.pl "$dir/$1.monitor" 2 3 300
}
# monitor_of NAME: the option that gives that machine a monitor.
monitor_of() {
	echo "-chardev socket,id=hand,path=$dir/$1.monitor,server=on,wait=off -mon chardev=hand,mode=readline"
}

# run_of NAME: the directory of that machine's logs.
run_of() {
	sed -n "s/^vm: the machine's logs: //p" "$dir/$1.err"
}

# stood NAME CPU: "waits" for somebody to start it, or what it does instead.
stood() {
	tr -d '\r' <"$(run_of "$1")/registers.txt" | awk -v cpu="CPU#$2" '
		/^CPU#/ { mine = $1 == cpu }
		mine && /^[ER]IP=/ { ip = $1; halted = /HLT=1/ }
		mine && /^CS =/ { cs = $2 }
		END { print (ip ~ /^EIP=0000fff0$/ && cs == "=f000" && halted) ? "waits" : ip " CS" cs }
	'
}

# ended NAME HOW: it came to its end, and what Linux left behind.
ended() {
	local cpu
	is "$2: programs compute on the LWK" \
		"$(cat "$dir/$1.out" "$dir/$1.status")" "RUNNING, CPUs 2-3
timeout"
	like "$2: Linux's own CPU had work to the end" "$(stood "$1" 0)" '^RIP=ffffffff'
	for cpu in 2 3; do
		is "$2: CPU $cpu waits to be started" "$(stood "$1" $cpu)" waits
	done
}
