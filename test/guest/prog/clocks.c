/* SPDX-License-Identifier: GPL-2.0-only */
/* Time: never backwards, the same for both kernels, and CPU time that passes. */
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static int64_t raw_ns(int clock)
{
	struct timespec t;

	NEED(syscall(SYS_clock_gettime, clock, &t) == 0);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void forwards(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
				      CLOCK_BOOTTIME };

	for (int c = 0; c < 4; c++) {
		int64_t before = 0, start = now_ns(clocks[c]);

		for (int i = 0; i < 3000; i++) {
			int64_t now = i % 3 ? now_ns(clocks[c]) : raw_ns(clocks[c]);

			if (now < before)
				NEED(!"time goes forwards");
			before = now;
		}
		CHECK(before > start);
	}
}

/* Linux's own idea of the time, from a timer of its. */
static int64_t linux_ns(int clock)
{
	struct itimerspec far = { .it_value = { 4000000000, 0 } }, left;
	int fd = timerfd_create(clock, TFD_CLOEXEC);

	NEED(fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME, &far, NULL) == 0);
	NEED(timerfd_gettime(fd, &left) == 0 && close(fd) == 0);
	return 4000000000LL * 1000000000 - left.it_value.tv_sec * 1000000000LL -
	       left.it_value.tv_nsec;
}

static void same_time(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };

	for (int c = 0; c < 3; c++) {
		for (int i = 0; i < 30; i++) {
			int64_t before = now_ns(clocks[c]), there = linux_ns(clocks[c]);
			int64_t after = raw_ns(clocks[c]);

			if (before > there || there > after)
				say("clock %d: %lld ns after the first, %lld ns before the second",
				    c, (long long)(there - before), (long long)(after - there));
			NEED(before <= there && there <= after);
		}
	}
}

static void sleeps(void)
{
	struct timespec until;
	int64_t end;

	for (int i = 0; i < 10; i++) {
		end = now_ns(CLOCK_MONOTONIC) + i * 1000000;
		until = (struct timespec){ end / 1000000000, end % 1000000000 };
		CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
		CHECK(now_ns(CLOCK_MONOTONIC) >= end);
	}
}

static long futex_wait(int op, int64_t ns)
{
	struct timespec timeout = { ns / 1000000000, ns % 1000000000 };
	int word = 0;

	return syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, 0, &timeout, NULL, ~0U);
}

/* Waits end by the clock, and not before. */
static void waits(void)
{
	static const struct {
		int clock, op;
	} absolute[] = {
		{ CLOCK_MONOTONIC, FUTEX_WAIT_BITSET },
		{ CLOCK_REALTIME, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME },
	};

	for (int i = 0; i < 8; i++) {
		int clock = absolute[i % 2].clock;
		int64_t start = now_ns(clock), ns = i * 5000000;

		CHECK_FAILS(futex_wait(absolute[i % 2].op, start + ns), ETIMEDOUT);
		CHECK(now_ns(clock) >= start + ns);
		CHECK_FAILS(futex_wait(absolute[i % 2].op, start - ns), ETIMEDOUT);
		start = now_ns(CLOCK_MONOTONIC);
		CHECK_FAILS(futex_wait(FUTEX_WAIT, ns), ETIMEDOUT);
		CHECK(now_ns(CLOCK_MONOTONIC) >= start + ns);
	}
}

/* Long enough for the clock's source to change meanwhile. */
static void wait_across(void)
{
	int64_t end = now_ns(CLOCK_REALTIME) + 4000000000LL;

	say("ready");
	fflush(stdout);
	CHECK_FAILS(futex_wait(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, end), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= end);
}

/* Far longer than anybody waits: until the clock is set. */
static void wait_hour(void)
{
	int64_t end = now_ns(CLOCK_REALTIME) + 3600000000000LL;

	say("ready");
	fflush(stdout);
	CHECK_FAILS(futex_wait(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, end), ETIMEDOUT);
}

