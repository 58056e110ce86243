#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A user who may run programs, and serves files that come late or never, does his worst beside an
# honest program: nobody else's ids, limits, memory, locks or questions suffer, and all comes down.
# vm: --no-lwk
# vm-slow: --no-lwk --mem 5G
# idle: 900
. "$(dirname "$0")/lib.sh"

# How often each thing is tried, as a factor.
times=1
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || times=20
slot_rounds=${ROUNDS:-10000}
seed=${SEED:-6}
note "SEED=$seed"

as_hostile() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
# Gives up long after any answer; sooner, when one has failed to come already.
guard=100
ask() {
	local status=0
	timeout -k 10 $guard "$@" || status=$?
	[ $status != 124 ] || guard=5
	return $status
}
# How many hold the module, in a quiet moment.
references() {
	local least=999999 now round
	for round in {1..30}; do
		now=$(</sys/module/ihk/refcnt)
		[ "$now" -ge $least ] || least=$now
		nap 0.01
	done
	echo $least
}

modprobe fuse || bail "no FUSE"
ok "up" mcreboot.sh -c 2-3 -m 512M -o nobody:daemon
at_end mcstop+release.sh -k
references_empty=$(references)

# ---- what the hostile user has ----

dir=$scratch/hostile
chmod 755 "$scratch"
install -d -o nobody "$dir" "$dir/mnt"
install -m 4755 "$prog/badge" "$dir/badge"
sed s/badge-of-honest/badge-of-forger/ "$prog/badge" >"$dir/forged"
chmod 755 "$dir/forged"
"$prog/fileserver" "$dir/mnt" 65534 "$prog/badge" >"$scratch/server.out" 2>&1 &
server=$!
at_end umount -l "$dir/mnt"
at_end kill -KILL $server
ok "his files are there" wait_until grep -qsx ready "$scratch/server.out"

# ---- who minds his own business ----

install -d -o daemon "$scratch/honest"
touch "$scratch/honest.out"
(cd "$scratch/honest" && exec setpriv --reuid=1 --regid=1 --clear-groups \
	mcexec "$prog/honest" tally) >"$scratch/honest.out" 2>&1 &
honest=$!
at_end eval "kill -KILL $honest 2>/dev/null"
ok "an honest program runs" wait_until grep -qsx ready "$scratch/honest.out"

turns() {
	stat -c %s "$scratch/honest/tally"
}
has_turned() {
	[ "$(turns)" -gt $((turned + 1)) ]
}

# What the module tells everybody, or why it does not.
answers() {
	ask ihkosctl 0 get status || echo "no status: $?"
	ask ihkosctl 0 query cpu || echo "no CPUs: $?"
	ask ihkosctl 0 query mem || echo "no memory: $?"
	ask ihkosctl 0 get ikc_map || echo "no IKC map: $?"
	ask ihkosctl 0 get counters | grep -E '^(refused_messages|boots) ' || echo "no counters: $?"
	ask ihkconfig 0 get os_instances || echo "no instances: $?"
	ask ihkosctl 0 kmsg | grep -aE 'PANIC|BUG|WARNING|panic:|assert'
	ask ps -eo pid,args >/dev/null || echo "no ps: $?"
	ask setpriv --reuid=1 --regid=1 --clear-groups mcexec id -u || echo "no new program: $?"
}
answers_before=$(answers)
references_before=$(references)
limits_before=$(prlimit -p $honest)

# others NAME: everyone else is as before.
others() {
	local turned
	is "$1: everybody gets his answers" "$(answers)" "$answers_before"
	is "$1: the honest one's limits are what they were" "$(prlimit -p $honest)" "$limits_before"
	turned=$(turns)
	ok "$1: the honest one goes on" wait_until has_turned
}

no_reference_left() {
	[ "$(references)" -le "$references_before" ]
}

# hostile CASE ROUNDS: one of the program's cases.
hostile() {
	local output status=0
	output=$(as_hostile "$prog/hostile" "$1" $(($2 * times)) "$dir" 2>&1) || status=$?
	is "$1: his own process tells" "$status" 0
	note "$output"
	others "$1"
	ok "$1: nothing holds the module" wait_until no_reference_left
}

