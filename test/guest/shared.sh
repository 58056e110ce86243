#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Memory that programs of both kernels share: no count is lost, and they wake each other. (What becomes
# of it when Linux takes pages back: storms.sh.)
# vm:
. "$(dirname "$0")/lib.sh"

tool=$prog/shared
lwk_watch

# On a file system of disks, with a writeback of its own, and on one of memory.
disk ext4 64M
mounted tmpfs none

# counts FILE ROUNDS COMMAND...: both kernels count in it, while the command runs again and again.
counts() {
	local file=$1 rounds=$2
	shift 2
	"$tool" make "$file"
	"$tool" count "$file" "$rounds" &
	local one=$!
	mcexec "$tool" count "$file" "$rounds" &
	local other=$!
	while kill -0 $one 2>/dev/null || kill -0 $other 2>/dev/null; do
		"$@"
	done
	wait $one $other
	"$tool" total "$file"
}

# What is written back becomes clean, and what is clean may be taken away.
write_back() {
	sync -f "$scratch/ext4/file"
	echo 1 >/proc/sys/vm/drop_caches
}
is "no count is lost while pages are written back and dropped" \
	"$(counts "$scratch/ext4/file" 20000 write_back)" $((2 * 20000 * 32))

# Pages move to other places in memory.
compact() {
	echo 1 >/proc/sys/vm/compact_memory
}
is "nor while memory is compacted" "$(counts "$scratch/tmpfs/file" 20000 compact)" $((2 * 20000 * 32))

# passes FIRST SECOND: turns by futexes.
passes() {
	"$tool" make "$scratch/tmpfs/file"
	$1 "$tool" pass "$scratch/tmpfs/file" 0 200 &
	local first=$!
	$2 "$tool" pass "$scratch/tmpfs/file" 1 200
	wait $first
}
is "futexes wake from the LWK to Linux and back" "$(passes mcexec "")" $'200 turns\n200 turns'
is "and between programs of the LWK" "$(passes mcexec mcexec)" $'200 turns\n200 turns'

# inherits SIGNAL HOW OWNER HEIR: who gets the mutex of a dead owner is told.
inherits() {
	"$tool" make "$scratch/tmpfs/file"
	$3 "$tool" hold "$scratch/tmpfs/file" "$2" >"$scratch/held" &
	local owner=$!
	wait_until grep -q held "$scratch/held"
	$4 "$tool" inherit "$scratch/tmpfs/file" &
	local heir=$!
	nap 0.2
	kill -"$1" $owner
	wait $owner 2>/dev/null
	wait $heir
}
ulimit -c 0
for end in "KILL -" "TERM exit" "TERM crash"; do
	# shellcheck disable=SC2086
	is "a mutex whose owner dies on the LWK ($end)" "$(inherits $end mcexec "")" EOWNERDEAD
	# shellcheck disable=SC2086
	is "its heir is on the LWK too ($end)" "$(inherits $end mcexec mcexec)" EOWNERDEAD
	# shellcheck disable=SC2086
	is "and one whose owner dies on Linux ($end)" "$(inherits $end "" mcexec)" EOWNERDEAD
done

# A database whose index of its log is shared memory: written on one kernel, read on the other.
base=$scratch/ext4/base
mcexec sqlite3 "$base" "pragma journal_mode=wal; create table t(a integer);" >/dev/null
{
	for i in {1..10}; do
		mcexec sqlite3 -cmd ".timeout 60000" "$base" "insert into t values($i);" || echo "writer: $?"
	done
} &
writer=$!
seen=0
while kill -0 $writer 2>/dev/null; do
	now=$(sqlite3 -cmd ".timeout 60000" "$base" "select count(*) from t;")
	[ "$now" -ge "$seen" ] || complain "$seen rows, then $now"
	seen=$now
done
wait $writer
[ "$(sqlite3 "$base" "select sum(a) from t; pragma integrity_check;")" = $'55\nok' ] || complain "not whole"
verdict "a database in WAL mode, its writer on the LWK, its reader on Linux"

# A program that is killed in the middle leaves nothing behind, and the file is whole.
"$tool" make "$scratch/ext4/file"
for i in 1 2 3 4 5; do
	mcexec "$tool" count "$scratch/ext4/file" 100000000 &
	pid=$!
	nap 0.$i
	kill -KILL $pid
	wait $pid 2>/dev/null
done
ok "programs that are killed while they write" [ "$("$tool" total "$scratch/ext4/file")" -gt 0 ]
lwk_balanced "nothing is left"
done_testing
