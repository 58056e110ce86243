#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# CPython's own suites of threads, signals, processes, descriptors and sockets: each case ends on the
# LWK as on Linux. The quick list has those that need no long sleeps.
# vm:
# vm-slow: --cpus 8 --lwk-cpus 4-7
# idle: 1800
. "$(dirname "$0")/lib.sh"

# cases HOW [COMMAND...]: the suite in a directory of its own; how each case ended, sorted, in
# $scratch/HOW.cases.
cases() {
	local how=$1 status=0
	shift
	rm -f "$scratch/$how.results"
	mkdir -p "$scratch/$how.dir"
	(cd "$scratch/$how.dir" && exec "$@") </dev/null >"$scratch/$how.out" 2>&1 || status=$?
	cut -f 1 "$scratch/$how.results" | sort >"$scratch/$how.cases"
	echo "status $status" >>"$scratch/$how.cases"
	rm -rf "$scratch/$how.dir"
}

# suite NAME [CASE...]: on Linux and on the LWK at once (test/guest/lib/suite.py).
suite() {
	local run=(/usr/bin/python3 "$test_dir/lib/suite.py") case native
	lwk_watch
	cases native "${run[@]}" "$scratch/native.results" "$@" &
	native=$!
	cases lwk mcexec "${run[@]}" "$scratch/lwk.results" "$@"
	wait $native
	grep -q '^all' "$scratch/native.cases" || complain "it does not come to its end on Linux"
	while read -r case; do
		complain "$case"
	done < <(diff --unchanged-line-format= --old-line-format='Linux: %L' \
		--new-line-format='LWK: %L' "$scratch/native.cases" "$scratch/lwk.cases")
	verdict "${1//test_/}: $(grep -c ' ok$' "$scratch/lwk.cases") cases" ||
		show <(tail -n 60 "$scratch/lwk.out")
	lwk_watched "their processes lived on the LWK"
}

if [ "$(nproc)" -gt 2 ]; then
	for name in threading thread threadsignals signal subprocess os posix fork1 wait3 wait4 select \
		selectors epoll socket asyncio concurrent_futures queue time resource; do
		suite test_$name
	done
else
	# One interpreter for all: to start it takes seconds here.
	suite test_thread,test_threadsignals,test_signal,test_subprocess,test_os,test_socket,test_epoll,test_selectors,test_threading,test_concurrent_futures \
		'test_thread.*' 'test_threadsignals.*' 'test_signal.StressTest.*' 'test_signal.ItimerTest.*' \
		'test_subprocess.ContextManagerTests.*' 'test_subprocess.MiscTests.*' 'test_epoll.*' \
		'test_os.[BCDE]*' 'test_os.FD*' 'test_os.Fi*' 'test_os.P*' 'test_os.Test*' 'test_os.UtimeTests.*' \
		'test_socket.BasicTCPTest.*' 'test_socket.*SCMRights*' 'test_socket.Interrupted*' \
		'test_socket.*UnixStream*' 'test_socket.SendfileUsingSendfileTest.*' \
		'test_selectors.Epoll*' 'test_threading.[CEL]*' \
		'test_concurrent_futures.ThreadPoolAsCompletedTest.*' \
		'-*many_open_files*' '-*fd_leak*' '-*interrupt*' '-*ProcessPool*'
fi
lwk_balanced "nothing is left"
done_testing
