#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bash and dash: pipelines, subshells, traps, here-documents, background jobs.
# vm:
. "$(dirname "$0")/lib.sh"

# A shell of its own for each kind of thing: what bash 5.2 says of jobs, and of children that it
# has lost, depends on when it hears of their end. So whoever is killed says first that it runs
# its program (before, it has the shell's traps), and no job is left to be noticed later.
cat >"$scratch/texts" <<'SH'
echo "pipeline:" $(seq 100 | grep 7 | sed s/7/seven/ | sort -r | head -n 3 | tr '\n' ' ')
(cd / && pwd; x=inner; exit 4); echo "subshell: $? ${x:-outer}"
cat <<-HERE | tr a-z A-Z
	here-document with $((6 * 7)) and `echo backquotes`
HERE
read -r a b <<<"here string"; echo "$b $a"
f() { local v=$1; [ "$v" -le 1 ] && echo 1 || echo $((v * $(f $((v - 1))))); }
echo "recursion by subshells: $(f 6)"
exec 3>file; echo "to descriptor 3" >&3; exec 3>&-; cat file
diff <(seq 3) <(seq 4)
a=(x y z); echo "${a[@]:1}" "${#a[*]}" "${a[0]^}"
echo "status of a pipeline: $(false | true; echo "${PIPESTATUS[*]}")"
ulimit -n; umask
exit 6
SH
cat >"$scratch/traps" <<'SH'
trap 'echo "trap on exit: $?"' EXIT
trap 'echo "trap on USR1"' USR1
kill -USR1 $$
(trap 'echo "trap of a subshell"' EXIT; kill -USR1 $BASHPID; exit 3); echo "subshell: $?"
trap 'echo "trap on ERR"' ERR; false; trap - ERR
timeout 0.2 sleep 100; echo "timeout: $?"
exit 7
SH
cat >"$scratch/jobs" <<'SH'
for i in 1 2 3; do (exit $i) & pids[i]=$!; done
for i in 1 2 3; do wait ${pids[i]}; echo "job $i: $?"; done
(exit 9) & wait -n; echo "the next job: $?"
mkfifo pipe; echo "through a fifo" >pipe & cat pipe; wait; rm pipe
mkfifo up; bash -c 'echo up; exec sleep 100' >up & read -r line <up; kill $!; wait $!; echo "$line, killed: $?"; rm up
coproc cat; echo "to a coprocess" >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
eval "exec ${COPROC[1]}>&-"; wait; echo "all jobs: $?"
SH
cat >"$scratch/control" <<'SH'
exec 2>/dev/null # says what it has noticed so far
set -m; mkfifo up
bash -c 'echo up; exec sleep 100' >up & read -r line <up
kill -STOP %1; wait %1; echo "stopped: $?"
kill -CONT %1; kill %1; wait %1; echo "killed: $?"; rm up
(exit 3) | cat; echo "${PIPESTATUS[*]}"
SH
run_both "bash: pipelines, subshells, here-documents" bash "$scratch/texts"
is "it ended as it should" "$lwk_status" 6
run_both "bash: traps" bash "$scratch/traps"
is "it ended as it should" "$lwk_status" 7
run_good "bash: background jobs" bash "$scratch/jobs"
run_good "bash: job control" bash "$scratch/control"
run_good "dash" dash -c 'x=$(for i in 1 2 3; do echo $i; done | sort -rn); echo $x; (trap "echo t" TERM; kill $(exec sh -c "echo \$PPID"); echo end)
	i=0; while [ $i -lt 5 ]; do i=$((i + 1)); echo $i & wait; done; { echo a; echo b; } | while read -r l; do echo "<$l>"; done'
run_good "a loop of small programs" bash -c 'for i in {1..15}; do /bin/echo $i | cat; done'
run_good "many at once" bash -c 'for i in {1..12}; do (seq $((i * 1000)) | md5sum >$i) & done; wait; cat {1..12}'
lwk_balanced "nothing is left"
done_testing
