# SPDX-License-Identifier: GPL-2.0-only
# Who was born and ran where: Linux's count of processes against the LWK's. Part of ../lib.sh.
#
# Linux notes all forks and executions in a trace of the machine's. Marks in it say where a count
# begins ("begin", "watch") and which processes count with their descendants ("root PID").
#
# shellcheck shell=bash

# One trace for all scripts, which stays until the machine ends: to make one, and to remove it, is
# to patch Linux's code while other CPUs run it. QEMU 7.2 can lose such a write to code that a CPU
# is just translating; that CPU then stands at a breakpoint which is no longer there.
tracing=/sys/kernel/tracing/instances/census

# What was read last, line by line; of it: the processes that count, and how many were started by
# mcexec, by fork, and how many more executions there were.
census=()
declare -A census_inside=()
census_launches=0
census_forks=0
census_execs=0
census_watched=

census_open() {
	[ -d "$tracing" ] && return
	mkdir "$tracing" || bail "no tracing: $tracing"
	echo counter >"$tracing/trace_clock"
	echo 2048 >"$tracing/buffer_size_kb"
	echo 1 >"$tracing/events/task/task_newtask/enable"
	echo 1 >"$tracing/events/sched/sched_process_exec/enable"
}

# census_read MARK: all lines behind the last such mark into $census.
census_read() {
	local line from=-1 i
	# Not line by line: `read` would seek in the file, which is made anew each time.
	mapfile -t census <"$tracing/trace"
	for i in "${!census[@]}"; do
		line=${census[i]}
		case $line in
		'# entries-in-buffer/'*)
			line=${line#*: }
			line=${line%% *}
			[ "${line%/*}" = "${line#*/}" ] || bail "the census has lost events"
			;;
		*" tracing_mark_write: $1") from=$i ;;
		esac
	done
	[ "$from" -ge 0 ] || bail "the census has lost its beginning"
	census=("${census[@]:from + 1}")
	census_inside=()
	census_launches=0
	census_forks=0
	census_execs=0
}

# census_fork LINE: a child of a process that counts counts too. A thread may have children, and
# may execute, but is no fork.
census_fork() {
	local parent=${1%%" task_newtask: "*} child=${1##*": pid="} flags=${1##*" clone_flags="}
	[[ $parent =~ -([0-9]+)\ +\[ ]] || bail "not a line of the census: $1"
	[ -n "${census_inside[${BASH_REMATCH[1]}]:-}" ] || return
	census_inside[${child%% *}]=1
	((0x${flags%% *} & 0x10000)) || census_forks=$((census_forks + 1))
}

# census_begin: a count of its own. (Emptying the trace is slow, Linux waits for
# each CPU; but counting what twenty boots of the LWK left in it takes minutes.)
census_begin() {
	census_open
	mapfile -t -n 1000 census <"$tracing/trace"
	[ -n "$census_watched" ] || [ "${#census[@]}" -lt 1000 ] || : >"$tracing/trace"
	echo begin >"$tracing/trace_marker"
}

# census_root: from now on this process and its descendants are counted.
census_root() {
	echo "root $BASHPID" >"$tracing/trace_marker"
}

# census_end: counts from census_begin on.
census_end() {
	local line
	census_read begin
	for line in "${census[@]}"; do
		case $line in
		*' task_newtask: '*) census_fork "$line" ;;
		*' sched_process_exec: '*)
			[ -z "${census_inside[${line##* old_pid=}]:-}" ] ||
				census_execs=$((census_execs + 1))
			;;
		*' tracing_mark_write: root '*) census_inside[${line##* }]=1 ;;
		esac
	done
}

# The processes of the census have ended: those too whose parents ended before them.
census_gone() {
	local pid
	for pid in "${!census_inside[@]}"; do
		! kill -0 "$pid" 2>/dev/null || return
	done
}

# on_lwk BEFORE AFTER BORN EXECS: complains of what does not fit in two readings of the
# counters (the arrays BEFORE and AFTER), between which BORN processes lived and EXECS programs
# were executed.
# shellcheck disable=SC2154 # namerefs
on_lwk() {
	local -n was=$1 is=$2
	local born=$((is[processes_born] - was[processes_born]))
	local ran=$((is[processes_ran] - was[processes_ran]))
	local ended=$((is[processes_ended] - was[processes_ended]))
	local images=$((is[execs] - was[execs]))
	[ $born = "$3" ] || complain "$3 processes lived, $born of them were born on the LWK"
	[ $ran = $born ] || complain "$born processes born on the LWK, $ran ran there"
	[ $ended = $born ] || complain "$born processes born on the LWK, $ended ended"
	[ $images = "$4" ] || complain "$4 programs were executed, $images of them on the LWK"
	[ $((is[threads_born] - was[threads_born])) = $((is[threads_ended] - was[threads_ended])) ] ||
		complain "threads are left"
	[ "${is[pages_user]}" -le "${was[pages_user]}" ] ||
		complain "${is[pages_user]} pages of programs are left"
}

# lwk_watch: from now on, what mcexec starts in any way is watched ...
lwk_watch() {
	census_open
	: >"$tracing/trace"
	census_watched=yes
	echo watch >"$tracing/trace_marker"
	lwk_counters watched_from
}
declare -A watched_from=()

# lwk_watched NAME: ... and each process of it was born, ran and ended on the LWK.
# (mcexec's own execution is of Linux; the next one by the same process is the launch.)
# Not for scripts that boot the instance again.
lwk_watched() {
	local line pid file
	local -A after launching=()
	census_read watch
	for line in "${census[@]}"; do
		case $line in
		*' task_newtask: '*) census_fork "$line" ;;
		*' sched_process_exec: '*)
			pid=${line##* old_pid=}
			file=${line#*filename=}
			if [ -n "${census_inside[$pid]:-}" ]; then
				census_execs=$((census_execs + 1))
			elif [[ ${file%% *} == */mcexec ]]; then
				launching[$pid]=1
			elif [ -n "${launching[$pid]:-}" ]; then
				unset "launching[$pid]"
				census_inside[$pid]=1
				census_launches=$((census_launches + 1))
			fi
			;;
		esac
	done
	wait_until census_gone || complain "processes are left"
	lwk_counters after
	[ $census_launches -gt 0 ] || complain "nothing was started"
	on_lwk watched_from after $((census_launches + census_forks)) \
		$((census_launches + census_execs))
	verdict "$1"
	note "$census_launches launches, $census_forks forks, $census_execs more executions"
}
