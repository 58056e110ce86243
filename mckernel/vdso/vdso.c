/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vDSO's functions, in user mode. What the clock page tells without the kernel
 * is read here, as far as the counter can be; all else is the system call.
 */
#include "mck/clock_page.h"
#include "vdso_call.h"

struct timespec {
	s64 sec, nsec;
};

struct timeval {
	s64 sec, usec;
};

/* The page before the first of ours (vdso.lds), which Linux writes. */
extern const struct clock_page clock_data __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct timespec *time);
int __vdso_clock_getres(int clock, void *time);
int __vdso_gettimeofday(struct timeval *time, void *zone);
long __vdso_time(s64 *time);
long __vdso_getcpu(void *cpu, void *node, void *unused);

static bool read_clock(enum clock_id id, struct clock_time *now)
{
	return clock_page_read(&clock_data, id, vdso_counter, now);
}

int __vdso_clock_gettime(int clock, struct timespec *time)
{
	struct clock_time now;

	if (!read_clock((enum clock_id)clock, &now))
		return (int)vdso_call(NR_clock_gettime, clock, (long)time, 0);
	*time = (struct timespec){ (s64)now.sec, (s64)now.nsec };
	return 0;
}

int __vdso_clock_getres(int clock, void *time)
{
	return (int)vdso_call(NR_clock_getres, clock, (long)time, 0);
}

/* The time zone is Linux's. */
int __vdso_gettimeofday(struct timeval *time, void *zone)
{
	struct clock_time now;

	if (zone || !time || !read_clock(CLOCK_REALTIME, &now))
		return (int)vdso_call(NR_gettimeofday, (long)time, (long)zone, 0);
	*time = (struct timeval){ (s64)now.sec, (s64)(now.nsec / 1000) };
	return 0;
}

/* That of the last tick, as in Linux. */
long __vdso_time(s64 *time)
{
	struct clock_time now;

	if (!read_clock(CLOCK_REALTIME_COARSE, &now))
		return vdso_call(NR_time, (long)time, 0, 0);
	if (time)
		*time = (s64)now.sec;
	return (long)now.sec;
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
