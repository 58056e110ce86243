# SPDX-License-Identifier: GPL-2.0-only
# What the guest's test scripts share: running a program both ways, and the instance's counters.
#
# shellcheck shell=bash
# shellcheck source=test/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

test_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
prog=${VM_BUILD:-$test_dir/../../build}/test/prog
os=${LWK_OS:-0}

name=$(basename "$0" .sh)
scratch=$(mktemp -d "/tmp/$name.XXXXXX")
work=$scratch/work
tracing=/sys/kernel/tracing/instances/$name.$$
cleanups=()

# at_end COMMAND...: run it when the script ends, the newest first.
at_end() {
	cleanups=("$(printf '%q ' "$@")" "${cleanups[@]}")
}

clean_up() {
	local command
	for command in "${cleanups[@]}"; do
		eval "$command"
	done
	local instance
	for instance in "$tracing" "$tracing.watch"; do
		[ ! -d "$instance" ] || rmdir "$instance"
	done
	rm -rf "$scratch"
}
trap clean_up EXIT

# A pipe that nobody writes: `read -t` from it sleeps without a process.
exec {never}<> <(:)

# nap SECONDS
nap() {
	read -rt "$1" -u "$never" _ || :
}

# ---- the instance's counters ----

# lwk_counters ARRAY: reads all of them into an associative array.
lwk_counters() {
	local -n into=$1
	local key value
	into=()
	while read -r key value; do
		into[$key]=$value
	done < <(ihkosctl "$os" get counters)
	[ "${into[pages_total]:-0}" -gt 0 ] || bail "instance $os shows no counters"
}

# lwk_counter NAME
lwk_counter() {
	ihkosctl "$os" get counters | sed -n "s/^$1 //p"
}

# lwk_baseline: remembers what the LWK needs for itself, behind a first run of
# what is to be tested (it keeps objects for the next time).
lwk_baseline() {
	lwk_counters baseline
}
declare -A baseline=()

