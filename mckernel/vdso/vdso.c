/* SPDX-License-Identifier: GPL-2.0-only */
/* The vDSO's functions: each is the system call, which the LWK serves by itself. Runs in user mode. */

#include "vdso_call.h"

int __vdso_clock_gettime(int clock, void *time);
int __vdso_clock_getres(int clock, void *time);
int __vdso_gettimeofday(void *time, void *zone);
long __vdso_time(void *time);
long __vdso_getcpu(void *cpu, void *node, void *unused);

int __vdso_clock_gettime(int clock, void *time)
{
	return (int)vdso_call(NR_clock_gettime, clock, (long)time, 0);
}

int __vdso_clock_getres(int clock, void *time)
{
	return (int)vdso_call(NR_clock_getres, clock, (long)time, 0);
}

int __vdso_gettimeofday(void *time, void *zone)
{
	return (int)vdso_call(NR_gettimeofday, (long)time, (long)zone, 0);
}

long __vdso_time(void *time)
{
	return vdso_call(NR_time, (long)time, 0, 0);
}

long __vdso_getcpu(void *cpu, void *node, void *unused)
{
	return vdso_call(NR_getcpu, (long)cpu, (long)node, (long)unused);
}

/* The names without the prefix, weak, as in Linux's. */
#define ALIAS(name) \
	extern __typeof__(__vdso_##name) name __attribute__((weak, alias("__vdso_" #name)))

ALIAS(clock_gettime);
ALIAS(clock_getres);
ALIAS(gettimeofday);
ALIAS(time);
ALIAS(getcpu);
