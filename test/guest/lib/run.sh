# SPDX-License-Identifier: GPL-2.0-only
# Running programs, natively and on the LWK, and comparing. Part of ../lib.sh.
#
# shellcheck shell=bash

# Options of the next runs: what stdin is, what prepares the directory, and whether the shell's
# variable "_", which would say mcexec, is taken away.
run_stdin=/dev/null
run_setup=
run_clean=

# The directory of a run; and how the last runs ended (run_one).
work=$scratch/work
native_status=
lwk_status=

# How far the run has come, as a word that changes with it.
run_progress() {
	{
		ihkosctl "$os" get counters 2>/dev/null | grep -E '^(calls|faults|interrupts|processes)'
		stat -c %s "$scratch"/*.out "$scratch"/*.err 2>/dev/null
	} | cksum
}

# Kills process group $1 when it makes no progress for four minutes.
run_guard() {
	local before='' now same=0
	while :; do
		nap 20
		now=$(run_progress)
		same=$((same + 1))
		[ "$now" = "$before" ] || same=0
		before=$now
		[ $same -lt 12 ] && continue
		: >"$scratch/hangs"
		kill -KILL -- "-$1"
		return
	done
}

# run_one HOW COMMAND...: in a fresh directory, in a process group of its own.
# HOW is native or lwk; leaves HOW.out, HOW.err, the status in $HOW_status, and
# the files that it made, if any, in HOW.files.
run_one() {
	local how=$1 pid guard status=0
	local launch=(${run_clean:+env -u _})
	shift
	[ "$how" = native ] || launch+=(mcexec "$os")
	[ ! -e "$scratch/$how.files" ] || rm -rf "$scratch/$how.files"
	[ -d "$work" ] || mkdir "$work"
	[ -z "$run_setup" ] || (cd "$work" && $run_setup) || bail "$run_setup"
	set -m
	(
		cd "$work" || exit
		[ "$how" = native ] || census_root
		ulimit -c 0
		exec "${launch[@]}" "$@"
	) <"$run_stdin" >"$scratch/$how.out" 2>"$scratch/$how.err" {never}<&- &
	pid=$!
	run_guard $pid >/dev/null 2>&1 &
	guard=$!
	set +m
	wait $pid 2>/dev/null || status=$?
	kill -KILL -- -$guard
	wait $guard 2>/dev/null
	printf -v "${how}_status" %d $status
	if [ -n "$(shopt -s nullglob dotglob; echo "$work"/*)" ]; then
		mv "$work" "$scratch/$how.files"
	fi
}

# show FILE: its first lines as notes.
show() {
	head -n 15 "$1" | cut -c 1-300 | cat -v | sed 's/^/# | /'
}

show_runs() {
	local how
	for how in native lwk; do
		[ $how = lwk ] && echo "# lwk: status $lwk_status" || echo "# native: status $native_status"
		show "$scratch/$how.out"
		show "$scratch/$how.err"
	done
}

# Complains of how the two runs differ.
run_compare() {
	local what
	[ $native_status = $lwk_status ] ||
		complain "status $native_status natively, $lwk_status on the LWK"
	for what in out err; do
		[ -s "$scratch/native.$what" ] || [ -s "$scratch/lwk.$what" ] || continue
		cmp -s "$scratch/native.$what" "$scratch/lwk.$what" || complain "std$what differs"
	done
	[ -e "$scratch/native.files" ] || [ -e "$scratch/lwk.files" ] || return
	what=$(diff -r --no-dereference "$scratch/native.files" "$scratch/lwk.files" 2>&1 | head -n 10)
	[ -z "$what" ] || complain "the files differ: $what"
}

# run_lwk COMMAND...: the run on the LWK alone; complains of what does not fit
# between Linux's count of the processes and the LWK's.
run_lwk() {
	local -A before after
	# Those of mcexec, and of env before it.
	local launch_execs=1
	[ -z "$run_clean" ] || launch_execs=2
	census_begin
	lwk_counters before
	run_one lwk "$@"
	census_end
	if ! census_gone; then
		wait_until census_gone || complain "processes are left"
		census_end
	fi
	lwk_counters after
	on_lwk before after $((census_forks + 1)) "$((census_execs - launch_execs))"
	[ ${#baseline[@]} != 0 ] || lwk_baseline
	[ ! -e "$scratch/hangs" ] || { complain "it hangs"; rm "$scratch/hangs"; }
}

# run_pair STATUS NAME COMMAND...: natively and on the LWK, with the same output, exit
# status (STATUS, if not empty) and files; each process of the second run was born, ran
# and ended on the LWK.
run_pair() {
	local want=$1 name=$2 start=$SECONDS native
	shift 2
	run_one native "$@"
	native=$((SECONDS - start))
	run_lwk "$@"
	run_compare
	[ -z "$want" ] || [ $lwk_status = "$want" ] || complain "not status $want"
	verdict "$name" || show_runs
	[ $((SECONDS - start)) -lt 10 ] ||
		echo "# $native s on Linux, $((SECONDS - start - native)) s on the LWK"
}

# run_both NAME COMMAND...
run_both() {
	run_pair '' "$@"
}

# run_good NAME COMMAND...: the same, and it succeeds.
run_good() {
	run_pair 0 "$@"
}

# run_cases PROGRAM [EXCEPT...]: run_good for each case of a test program.
run_cases() {
	local program=$1 case
	shift
	for case in $("$prog/$program"); do
		[[ " $* " == *" $case "* ]] || run_good "$program: $case" "$prog/$program" "$case"
	done
}

# lwk_is NAME STATUS OUTPUT COMMAND...: on the LWK alone, where Linux differs.
lwk_is() {
	local name=$1 status=$2 output=$3
	shift 3
	native_status=none
	: >"$scratch/native.out"
	: >"$scratch/native.err"
	run_lwk "$@"
	[ $lwk_status = "$status" ] || complain "status $lwk_status, not $status"
	[ "$(<"$scratch/lwk.out")" = "$output" ] || complain "other output"
	verdict "$name" || show_runs
}

# ---- background programs ----

# start_lwk COMMAND...: on the LWK in the background, in a session of its own.
# Waits for its line "ready"; leaves its pid in $pid.
start_lwk() {
	local ready=$scratch/ready.$RANDOM fd
	mkfifo "$ready"
	# A shell has what it runs in the background ignore the terminal's signals.
	setsid env --default-signal=INT,QUIT mcexec "$@" >"$ready" 2>"$scratch/start.err" &
	pid=$!
	exec {fd}<"$ready"
	rm "$ready"
	read -r _ <&"$fd" || note "not ready: $*: $(<"$scratch/start.err")"
	exec {fd}<&-
}

# end_of PID: waits for it; leaves its status in $status.
end_of() {
	status=0
	wait "$1" 2>/dev/null || status=$?
}