# What is left of programs that have ended, one line each. The LWK itself may
# need more than at the baseline only for the files that it caches since: a table
# of their pages for each, however few these are.
lwk_left() {
	local -A c
	local grown cached
	lwk_counters c
	[ "${c[pages_user]}" = 0 ] || echo "${c[pages_user]} pages still belong to programs"
	[ "${c[pages_quarantined]}" = 0 ] || echo "${c[pages_quarantined]} pages are in quarantine"
	[ "${c[processes_born]}" = "${c[processes_ended]}" ] ||
		echo "${c[processes_born]} processes were born, ${c[processes_ended]} ended"
	[ "${c[threads_born]}" = "${c[threads_ended]}" ] ||
		echo "${c[threads_born]} threads were born, ${c[threads_ended]} ended"
	[ $((c[pages_free] + c[pages_cache] + c[pages_kernel])) = "${c[pages_total]}" ] ||
		echo "free ${c[pages_free]}, cached ${c[pages_cache]}, kernel ${c[pages_kernel]}: not ${c[pages_total]}"
	[ ${#baseline[@]} != 0 ] || return
	grown=$((c[pages_kernel] - baseline[pages_kernel]))
	cached=$((c[pages_cache] - baseline[pages_cache]))
	[ $cached -gt 0 ] || cached=0
	[ $grown -le $((cached + 32)) ] ||
		echo "the kernel has $grown pages more than it had, for $cached cached ones more"
}

# lwk_balanced NAME: no program runs, and all memory is back.
lwk_balanced() {
	is "$1" "$(lwk_left)" ""
}

# ---- waiting ----

# wait_until COMMAND...: until it succeeds. Fails after two minutes.
wait_until() {
	local end=$((SECONDS + 120))
	until "$@"; do
		[ $SECONDS -lt $end ] || { note "still not: $*"; return 1; }
		nap 0.05
	done
}

# ---- who ran where ----

# Linux notes all forks and execs (what was read last: $census); of these,
# those of marked processes and their descendants are counted.
census=()
declare -A inside=()

# census_make INSTANCE: a tracing instance of its own.
census_make() {
	[ -d "$1" ] && return
	mkdir "$1" || bail "no tracing: $1"
	echo counter >"$1/trace_clock"
	echo 2048 >"$1/buffer_size_kb"
	echo 1 >"$1/events/sched/sched_process_fork/enable"
	echo 1 >"$1/events/sched/sched_process_exec/enable"
}

# census_read INSTANCE: all its lines into $census.
census_read() {
	local line
	# Not line by line: `read` would seek in the file, which is made anew each time.
	mapfile -t census <"$1/trace"
	for line in "${census[@]}"; do
		case $line in
		'# entries-in-buffer/'*)
			line=${line#*: }
			line=${line%% *}
			[ "${line%/*}" = "${line#*/}" ] || bail "the census has lost events"
			return
			;;
		esac
	done
}

# census_fork LINE: a child of a process that counts counts too.
census_fork() {
	local parent=${1##* pid=}
	[ -n "${inside[${parent%% *}]:-}" ] || return
	inside[${1##* child_pid=}]=1
	forks=$((forks + 1))
}

# census_begin: forgets everything. (Emptying the trace is slow, Linux waits for
# each CPU; but counting what twenty boots of the LWK left in it takes minutes.)
census_begin() {
	census_make "$tracing"
	mapfile -t -n 1000 census <"$tracing/trace"
	[ "${#census[@]}" -lt 1000 ] || : >"$tracing/trace"
	echo begin >"$tracing/trace_marker"
}

# census_root: from now on this process and its descendants are counted.
census_root() {
	echo "root $BASHPID" >"$tracing/trace_marker"
}

# census_end: leaves the counts in $forks and $execs, the processes in $inside.
census_end() {
	local line
	census_read "$tracing"
	for line in "${census[@]}"; do
		case $line in
		*' sched_process_fork: '*) census_fork "$line" ;;
		*' sched_process_exec: '*)
			[ -z "${inside[${line##* old_pid=}]:-}" ] || execs=$((execs + 1))
			;;
		*' tracing_mark_write: begin')
			inside=()
			forks=0
			execs=0
			;;
		*' tracing_mark_write: root '*) inside[${line##* }]=1 ;;
		esac
	done
}

# The processes of the census have ended: those too whose parents ended before them.
census_gone() {
	local pid
	for pid in "${!inside[@]}"; do
		! kill -0 "$pid" 2>/dev/null || return
	done
}

# on_lwk BEFORE AFTER BORN EXECS: adds to $wrong what does not fit in two
# readings of the counters, between which BORN processes lived and EXECS
# programs were executed.
# shellcheck disable=SC2154 # namerefs
on_lwk() {
	local -n was=$1 is=$2
	local born=$((is[processes_born] - was[processes_born]))
	local ran=$((is[processes_ran] - was[processes_ran]))
	local ended=$((is[processes_ended] - was[processes_ended]))
	local images=$((is[execs] - was[execs]))
	[ $born = "$3" ] || wrong+=$'\n'"$3 processes lived, $born of them were born on the LWK"
	[ $ran = $born ] || [ -n "$run_kills" ] || wrong+=$'\n'"$born processes born on the LWK, $ran ran there"
	[ $ended = $born ] || wrong+=$'\n'"$born processes born on the LWK, $ended ended"
	[ $images = "$4" ] || wrong+=$'\n'"$4 programs were executed, $images of them on the LWK"
	[ $((is[threads_born] - was[threads_born])) = $((is[threads_ended] - was[threads_ended])) ] ||
		wrong+=$'\n'"threads are left"
	[ "${is[pages_user]}" -le "${was[pages_user]}" ] || wrong+=$'\n'"${is[pages_user]} pages of programs are left"
}

# lwk_watch: from now on, what mcexec starts in any way is watched ...
lwk_watch() {
	census_make "$tracing.watch"
	lwk_counters watched_from
}
declare -A watched_from=()

# lwk_watched NAME: ... and each process of it was born, ran and ended on the LWK.
# (mcexec's own execution is of Linux; the next one by the same process is the launch.)
# Not for scripts that boot the instance again.
lwk_watched() {
	local line pid file launches=0 forks=0 execs=0 wrong=''
	local -A after launching=()
	inside=()
	census_read "$tracing.watch"
	for line in "${census[@]}"; do
		case $line in
		*' sched_process_fork: '*) census_fork "$line" ;;
		*' sched_process_exec: '*)
			pid=${line##* old_pid=}
			file=${line#*filename=}
			if [ -n "${inside[$pid]:-}" ]; then
				execs=$((execs + 1))
			elif [[ ${file%% *} == */mcexec ]]; then
				launching[$pid]=1
			elif [ -n "${launching[$pid]:-}" ]; then
				unset "launching[$pid]"
				inside[$pid]=1
				launches=$((launches + 1))
			fi
			;;
		esac
	done
	wait_until census_gone || wrong+=$'\nprocesses are left'
	lwk_counters after
	[ $launches -gt 0 ] || wrong+=$'\nnothing was started'
	on_lwk watched_from after $((launches + forks)) $((launches + execs))
	is "$1" "${wrong#$'\n'}" ""
	note "$launches launches, $forks forks, $execs more executions"
}

# ---- running a program ----

# Options of the next runs: what stdin is, what prepares the directory, whether
# processes are killed before they run, and whether the shell's variable "_",
# which would say mcexec, is taken away.
run_stdin=/dev/null
run_setup=
run_kills=
run_clean=

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
		# shellcheck disable=SC2154 # set by run_one
		[ $how = lwk ] && echo "# lwk: status $lwk_status" || echo "# native: status $native_status"
		show "$scratch/$how.out"
		show "$scratch/$how.err"
	done
}

# Adds to $wrong how the two runs differ.
run_compare() {
	local what
	[ $native_status = $lwk_status ] || wrong+=$'\n'"status $native_status natively, $lwk_status on the LWK"
	for what in out err; do
		[ -s "$scratch/native.$what" ] || [ -s "$scratch/lwk.$what" ] || continue
		cmp -s "$scratch/native.$what" "$scratch/lwk.$what" || wrong+=$'\n'"std$what differs"
	done
	[ -e "$scratch/native.files" ] || [ -e "$scratch/lwk.files" ] || return
	what=$(diff -r --no-dereference "$scratch/native.files" "$scratch/lwk.files" 2>&1 | head -n 10)
	[ -z "$what" ] || wrong+=$'\n'"the files differ: $what"
}

# run_lwk COMMAND...: the run on the LWK alone; adds to $wrong what does not
# fit between Linux's count of the processes and the LWK's.
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
		wait_until census_gone || wrong+=$'\nprocesses are left'
		census_end
	fi
	lwk_counters after
	on_lwk before after $((forks + 1)) "$((execs - launch_execs))"
	[ ${#baseline[@]} != 0 ] || lwk_baseline
	[ ! -e "$scratch/hangs" ] || { wrong+=$'\nit hangs'; rm "$scratch/hangs"; }
}

# run_verdict NAME: a test that $wrong is empty.
run_verdict() {
	if [ -z "$wrong" ]; then
		pass "$1"
	else
		fail "$1"
		note "${wrong#$'\n'}"
		show_runs
	fi
}

# run_both NAME COMMAND...: natively and on the LWK, with the same output, exit
# status and files; each process of the second run was born, ran and ended on
# the LWK.
run_both() {
	local name=$1 wrong='' start=$SECONDS native
	shift
	run_one native "$@"
	native=$((SECONDS - start))
	run_lwk "$@"
	run_compare
	[ -z "${run_good:-}" ] || [ $lwk_status = 0 ] || wrong+=$'\nnot status 0'
	run_verdict "$name"
	[ $((SECONDS - start)) -lt 10 ] ||
		echo "# $native s on Linux, $((SECONDS - start - native)) s on the LWK"
}

# run_good NAME COMMAND...: the same, and it succeeds.
run_good() {
	local run_good=yes
	run_both "$@"
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
	local name=$1 status=$2 output=$3 wrong=''
	shift 3
	native_status=none
	: >"$scratch/native.out"
	: >"$scratch/native.err"
	run_lwk "$@"
	[ $lwk_status = "$status" ] || wrong+=$'\n'"status $lwk_status, not $status"
	[ "$(<"$scratch/lwk.out")" = "$output" ] || wrong+=$'\nother output'
	run_verdict "$name"
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

# ---- refusals ----

# All that the partition's tools show, and Linux's own view.
partition_state() {
	local index
	echo "online $(</sys/devices/system/cpu/online)"
	ihkconfig 0 query cpu
	ihkconfig 0 query mem
	ihkconfig 0 get os_instances
	ihkconfig 0 get counters | grep -E '^(pages_held|cpus_held|instances) '
	for index in $(ihkconfig 0 get os_instances | tr , ' '); do
		echo "instance $index"
		ihkosctl "$index" get status
		ihkosctl "$index" query cpu
		ihkosctl "$index" query mem
		ihkosctl "$index" get ikc_map
	done
}

# refused NAME STATUS REGEX COMMAND...: exit status STATUS, nothing on stdout,
# one line on stderr that matches, and nothing has changed.
refused() {
	local name=$1 want=$2 regex=$3 before after status=0 wrong='' text
	shift 3
	before=$(partition_state 2>&1)
	"$@" >"$scratch/refused.out" 2>"$scratch/refused.err" </dev/null || status=$?
	after=$(partition_state 2>&1)
	text=$(<"$scratch/refused.err")
	[ $status = "$want" ] || wrong+="status $status, not $want; "
	[ "$(wc -l <"$scratch/refused.err")" = 1 ] || wrong+="not one line; "
	[[ $text =~ $regex ]] || wrong+="not like '$regex'; "
	[ ! -s "$scratch/refused.out" ] || wrong+="output on stdout; "
	[ "$before" = "$after" ] || wrong+="something has changed; "
	is "$name" "$wrong" ""
	[ -z "$wrong" ] && return
	note "$*: $text"
	[ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after") | sed 's/^/# /'
}
