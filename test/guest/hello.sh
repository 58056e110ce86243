#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How a program starts: every form of executable, with what it finds at its start.
# vm:
. "$(dirname "$0")/lib.sh"

run_clean=yes
for form in start start-no-pie start-static start-static-pie; do
	run_good "$form: arguments, environment" "$prog/$form" args one "" "three words" $'new\nline' '$x *'
	run_good "$form: auxiliary vector" "$prog/$form" auxv
	run_both "$form: run-time library" "$prog/$form" run_time
done
run_good "the process: exe, cwd, comm, cmdline, ids" "$prog/start" process
run_good "limits" "$prog/start" limits
run_good "signals" "$prog/start" signals

printf 'some\0bytes\nwithout an end' >"$scratch/input"
run_stdin=$scratch/input
run_good "stdin, stdout, stderr" "$prog/start" streams
run_stdin=/dev/null

many=$(seq -s ' ' 5000)
# shellcheck disable=SC2086 # 5000 of them
run_good "many arguments" "$prog/start" args $many
run_good "a large environment" env "LARGE=$(seq 10000)" "$prog/start" args
run_good "an empty environment" env -i "$prog/start" args
run_good "another argv[0]" bash -c 'exec -a "another name" "$0" process' "$prog/start"
run_good "umask" bash -c 'umask 0137; exec "$0" process' "$prog/start"
run_good "limits set by a shell" bash -c 'ulimit -n 77 -s 4096 -v 9000000; exec "$0" limits' "$prog/start"
run_good "ignored signals" bash -c 'trap "" USR1 PIPE; exec "$0" signals' "$prog/start"
run_good "another directory" bash -c 'mkdir below && cd below && exec "$0" process' "$prog/start"
run_good "a relative path" bash -c 'cp "$0" here && exec ./here process' "$prog/start"
run_good "closed descriptors" bash -c 'exec "$0" process <&- 2>&-' "$prog/start"

# The launch itself has these too.
set -o pipefail
cp "$prog/start" "$scratch/program"
(cd "$scratch" && umask 0123 && ulimit -n 99 -s 5000 &&
	mcexec ./program limits && mcexec ./program process) >"$scratch/lwk.launch"
(cd "$scratch" && umask 0123 && ulimit -n 99 -s 5000 &&
	env ./program limits && env ./program process) >"$scratch/native.launch"
is "directory, umask and limits of the launch" \
	"$(sed '/environ:/d' "$scratch/lwk.launch")" "$(sed '/environ:/d' "$scratch/native.launch")"

lwk_balanced "nothing is left"
done_testing