# ---- files that are changed, limits and marks that are shared ----

hostile setid 40
hostile limits 100
hostile tags 100

# ---- garbage in mailboxes, and what proxies never meant to do ----

output=$(as_hostile "$prog/slots" "$seed" $((slot_rounds * times)) 2>&1)
is "garbage in mailboxes: it is done" $? 0
note "$output"
others "garbage in mailboxes"
ok "garbage in mailboxes: nothing holds the module" wait_until no_reference_left

# ---- pages that never come ----

mkfifo "$scratch/go"
# stuck NAME RUNNER...: calls with arguments on such pages; all of them end when they are killed.
stuck() {
	local name=$1
	shift
	"$@" "$prog/hostile" stuck 1 "$dir" <"$scratch/go" >"$scratch/stuck.out" 2>&1 &
	pid=$!
	exec {go}>"$scratch/go"
	ok "$name: the calls wait" wait_until grep -qs ready "$scratch/stuck.out"
	others "$name"
	exec {go}>&-
	end_of $pid
	is "$name: they can be killed" $status 0
	note "$(<"$scratch/stuck.out")"
}
stuck "a user's calls" setpriv --reuid=65534 --regid=65534 --clear-groups
stuck "root's own calls" env

long=$(head -c 10000 /dev/zero | tr '\0' a)
: >"$scratch/covered.out"
as_hostile mcexec "$prog/covered" argv "$dir/mnt/never" "$long" >"$scratch/covered.out" 2>&1 &
covered=$!
ok "a program has such a page over its arguments" wait_until grep -qs ready "$scratch/covered.out"
mapfile -t pids < <(pgrep -u nobody -x covered)
is "it is found" "${#pids[@]}" 1
ok "its command line can be asked for" ask wc -c "/proc/${pids[0]}/cmdline"
ok "and its environment" ask wc -c "/proc/${pids[0]}/environ"
others "arguments"
kill -KILL "${pids[0]}"
end_of $covered
is "it can be killed" $status 137

is "a file that comes late is right" "$(as_hostile mcexec "$prog/covered" read "$dir/mnt/late" 2>&1)" ready
is "a program that comes late runs" "$(as_hostile mcexec "$dir/mnt/program")" "the badge-of-honest is worn by 65534"
for where in "" mcexec; do
	# shellcheck disable=SC2086 # nothing, or one word
	as_hostile $where "$prog/covered" read "$dir/mnt/broken" >/dev/null 2>&1
	is "a file that cannot be read is a bus error${where:+ on the LWK}" $? 135
	for how in "$prog/covered read $dir/mnt/never" "$dir/mnt/never"; do
		# shellcheck disable=SC2086 # words
		setpriv --reuid=65534 --regid=65534 --clear-groups $where $how >"$scratch/never.out" 2>&1 &
		pid=$!
		nap 1
		kill -KILL $pid
		end_of $pid
		[[ $how == *' '* ]] && what=reader || what=execve
		is "a $what that waits for such a page${where:+ on the LWK} can be killed" $status 137
	done
done
others "late files"

# ---- the end ----

kill -TERM $honest
end_of $honest
is "the honest program found nothing wrong" "$status $(<"$scratch/honest.out")" "0 ready"
note "it went round $(turns) times"
lwk_balanced "nothing is left of all these programs"
is "nobody holds the module" "$(references)" "$references_empty"

as_hostile mcexec "$prog/covered" argv "$dir/mnt/never" "$long" >"$scratch/covered.out" 2>&1 &
ok "such a program again" wait_until grep -qs ready "$scratch/covered.out"
setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$prog/hostile" stuck 1 "$dir" <"$scratch/go" >"$scratch/stuck.out" 2>&1 &
pid=$!
exec {go}>"$scratch/go"
ok "and such calls" wait_until grep -qs ready "$scratch/stuck.out"
ok "the instance goes all the same" ask mcstop+release.sh -k -R
is "all its pages came back" "$(ihkconfig 0 get counters | grep -E '^(pages_held|cpus_held|instances) ')" \
	$'pages_held 0\ncpus_held 0\ninstances 0'
exec {go}>&-
end_of $pid
is "the calls end" $status 0
ok "the module goes" rmmod ihk
done_testing
