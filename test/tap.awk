# SPDX-License-Identifier: GPL-2.0-only
# Judges the TAP of one test, on stdin, for test/run. Needs -v status=N, the
# test's exit status. Prints "PASSED FAILED", then a line for each failure.

function wrong(why) {
	failed++
	reasons = reasons why "\n"
}

/^1\.\.[0-9]+/ {
	planned = substr($1, 4) + 0
	has_plan = 1
}

/^(not )?ok( |$)/ {
	run++
	if ($0 ~ /# *SKIP/ && $0 !~ /# *SKIP machine:/)
		wrong("skipped: " $0)
	else if ($1 == "not")
		wrong($0)
	else
		passed++
}

/^Bail out!/ { wrong($0) }
/^### wrong: / { wrong(substr($0, 12)) }

END {
	if (!has_plan)
		wrong("no plan (1..N): the test ended early, status " status)
	else if (run != planned)
		wrong("planned " planned " tests, ran " run + 0 ", status " status)
	else if (status != 0 && !failed)
		wrong("status " status)
	if (has_plan && !planned && !failed)
		wrong("nothing was tested")
	printf "%d %d\n%s", passed, failed, reasons
}
