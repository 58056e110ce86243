# SPDX-License-Identifier: GPL-2.0-only
# File systems of our own. Part of ../lib.sh.
#
# shellcheck shell=bash

# disk TYPE SIZE: one on a disk that is a file, at $scratch/TYPE.
disk() {
	local loop
	truncate -s "$2" "$scratch/$1.disk"
	"mkfs.$1" -q "$scratch/$1.disk" >"$scratch/mkfs" 2>&1 || bail "mkfs.$1: $(<"$scratch/mkfs")"
	modprobe loop
	loop=$(losetup -f --show "$scratch/$1.disk")
	at_end losetup -d "$loop"
	mounted "$1" "$loop"
}

# mounted TYPE WHAT [OPTION...]: at $scratch/TYPE.
mounted() {
	local type=$1 what=$2
	shift 2
	mkdir "$scratch/$type"
	mount -t "$type" "$@" "$what" "$scratch/$type" || bail "no $type"
	at_end umount "$scratch/$type"
}
