/* SPDX-License-Identifier: GPL-2.0-only */
/* How the vDSO's code, in user mode, makes a system call. */
#ifndef X86_64_VDSO_CALL_H
#define X86_64_VDSO_CALL_H

#include "abi/clock.h"
#include "mck/lib.h"

#define NR_gettimeofday 96
#define NR_time 201
#define NR_clock_gettime 228
#define NR_clock_getres 229
#define NR_getcpu 309

/* Never instrumented, no data, no relocation: the file is mapped as it is. */
static inline long vdso_call(long nr, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* The page's counter, if a program can read it. */
static inline bool vdso_counter(const struct clock_page *page, u64 *counter)
{
	u32 low, high;

	if (READ_ONCE(page->source) != CLOCK_SOURCE_TSC)
		return false;
	/* Behind what stands before it, so that what two CPUs see of it is in order. */
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	*counter = low | (u64)high << 32;
	return true;
}

#endif
