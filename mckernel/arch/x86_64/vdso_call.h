/* SPDX-License-Identifier: GPL-2.0-only */
/* How the vDSO's code, in user mode, makes a system call. */
#ifndef X86_64_VDSO_CALL_H
#define X86_64_VDSO_CALL_H

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

#endif
