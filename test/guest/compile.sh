#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make -j3 of a small C project with gcc: make, sh, cc1, as, ld, all on the LWK.
# vm:
# vm-slow: --mem 5G
. "$(dirname "$0")/lib.sh"

files=2
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4500000 ] || files=12
make_project() {
	local i
	for ((i = 1; i <= files; i++)); do
		printf '#include <stdio.h>\n#include "all.h"\nint part%d(int x)\n{\n\tprintf("part %%d\\n", %d);\n\treturn x * %d + 1;\n}\n' \
			$i $i $i >part$i.c
		echo "int part$i(int x);" >>all.h
	done
	{
		printf '#include <stdio.h>\n#include "all.h"\nint main(void)\n{\n\tint x = 1;\n'
		for ((i = 1; i <= files; i++)); do printf '\tx = part%d(x);\n' $i; done
		printf '\tprintf("%%d\\n", x);\n\treturn 0;\n}\n'
	} >main.c
	printf 'OBJECTS = main.o %s\nprogram: $(OBJECTS)\n\t@$(CC) -o $@ $^\n%%.o: %%.c all.h\n\t@$(CC) -O1 -c -o $@ $<\nclean:\n\t@rm -f *.o program\n' \
		"$(printf 'part%d.o ' $(seq $files))" >Makefile
}
run_setup=make_project
run_good "make -j3, $((files + 1)) sources, and the program" bash -c 'make -j3 program && ./program'
ok "the program was made on the LWK" test -x "$scratch/lwk.files/program"
run_both "an error of the compiler" bash -c 'echo "int x = ;" >main.c; make main.o'
lwk_balanced "nothing is left"
done_testing
