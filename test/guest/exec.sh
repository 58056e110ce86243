#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# exec: chains, scripts with #!, refusals, and env.
# vm:
. "$(dirname "$0")/lib.sh"

run_clean=yes
for case in exec_chain exec_errors exec_large exec_ways; do
	run_good "$case" "$prog/family" $case
done
run_both "env -i" /usr/bin/env -i
run_both "env -i with a program" /usr/bin/env -i A=1 sh -c 'echo $A $HOME'

make_scripts() {
	printf '#!/bin/sh\necho "$0 $# $*"\nexit 3\n' >plain
	printf '#!/usr/bin/env -S bash -e\necho "$0 $# $*"\nfalse\necho not here\n' >by_env
	printf '#! %s args fixed\n' "$prog/start-static" >by_static
	printf '#!./plain  -x \n' >nested
	printf '#!/nonexistent\n' >broken
	printf 'echo without a first line "$@"\n' >headless
	chmod +x *
}
run_setup=make_scripts
run_both "a script" ./plain a 'b c' ''
run_both "a script by env" ./by_env a
run_both "a script of a static program" ./by_static a
run_both "a script of a script" ./nested a b
run_both "a broken script" sh -c './broken; echo $?'
run_both "a script without a first line" sh -c './headless 1 2'
run_both "scripts found in PATH" sh -c 'PATH=.:$PATH; plain x; by_env; echo $?'
run_setup=
done_testing
