#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Linux takes the pages of a file back in each of its ways, while programs of both kernels use them:
# nothing is old, nothing is lost.
# vm:
# vm-slow: --mem 5G
# idle: 900
. "$(dirname "$0")/lib.sh"

tool=$prog/shared
systems="ext4 tmpfs"
rounds=1
if [ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -gt 4500000 ]; then
	systems+=" xfs btrfs overlay fuse"
	rounds=30
fi
lwk_watch

disk ext4 64M
mounted tmpfs none
if [[ $systems == *xfs* ]]; then
	disk xfs 400M
	disk btrfs 200M
	mkdir "$scratch"/ext4/{low,high,work}
	mounted overlay none -o "lowerdir=$scratch/ext4/low,upperdir=$scratch/ext4/high,workdir=$scratch/ext4/work"
	# A server that stores it in the directory that it shows.
	mkdir "$scratch/fuse" "$scratch/served"
	modprobe fuse
	bindfs "$scratch/served" "$scratch/fuse" || bail "no bindfs"
	at_end umount "$scratch/fuse"
fi

# What is charged to this group can be taken back from it.
group=/sys/fs/cgroup/storms
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir "$group"
at_end rmdir "$group"

# in_group COMMAND...: in the background.
in_group() {
	(
		echo $BASHPID >"$group/cgroup.procs"
		exec "$@"
	) &
}

# take_away HOW FILE ROUNDS CHANGER WATCHER: the watcher's last line.
take_away() {
	"$tool" make "$2"
	$5 "$tool" watch "$2" &
	local watcher=$!
	$4 "$tool" change "$1" "$2" "$3" || echo "the changer: $?"
	wait $watcher || echo "the watcher: $?"
}

# wipes HOW FILE ROUNDS WIPER WRITER
wipes() {
	"$tool" make "$2"
	$5 "$tool" write "$2" &
	local writer=$!
	$4 "$tool" wipe "$1" "$2" "$3" || echo "the wiper: $?"
	wait $writer || echo "the writer: $?"
}

# keeps FILE ROUNDS COMMAND...: two of each kernel know its bytes, while the command runs again and
# again.
keeps() {
	local file=$1 rounds=$2 who pid pids=() launch=("" mcexec "" mcexec)
	shift 2
	rm -f "$file"
	for who in 0 1 2 3; do
		in_group ${launch[who]} "$prog/keep" "$file" $who 4 1024 "$rounds"
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		while kill -0 "$pid" 2>/dev/null; do
			"$@"
		done
		wait "$pid" || echo "status $?"
	done
}

events() {
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

# storm EVENT AT_LEAST NAME FILE ROUNDS COMMAND...: until Linux has counted so many events: how
# many come in a round, the speed of the machine decides.
storm() {
	local event=$1 least=$2 name=$3 before all="" counted=0 times=0 good
	shift 3
	good="lost: 0, old: 0, strange: 0"
	before=$(events "$event")
	while [ $counted -lt "$least" ] && [ $((times += 1)) -le 20 ]; do
		all+=$(keeps "$@")$'\n'
		counted=$(($(events "$event") - before))
	done
	is "$name" "$(sort -u <<<"$all" | grep .)" "$good"
	ok "with $event" [ $counted -ge "$least" ]
	note "$counted in $times storms"
}

reclaim() {
	echo 2M >"$group/memory.reclaim"
} 2>/dev/null

write_back() {
	sync -f "$file"
	echo 1 >/proc/sys/vm/drop_caches
	reclaim
}

compact() {
	echo 1 >/proc/sys/vm/compact_memory
	nap 0.1
}

good="old: 0, looked: yes, found: yes"
for fs in $systems; do
	file=$scratch/$fs/file
	for how in truncate punch; do
		is "$fs: Linux changes ($how), the LWK sees nothing old" \
			"$(take_away $how "$file" $((100 * rounds)) "" mcexec)" "$good"
		is "$fs: Linux wipes ($how) what the LWK writes" \
			"$(wipes $how "$file" $((10 * rounds)) "" mcexec | sort)" $'old: 0, lost: 0\nwrong: 0'
	done
	is "$fs: the LWK changes, Linux sees nothing old" \
		"$(take_away truncate "$file" $((30 * rounds)) mcexec "")" "$good"
	is "$fs: the LWK wipes what Linux writes" \
		"$(wipes punch "$file" $((10 * rounds)) mcexec "" | sort)" $'old: 0, lost: 0\nwrong: 0'
	is "$fs: two programs of the LWK" "$(take_away punch "$file" $((30 * rounds)) mcexec mcexec)" "$good"
	[ "$fs" = tmpfs ] || storm pgsteal_file 100 "$fs: no byte is lost while pages are written back and taken" \
		"$file" $((200 * rounds)) write_back
done

modprobe zram num_devices=1
at_end modprobe -r zram
echo 256M >/sys/block/zram0/disksize
mkswap -q /dev/zram0
swapon /dev/zram0
at_end swapoff /dev/zram0
storm pswpin 100 "no byte is lost while pages are swapped out and in" \
	"$scratch/tmpfs/file" $((300 * rounds)) reclaim
storm compact_migrate_scanned 1 "nor while memory is compacted" \
	"$scratch/tmpfs/file" $((300 * rounds)) compact
lwk_balanced "nothing is left"
done_testing
