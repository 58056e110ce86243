/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that need no Linux, a thousand of each: local CASE. The script counts who carried them out. */
#include <asm/prctl.h>
#include <errno.h>
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

/* Calls that do not exist, or that Linux would carry out on the proxy: its word is not asked for. */
static void unknown(void)
{
	static const long nr[] = {
		336,
		400,
		423,
		463,
		464,
		511,
		512,
		547,
		548,
		1000,
		4096,
		0x7fffffff,
		0xffffffff,
		453 /* map_shadow_stack */,
		454 /* futex_wake */,
		455 /* futex_wait */,
		456 /* futex_requeue */,
		462 /* mseal */,
		335 /* uretprobe */,
	};

	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		NEED(syscall(nr[i % (sizeof(nr) / sizeof(nr[0]))], 0, PAGE, 0, 0, 0, 0) == -1 &&
		     errno == ENOSYS);
	}
}

static const struct prog_case cases[] = {
	{ "identity", identity }, { "mappings", mappings },	    { "breaks", breaks },
	{ "faults", faults },	  { "segment_base", segment_base }, { "clocks", clocks },
	{ "unknown", unknown },
};
PROG_MAIN(cases)