static void other_calls(void)
{
	struct timespec resolution;
	struct timeval tv;
	struct timezone tz = { 1, 1 };
	int64_t before = now_ns(CLOCK_REALTIME) / 1000, between, after;
	time_t seconds;

	CHECK(gettimeofday(&tv, &tz) == 0);
	between = tv.tv_sec * 1000000LL + tv.tv_usec;
	after = now_ns(CLOCK_REALTIME) / 1000;
	CHECK(before <= between && between <= after);
	say("zone %d %d", tz.tz_minuteswest, tz.tz_dsttime);
	seconds = time(NULL);
	CHECK(seconds == time(&seconds) || seconds + 1 == time(&seconds));
	/* time() may be a tick behind. */
	CHECK(seconds >= before / 1000000 - 1 && seconds <= now_ns(CLOCK_REALTIME) / 1000000000);
	for (int clock = 0; clock < 12; clock++) {
		if (clock_getres(clock, &resolution) == 0)
			say("clock %d: %ld s %ld ns", clock, resolution.tv_sec, resolution.tv_nsec);
		else
			say("clock %d: errno %d", clock, errno);
	}
	CHECK(now_ns(CLOCK_MONOTONIC_COARSE) <= now_ns(CLOCK_MONOTONIC));
	CHECK(now_ns(CLOCK_REALTIME_COARSE) <= now_ns(CLOCK_REALTIME));
	CHECK(now_ns(CLOCK_TAI) >= before * 1000);
	CHECK_FAILS(clock_gettime(77, &resolution), EINVAL);
	CHECK_FAILS(syscall(SYS_clock_settime, 77, &resolution), EINVAL);
}

/* Computes for this much wall-clock time. */
static void burn(int ms)
{
	int64_t end = now_ns(CLOCK_MONOTONIC) + ms * 1000000LL;

	while (now_ns(CLOCK_MONOTONIC) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void burn_child(void *arg)
{
	burn((intptr_t)arg);
}

static int64_t used_us(int who)
{
	struct rusage u;

	NEED(getrusage(who, &u) == 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

/* CPU time passes while a program computes, and not faster than time itself. */
static void cpu_time(void)
{
	int64_t wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	int64_t thread = now_ns(CLOCK_THREAD_CPUTIME_ID), spent;

	burn(300);
	spent = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	CHECK(spent > 20000000);
	/* Linux itself is off by some ticks where its TSC is marked unstable, as in QEMU. */
	CHECK(spent <= now_ns(CLOCK_MONOTONIC) - wall + 20000000);
	CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - thread > 20000000);
	CHECK(used_us(RUSAGE_SELF) > 20000);
}

/* All clocks of CPU time have the time that Linux spent on the program's calls too. */
static void cpu_time_of_calls(void)
{
	int64_t used, thread;
	clockid_t clock;
	int fd = prog_file(10);

	for (int i = 0; i < 3000; i++)
		CHECK(lseek(fd, i, SEEK_SET) == i);
	used = used_us(RUSAGE_SELF);
	thread = used_us(RUSAGE_THREAD);
	CHECK(used > 0);
	CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000 >= used);
	CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) / 1000 >= thread);
	CHECK(clock_getcpuclockid(getpid(), &clock) == 0 && now_ns(clock) / 1000 >= used);
	CHECK(clock_getcpuclockid(0, &clock) == 0 && now_ns(clock) / 1000 >= used);
	CHECK(clock_getcpuclockid(getppid(), &clock) == 0 && now_ns(clock) > 0);
	CHECK(clock_getcpuclockid(99999999, &clock) == ESRCH);
	CHECK_FAILS(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, (void *)8), EFAULT);
}

static void cpu_time_of_children(void)
{
	int64_t before = used_us(RUSAGE_CHILDREN);

	CHECK_EXIT(prog_fork(burn_child, (void *)300), 0);
	CHECK(used_us(RUSAGE_CHILDREN) - before > 20000);
}

static const struct prog_case cases[] = {
	{ "forwards", forwards },
	{ "same_time", same_time },
	{ "sleeps", sleeps },
	{ "waits", waits },
	{ "wait_across", wait_across },
	{ "wait_hour", wait_hour },
	{ "other_calls", other_calls },
	{ "cpu_time", cpu_time },
	{ "cpu_time_of_calls", cpu_time_of_calls },
	{ "cpu_time_of_children", cpu_time_of_children },
};
PROG_MAIN(cases)
