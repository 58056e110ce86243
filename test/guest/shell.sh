#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bash and dash: pipelines, subshells, traps, here-documents, background jobs.
# vm:
. "$(dirname "$0")/lib.sh"

cat >"$scratch/script" <<'SH'
echo "pipeline:" $(seq 100 | grep 7 | sed s/7/seven/ | sort -r | head -n 3 | tr '\n' ' ')
(cd / && pwd; x=inner; exit 4); echo "subshell: $? ${x:-outer}"
cat <<-HERE | tr a-z A-Z
	here-document with $((6 * 7)) and `echo backquotes`
HERE
read -r a b <<<"here string"; echo "$b $a"
trap 'echo "trap on exit: $?"' EXIT
trap 'echo "trap on USR1"' USR1
kill -USR1 $$
for i in 1 2 3; do (exit $i) & done
wait -n; wait; echo "background jobs: $?"
sleep 100 & pid=$!; kill $pid; wait $pid; echo "killed job: $?"
f() { local v=$1; [ "$v" -le 1 ] && echo 1 || echo $((v * $(f $((v - 1))))); }
echo "recursion by subshells: $(f 6)"
mkfifo pipe; (echo through a fifo >pipe &) ; cat pipe; rm pipe
exec 3>file; echo "to descriptor 3" >&3; exec 3>&-; cat file
coproc cat; echo "to a coprocess" >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
eval "exec ${COPROC[1]}>&-"; wait
diff <(seq 3) <(seq 4)
set -m; sleep 100 & kill -STOP %1; kill -CONT %1; kill %1; wait %1; echo "job control: $?"; set +m
a=(x y z); echo "${a[@]:1}" "${#a[*]}" "${a[0]^}"
echo "status of a pipeline: $(false | true; echo "${PIPESTATUS[*]}")"
ulimit -n; umask
timeout 0.2 sleep 100; echo "timeout: $?"
exit 6
SH
# What bash says of a child that it has lost names a pid, here and there another.
# shellcheck disable=SC2016 # for the inner shell
run_both "bash" bash -c 'bash "$0" 2>err; status=$?
	sed "s/of process [0-9]*/of process N/" err >&2; rm err; exit $status' "$scratch/script"
is "bash ended as it should" "$lwk_status" 6
run_good "dash" dash -c 'x=$(for i in 1 2 3; do echo $i; done | sort -rn); echo $x; (trap "echo t" TERM; kill $(exec sh -c "echo \$PPID"); echo end)
	i=0; while [ $i -lt 5 ]; do i=$((i + 1)); echo $i & wait; done; { echo a; echo b; } | while read -r l; do echo "<$l>"; done'
run_good "a loop of small programs" bash -c 'for i in {1..15}; do /bin/echo $i | cat; done'
run_good "many at once" bash -c 'for i in {1..12}; do (seq $((i * 1000)) | md5sum >$i) & done; wait; cat {1..12}'
lwk_balanced "nothing is left"
done_testing
