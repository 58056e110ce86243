/* SPDX-License-Identifier: GPL-2.0-only */
/* How threads share CPUs, and what their clocks say: sched CASE. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define CPUS 2 /* that it may use */
#define THREADS 6

static atomic_bool stop, started[THREADS];
static atomic_long rounds[THREADS];
static atomic_int seen[THREADS]; /* CPUs, as bits */
static pthread_t thread[THREADS];

static double seconds(clockid_t clock)
{
	struct timespec t;

	NEED(clock_gettime(clock, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *compute(void *arg)
{
	long n = (long)arg;

	while (!stop) {
		for (volatile int i = 0; i < 20000; i++)
			continue;
		rounds[n]++;
		seen[n] |= 1 << sched_getcpu();
		started[n] = true;
	}
	return NULL;
}

/* Sleeps and wakes: a call to Linux each time. */
static void *offload(void *arg)
{
	long n = (long)arg;

	while (!stop) {
		NEED(syscall(SYS_getppid) >= 0);
		rounds[n]++;
		started[n] = true;
	}
	return NULL;
}

static void start(long n, void *(*body)(void *))
{
	NEED(pthread_create(&thread[n], NULL, body, (void *)n) == 0);
}

static void end(long count)
{
	stop = true;
	for (long n = 0; n < count; n++)
		NEED(pthread_join(thread[n], NULL) == 0);
}

static void wait_started(long count)
{
	for (long n = 0; n < count; n++)
		while (!started[n])
			usleep(1000);
}

static void bind_to(pthread_t t, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	NEED(pthread_setaffinity_np(t, sizeof(set), &set) == 0);
}

/* As many as CPUs: each has one, also when all began on the same. */
static void spread(void)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	for (int i = 0; i < CPUS; i++)
		CPU_SET(i, &all);
	for (long n = 0; n < CPUS; n++) {
		start(n, compute);
		bind_to(thread[n], 0);
	}
	wait_started(CPUS);
	for (long n = 0; n < CPUS; n++)
		NEED(pthread_setaffinity_np(thread[n], sizeof(all), &all) == 0);
	sleep(1);
	for (long n = 0; n < CPUS; n++)
		seen[n] = 0;
	sleep(1);
	CHECK((seen[0] | seen[1]) == (1 << CPUS) - 1);
	end(CPUS);
}

/* Three that compute on two CPUs: nobody starves, and nobody has a CPU for himself. */
static void share(void)
{
	long least, most;

	for (long n = 0; n < 3; n++)
		start(n, compute);
	wait_started(3);
	for (long n = 0; n < 3; n++)
		rounds[n] = 0;
	sleep(3);
	least = most = rounds[0];
	for (long n = 1; n < 3; n++) {
		least = rounds[n] < least ? rounds[n] : least;
		most = rounds[n] > most ? rounds[n] : most;
	}
	CHECK(least > 0 && most <= 8 * least);
	end(3);
}

/* On one CPU with one that computes: its calls do not wait for the other's whole turns. */
static void beside(void)
{
	start(0, compute);
	start(1, offload);
	for (long n = 0; n < 2; n++)
		bind_to(thread[n], 0);
	wait_started(2);
	rounds[1] = 0;
	sleep(2);
	/* With turns of 10 ms there were two hundred. */
	CHECK(rounds[1] > 400);
	end(2);
}

static void *be_nice(void *arg)
{
	NEED(setpriority(PRIO_PROCESS, (id_t)gettid(), 15) == 0);
	return compute(arg);
}

/* 15 steps of nice: a factor of about 28. */
static void nice_ones(void)
{
	start(0, compute);
	start(1, be_nice);
	for (long n = 0; n < 2; n++)
		bind_to(thread[n], 0);
	wait_started(2);
	rounds[0] = rounds[1] = 0;
	sleep(2);
	CHECK(rounds[1] > 0 && rounds[0] > 6 * rounds[1]);
	end(2);
}

/* Others move at once, and are told where they may run. */
static void affinity(void)
{
	cpu_set_t set;

	start(0, compute);
	wait_started(1);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		bind_to(thread[0], cpu);
		NEED(pthread_getaffinity_np(thread[0], sizeof(set), &set) == 0);
		CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
		for (long before = rounds[0]; rounds[0] < before + 2;)
			usleep(1000);
		seen[0] = 0;
		while (!seen[0])
			usleep(1000);
		CHECK(seen[0] == 1 << cpu);
	}
	end(1);
	CPU_ZERO(&set);
	CHECK_FAILS(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	CPU_SET(0, &set);
	CHECK_FAILS(sched_setaffinity(0x3fffffff, sizeof(set), &set), ESRCH);
	CHECK_FAILS(sched_getaffinity(0x3fffffff, sizeof(set), &set), ESRCH);
}

static double usage(void)
{
	struct rusage u;

	NEED(getrusage(RUSAGE_SELF, &u) == 0);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double ticks(void)
{
	struct tms t;

	NEED(times(&t) != -1);
	return (double)(t.tms_utime + t.tms_stime) / (double)sysconf(_SC_CLK_TCK);
}

/* Two compute while the third one looks: the process's clocks have all of it, at any time, and keep it. */
static void clocks(void)
{
	double wall, process, last = 0;
	clockid_t clock;

	for (long n = 0; n < CPUS; n++)
		start(n, compute);
	wait_started(CPUS);
	wall = seconds(CLOCK_MONOTONIC);
	process = seconds(CLOCK_PROCESS_CPUTIME_ID);
	do {
		double now = seconds(CLOCK_PROCESS_CPUTIME_ID);

		CHECK(now >= last);
		last = now;
		usleep(10000);
	} while (seconds(CLOCK_MONOTONIC) < wall + 2);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	process = seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
	/* Of CPUs that others want too, half must do; one thread's alone would be less. */
	CHECK(process > wall / 2 && process < wall * CPUS * 1.2);
	CHECK(usage() >= process * 0.9 && ticks() >= process * 0.9);
	last = 0;
	for (long n = 0; n < CPUS; n++) {
		NEED(pthread_getcpuclockid(thread[n], &clock) == 0);
		CHECK(seconds(clock) > process / 8);
		last += seconds(clock);
	}
	CHECK(last >= process * 0.9);
	CHECK(seconds(CLOCK_THREAD_CPUTIME_ID) < process / 2);
	end(CPUS);
	CHECK(seconds(CLOCK_PROCESS_CPUTIME_ID) >= last && usage() >= last * 0.9);
}

/* sched_yield lets the other one run, each time. */
static void *yielder(void *arg)
{
	long n = (long)arg;

	started[n] = true;
	while (!stop) {
		rounds[n]++;
		sched_yield();
	}
	return NULL;
}

static void yields(void)
{
	long difference;

	start(0, yielder);
	start(1, yielder);
	for (long n = 0; n < 2; n++)
		bind_to(thread[n], 0);
	wait_started(2);
	sleep(1);
	difference = rounds[0];
	rounds[0] = rounds[1] = 0;
	sleep(1);
	difference = rounds[0] - rounds[1];
	CHECK(rounds[0] > 100 && labs(difference) < rounds[0] / 4);
	end(2);
}

/* For the script: one thread on each CPU, and nothing else, for a few seconds; then how many there were. */
static void silent(void)
{
	for (long n = 0; n < CPUS - 1; n++)
		start(n, compute);
	wait_started(CPUS - 1);
	say("ready");
	for (double until = seconds(CLOCK_MONOTONIC) + 8; seconds(CLOCK_MONOTONIC) < until;)
		for (volatile long i = 0; i < 300000000; i++)
			continue;
	end(CPUS - 1);
	/* Nobody reads any more. */
	prog_exit();
}

static const struct prog_case cases[] = {
	{ "spread", spread },	  { "share", share },	{ "beside", beside }, { "nice", nice_ones },
	{ "affinity", affinity }, { "clocks", clocks }, { "yields", yields }, { "silent", silent },
};

PROG_MAIN(cases)
