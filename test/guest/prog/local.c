/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that need no Linux, a thousand of each: local CASE. The script counts who carried them out. */
#include <asm/prctl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define TIMES 1000

static void identity(void)
{
	for (int i = 0; i < TIMES; i++)
		NEED(syscall(SYS_getpid) > 0 && syscall(SYS_gettid) > 0);
}

static void mappings(void)
{
	for (int i = 0; i < TIMES; i++) {
		char *p = prog_map(4 * PAGE);

		p[0] = 1;
		NEED(mprotect(p, PAGE, PROT_READ) == 0);
		NEED(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
		p = mremap(p, 4 * PAGE, 2 * PAGE, 0);
		NEED(p != MAP_FAILED && munmap(p, 2 * PAGE) == 0);
	}
}

static void breaks(void)
{
	for (int i = 0; i < TIMES; i++)
		NEED(sbrk(PAGE) != (void *)-1);
	NEED(sbrk(-TIMES * (long)PAGE) != (void *)-1);
}

/* Touched from its end: no page brings its neighbours along. */
static void faults(void)
{
	char *p = prog_map(2 * TIMES * PAGE);

	NEED(madvise(p, 2 * TIMES * PAGE, MADV_NOHUGEPAGE) == 0);
	for (int i = TIMES - 1; i >= 0; i--)
		p[2 * i * PAGE] = 1;
}

static void segment_base(void)
{
	unsigned long base;

	for (int i = 0; i < TIMES; i++)
		NEED(syscall(SYS_arch_prctl, ARCH_GET_FS, &base) == 0 && base);
}

static void clocks(void)
{
	struct timespec t;
	struct timeval v;

	for (int i = 0; i < TIMES; i++) {
		NEED(clock_gettime(CLOCK_MONOTONIC, &t) == 0 && gettimeofday(&v, NULL) == 0);
		NEED(syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) == 0);
	}
}

static const struct prog_case cases[] = {
	{ "identity", identity }, { "mappings", mappings },	    { "breaks", breaks },
	{ "faults", faults },	  { "segment_base", segment_base }, { "clocks", clocks },
};
PROG_MAIN(cases)
