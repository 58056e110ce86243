#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Threads by the thousand: they live, sleep, wake, end and die; and each limit of Linux's is met.
# vm:
# vm-slow: --mem 5G
# idle: 900
. "$(dirname "$0")/lib.sh"

crowd=5000
slow=
if [ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -ge 4500000 ]; then
	crowd=10000
	slow=yes
fi

# Of Linux's memory, what twins are made of: their stacks, and all small objects.
linux_kib() {
	echo 2 >/proc/sys/vm/drop_caches
	awk '/^(Slab|KernelStack|PageTables):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# Small objects of all kinds that memory cgroups are charged for.
charged_objects() {
	awk '/^kmalloc-cg-/ { sum += $2 } END { print sum + 0 }' /proc/slabinfo
}

linux_settled() {
	[ "$(linux_kib)" -le $(($1 + 12000)) ]
}

threads_of() {
	local status
	status=$(<"/proc/$1/status")
	status=${status##*Threads:}
	echo "${status%%[![:space:]0-9]*}" | tr -dc 0-9
}

# ---- where Linux says no ----

run_both "RLIMIT_NPROC" "$prog/crowd" until-nproc 100

mkdir "$scratch/cgroup"
mount -t cgroup2 none "$scratch/cgroup" || bail "no cgroup2"
at_end umount "$scratch/cgroup"
echo +pids >"$scratch/cgroup/cgroup.subtree_control" || bail "no pids cgroup"
mkdir "$scratch/cgroup/few"
at_end rmdir "$scratch/cgroup/few"
echo 40 >"$scratch/cgroup/few/pids.max"
# shellcheck disable=SC2016 # $0, $@: of the inner shell
run_both "pids.max" bash -c 'echo $$ >"$0/few/cgroup.procs" && exec "$@"' \
	"$scratch/cgroup" "$prog/crowd" until 100

# How many are let in depends on what else runs.
refused() {
	local what=$1 file=$2 value=$3 before
	before=$(<"$file")
	echo "$value" >"$file" || bail "$file"
	lwk_said=$(mcexec "$prog/crowd" until 3000 2>&1)
	echo "$before" >"$file"
	like "$what" "$lwk_said" "^[0-9]+ threads, then EAGAIN"$'\n'"all have ended$"
}
refused "kernel.threads-max" /proc/sys/kernel/threads-max $(($(find /proc/[0-9]*/task -maxdepth 1 -name '[0-9]*' | wc -l) + 60))
refused "kernel.pid_max" /proc/sys/kernel/pid_max 600

# ---- many ----

mcexec "$prog/crowd" run $crowd >"$scratch/out" 2>&1
is "$crowd threads of a process" "$(<"$scratch/out")" "all have ended"
lwk_baseline
kib=$(linux_kib)
charged=$(charged_objects)

start_lwk "$prog/crowd" linger $crowd
is "as Linux counts them" "$(threads_of $pid)" $((crowd + 1))
is "as the LWK counts them" $(($(lwk_counter threads_born) - $(lwk_counter threads_ended))) \
	$((crowd + 1))
charged=$(($(charged_objects) - charged))
note "$charged objects of cgroups for $crowd threads"
ok "who has threads is charged for what the module keeps of them" [ $charged -ge $((crowd / 2)) ]
declare -A full
lwk_counters full
note "a thread: $(((baseline[pages_free] - full[pages_free]) * 4096 / crowd)) bytes of the LWK, \
$(((full[pages_kernel] - baseline[pages_kernel]) * 4096 / crowd)) of them its kernel's; \
$((($(linux_kib) - kib) * 1024 / crowd)) of Linux for kernel stack and objects"
kill -KILL $pid
end_of $pid
is "one kill ends all" $status 137
lwk_balanced "nothing is left on the LWK"
ok "nothing is left in Linux" wait_until linux_settled "$kib"

# Four processes of 5,000, and another beside them.
twenty_thousand() {
	local pids=() n
	for n in 1 2 3 4; do
		start_lwk "$prog/crowd" linger 5000
		pids+=("$pid")
	done
	is "20,000 of an instance" \
		$(($(lwk_counter threads_born) - $(lwk_counter threads_ended))) 20004
	is "another process beside them" "$(mcexec "$prog/crowd" run 10)" "all have ended"
	kill -KILL "${pids[@]}"
	for pid in "${pids[@]}"; do
		end_of "$pid"
		is "one of four dies" $status 137
	done
}
if [ -n "$slow" ]; then
	twenty_thousand
	# Tables for so many kernel stacks, and mailboxes, stay with the instance.
	lwk_baseline
	kib=$(linux_kib)
	twenty_thousand
	lwk_balanced "nothing is left of them"
	ok "nor in Linux" wait_until linux_settled "$kib"
fi
done_testing
