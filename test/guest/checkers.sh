#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tools that go by what a program reads of itself in /proc: valgrind, the compilers' sanitizers.
# vm:
. "$(dirname "$0")/lib.sh"

lwk_watch
cat >"$scratch/faults.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int counter;
static void *count(void *arg)
{
	for (int i = 0; i < 1000; i++)
		counter++;
	return arg;
}
static int deep(volatile int n)
{
	volatile char frame[4096] = { 0 };
	return n ? deep(n + 1) + frame[0] : 0;
}
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *area = malloc(10);
	pthread_t t[2];
	volatile int big = 0x7fffffff;

	memset(area, 1, 10);
	if (!strcmp(what, "write"))
		area[12] = 1;
	if (!strcmp(what, "leak"))
		area = malloc(77);
	if (!strcmp(what, "race")) {
		for (int i = 0; i < 2; i++)
			pthread_create(&t[i], NULL, count, NULL);
		for (int i = 0; i < 2; i++)
			pthread_join(t[i], NULL);
	}
	if (!strcmp(what, "overflow"))
		big += argc;
	if (!strcmp(what, "deep"))
		deep(1);
	free(area);
	puts("done");
	return 0;
}
END
gcc -g -o "$scratch/plain" "$scratch/faults.c"
for tool in address thread undefined; do
	gcc -g -fsanitize=$tool -o "$scratch/$tool" "$scratch/faults.c"
done

# finds WHAT TEXT COMMAND...: what the program is told to do wrong is found on the LWK.
finds() {
	local what=$1 text=$2
	shift 2
	is "${1##*/} finds: $what" "$(mcexec "$@" "$what" 2>&1 | grep -c "$text")" 1
}

is "valgrind has nothing to say of a program that is right" \
	"$(mcexec valgrind -q "$scratch/plain" 2>&1)" "done"
finds write "Invalid write of size 1" valgrind "$scratch/plain"
finds leak "definitely lost: 10 bytes in 1 blocks" valgrind "$scratch/plain"
is "AddressSanitizer's program" "$(mcexec "$scratch/address" 2>&1)" "done"
finds write "ERROR: AddressSanitizer: heap-buffer-overflow" "$scratch/address"
finds deep "ERROR: AddressSanitizer: stack-overflow" "$scratch/address"
finds leak "10 byte(s) leaked in 1 allocation(s)" "$scratch/address"
is "ThreadSanitizer's program" "$(mcexec "$scratch/thread" 2>&1)" "done"
finds race "WARNING: ThreadSanitizer: data race" "$scratch/thread"
finds overflow "signed integer overflow" "$scratch/undefined"
is "a stack's overflow is told by Python's faulthandler" \
	"$(mcexec python3 -X faulthandler -c 'import faulthandler; faulthandler._stack_overflow()' 2>&1 |
		grep -c 'Fatal Python error: Segmentation fault')" 1
lwk_balanced "nothing is left"
done_testing
