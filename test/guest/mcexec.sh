#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mcexec: its options, and what it refuses.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch
hello=$prog/start-static
cd "$scratch" || bail "$scratch"

is "an OS index" "$(mcexec 0 echo indexed)" indexed
is "--" "$(mcexec -- echo -n dashes)" dashes
is "a program with a digit needs its path" "$(cp /bin/echo 7echo; mcexec ./7echo digits)" digits
is "-e" "$(mcexec -e A=1 -e 'B=two words' sh -c 'echo $A,$B')" "1,two words"
is "-c" "$(mcexec -c 0 echo first; mcexec -c 1 echo second)" $'first\nsecond'
is "-m" "$(mcexec -m 0 echo bound; mcexec -m all echo all; mcexec -m +0 echo +0)" $'bound\nall\n+0'
is "PATH is searched" "$(PATH=$prog:$PATH mcexec start-static args | head -n 1)" "argv[0] = <start-static>"
is "hints are accepted" "$(mcexec -s 4M,8M -h 1M -M 16k -S 1G -t 4 --mpol-no-heap --mpol-no-stack \
	--mpol-no-bss --mpol-shm-premap --no-bind-ikc-map --disable-sched-yield --enable-vdso \
	--disable-vdso --stack-premap=2M --extend-heap-by=2M echo hints)" hints
ok "--help" mcexec --help
ok "--version" mcexec --version

refused "no program" 2 'PROGRAM is missing' mcexec
refused "no program behind an index" 2 'PROGRAM is missing' mcexec 0
refused "an unknown option" 2 "unknown option '--frob'" mcexec --frob true
refused "an unknown letter" 2 "unknown option '-O'" mcexec -O true
refused "a missing argument" 2 "'-c' needs an argument" mcexec -c
refused "no number" 2 "'x' is not a CPU" mcexec -c x true
refused "no size" 2 "'many' is not a size" mcexec -h many true
refused "no variable" 2 "'NOVALUE' is not NAME=VALUE" mcexec -e NOVALUE true
refused "no nodes" 2 "'1-': not a list of nodes" mcexec -m 1- true
refused "a node without memory" 2 "'0,6': the instance has no memory on node 6" mcexec -m 0,6 true
refused "no node is left" 2 "'!0': no node is left" mcexec -m '!0' true
refused "nothing is excepted from -m" 2 "mpol-no-bss: with -m" mcexec -m 0 --mpol-no-bss true
refused "no index" 2 "'0x' is not an OS index" mcexec 0x true
for option in '-n 2' --enable-straight-map --profile --enable-uti '-u 1' --uti-use-last-cpu \
	--debug-mcexec '-f 1'; do
	# shellcheck disable=SC2086 # with its argument
	refused "$option comes later" 2 'later' mcexec $option true
done
refused "a CPU that the LWK does not have" 1 '[Cc][Pp][Uu] 77' mcexec -c 77 true
refused "no such instance" 1 '/dev/mcos5: No such file' mcexec 5 true

# As env(1).
refused "no such program" 127 'nothing-here: No such file' mcexec nothing-here
refused "no such path" 127 './nothing: No such file' mcexec ./nothing
refused "an empty name" 127 'No such file' mcexec ""
refused "a directory" 126 '/etc: Permission denied' mcexec /etc
refused "not executable" 126 'passwd: Permission denied' mcexec /etc/passwd
printf '#!/nowhere/interpreter\n' >script
chmod +x script
refused "a script without its interpreter" 127 'No such file' mcexec ./script

# damaged NAME OFFSET BYTES: a copy of the program with other bytes there.
damaged() {
	cp "$hello" "$1"
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
damaged other-machine 18 '\xb7\0'
damaged class32 4 '\1'
damaged i386 4 '\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0'
damaged not-elf 1 'XYZ'
damaged relocatable 16 '\1\0'
damaged no-headers 56 '\0\0'
damaged wrong-headers 54 '\7\0'
damaged far-headers 32 '\0\0\0\377\0\0\0\0'
head -c 100 "$hello" >truncated-header
head -c 40 "$hello" >tiny
: >empty
chmod +x ./*
for file in other-machine relocatable no-headers wrong-headers far-headers \
	truncated-header tiny; do
	refused "$file" 126 "$file: (not a program|Exec format)" mcexec ./$file
done
refused "a 32-bit program" 126 'i386: a 32-bit program; the LWK runs 64-bit' mcexec ./i386
# Linux does not look at the class.
is "class32: as on Linux" "$(mcexec ./class32 2>&1; echo $?)" "$(./class32 2>&1; echo $?)"
mcexec ./empty
is "an empty file is an empty script" $? 0

# Cut within the segments: Linux starts it and it dies; so it may here. Nothing hangs.
head -c 30000 "$hello" >truncated
chmod +x truncated
(ulimit -c 0; ./truncated) 2>/dev/null
native=$?
(ulimit -c 0; mcexec ./truncated) 2>/dev/null
is "a truncated program ends as on Linux" $? $native
# Other interpreters, in the place of the right one, which has 27 characters and a zero.
interpreter() {
	LC_ALL=C sed "s,/lib64/ld-linux-x86-64.so.2\\x00,$2," "$prog/start" >"$1"
	[ "$(stat -c %s "$1")" = "$(stat -c %s "$prog/start")" ] || bail "$1 has not its size"
	chmod +x "$1"
}
zeroes() {
	printf '\\x00%.0s' $(seq "$1")
}
interpreter absent "/lib64/ld-linux-absent.so.2$(zeroes 1)"
interpreter not-executable "/etc/passwd$(zeroes 17)"
interpreter not-elf-file "/usr/bin/ldd$(zeroes 16)"
interpreter without-end /lib64/ld-linux-x86-64.so.2x
refused "no such interpreter" 127 'absent: No such file' mcexec ./absent
refused "an interpreter without the right" 126 'not-executable: Permission denied' mcexec ./not-executable
refused "an interpreter that is no ELF file" 126 'not-elf-file: Accessing a corrupted' mcexec ./not-elf-file
refused "an interpreter's name without an end" 126 'without-end: not a program' mcexec ./without-end
for file in absent not-executable not-elf-file; do
	env ./$file 2>/dev/null
	native=$?
	mcexec ./$file 2>/dev/null
	is "$file: the status is Linux's" $? $native
done

# Who may run programs.
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod 755 "$scratch"
refused "a user without the right" 1 'mcos0: Permission denied' "${nobody[@]}" "$(command -v mcexec)" true
before=$(stat -c %u:%g /dev/mcos0)
chown 65534 /dev/mcos0
is "a user with it runs as himself" "$("${nobody[@]}" mcexec id -u)" 65534
like "and is refused what is not his" "$("${nobody[@]}" mcexec cat /etc/shadow 2>&1)" 'Permission denied'
cp /usr/bin/id set-user-id
chown 33:33 set-user-id
chmod 6755 set-user-id
is "set-user-ID as Linux has it" "$("${nobody[@]}" mcexec ./set-user-id)" "$("${nobody[@]}" ./set-user-id)"
cp "$prog/start" set-user-id
chown 33:33 set-user-id
chmod 6755 set-user-id
like "and the program knows" "$("${nobody[@]}" mcexec ./set-user-id auxv)" 'EUID 0x21.*SECURE 0x1'
chown "$before" /dev/mcos0
cd /
lwk_watched "what was started lived on the LWK"
lwk_balanced "nothing is left"
done_testing
