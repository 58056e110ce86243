#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Languages with a scheduler, a collector and a compiler of their own: Java, Go, Node.js.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch
run_both "java -version" java -version
for options in -XX:+UseSerialGC -XX:+UseG1GC; do
	run_both "java: pools, monitors, faults, garbage, $options" \
		java $options -Xmx96m -XX:TieredStopAtLevel=1 -cp "$prog" Pools
	is "it ended as it should" "$lwk_status" 5
done
run_good "go: channels, preemption, a server, children, garbage" "$prog/goroutines"
run_good "go: the same with more threads" env GOMAXPROCS=6 "$prog/goroutines"
run_good "node: workers, files, children, a server" node "$(dirname "$0")/prog/workers.js"
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
