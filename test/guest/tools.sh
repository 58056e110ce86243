#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The operator's commands beside a running LWK: free memory, completions, and the
# way down of some instances, but not of others.
# vm:
. "$(dirname "$0")/lib.sh"

# ---- free memory ----

mcexec true
is "free memory, by node" "$(ihkosctl "$os" query_free_mem)" \
	"$((($(lwk_counter pages_free) + $(lwk_counter pages_clean)) * 4096))@0"
like "as JSON" "$(ihkosctl "$os" query_free_mem --json)" '^\{"memory":\[\{"bytes":[0-9]+,"node":0\}\]\}$'
start_lwk perl -e '$| = 1; $x = "a" x (64 << 20); print "ready\n"; sleep'
before=$(ihkosctl "$os" query_free_mem)
kill -9 $pid
end_of $pid
ok "a program's memory comes back" test $((${before%@*} + (64 << 20))) -le \
	"$(ihkosctl "$os" query_free_mem | sed 's/@0$//')"

# ---- completion ----

# complete_line WORD...: what bash would offer for the last of the words.
complete_line() {
	# shellcheck disable=SC2016 # for the inner shell
	bash -c '. "$VM_TOP/boot/completion.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		function=$(complete -p "$1") && function=${function##*-F } && ${function%% *} && echo ${COMPREPLY[*]}' \
		bash "$@"
}
is "instances" "$(complete_line ihkosctl '')" "0 --json --help --version"
is "CPUs of an instance" "$(complete_line ihkosctl 0 release cpu '')" "$VM_LWK_CPUS"
is "no reserved CPUs" "$(complete_line ihkconfig 0 release cpu '')" ""
is "instances to destroy" "$(complete_line ihkconfig 0 destroy '')" 0
like "mcexec: instances and programs" "$(complete_line mcexec '')" "^0 .*sha256sum"

# ---- down, with others' programs running ----

ok "an instance of somebody else" eval "ihkconfig 0 reserve cpu 1 && ihkconfig 0 reserve mem 128M &&
	ihkconfig 0 create && ihkosctl 1 assign cpu 1 && ihkosctl 1 assign mem all &&
	ihkosctl 1 load '$VM_BUILD/mckernel/mckernel.img' && ihkosctl 1 boot"
start_lwk "$prog/spin" sleep
ours=$pid
start_lwk 1 "$prog/spin" sleep
others=$pid
refuses_down=$(mcstop+release.sh 2>&1)
is "refused without -k" "$refuses_down" "error: shutting down: 1 program runs on instance 0"
ok "down, killing our programs" mcstop+release.sh -k
end_of $ours
is "ours was killed" $status 137
ok "the other instance's lives" kill -0 $others
is "and the instance" "$(ihkosctl 1 get status) $(ihkconfig 0 get os_instances)" "RUNNING 1"
is "programs run there" "$(mcexec 1 echo running)" running
kill -9 $others
end_of $others
ok "up again beside it" mcreboot.sh -c "$VM_LWK_CPUS" -m "$VM_LWK_MEM"
ok "the other goes" eval "ihkosctl 1 shutdown && ihkconfig 0 destroy 1 &&
	ihkconfig 0 release mem all && ihkconfig 0 release cpu 1"
is "ours stays" "$(mcexec echo running)" running
lwk_balanced "nothing is left"
done_testing
