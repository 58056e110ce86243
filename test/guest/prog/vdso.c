/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock by the vDSO: the time that the calls tell, from data that nobody but Linux writes. */
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static bool not_after(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

static void between_calls(void)
{
	static const clockid_t ids[] = {
		CLOCK_REALTIME,
		CLOCK_MONOTONIC,
		CLOCK_MONOTONIC_RAW,
		CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE,
		CLOCK_BOOTTIME,
		CLOCK_TAI,
		CLOCK_THREAD_CPUTIME_ID,
	};

	for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
		for (int i = 0; i < 1000; i++) {
			struct timespec a, b, c;

			NEED(syscall(SYS_clock_gettime, ids[k], &a) == 0);
			NEED(clock_gettime(ids[k], &b) == 0);
			NEED(syscall(SYS_clock_gettime, ids[k], &c) == 0);
			NEED(not_after(&a, &b) && not_after(&b, &c) && b.tv_nsec < 1000000000);
		}
	}
	CHECK_FAILS(clock_gettime(10, &(struct timespec){ 0 }), EINVAL);
	CHECK_FAILS(clock_gettime(99, &(struct timespec){ 0 }), EINVAL);
}

static void between_others(void)
{
	for (int i = 0; i < 1000; i++) {
		struct timeval a, b, c;
		struct timezone zone = { 1, 1 };
		time_t before = syscall(SYS_time, NULL), now = 0, after;

		NEED(time(&now) == now);
		after = syscall(SYS_time, NULL);
		NEED(before <= now && now <= after);
		NEED(syscall(SYS_gettimeofday, &a, NULL) == 0);
		NEED(gettimeofday(&b, i % 2 ? &zone : NULL) == 0);
		NEED(syscall(SYS_gettimeofday, &c, NULL) == 0);
		NEED(timercmp(&a, &b, <=) && timercmp(&b, &c, <=));
		NEED(i % 2 == 0 || zone.tz_minuteswest == 0);
	}
}

static void child_reads(void *arg)
{
	(void)arg;
	between_calls();
}

static void forked(void)
{
	pid_t pid;

	between_others();
	pid = prog_fork(child_reads, NULL);
	between_calls();
	CHECK_EXIT(pid, 0);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timespec newest; /* under it */
static int backwards;

static void *reader(void *arg)
{
	struct timespec now;

	(void)arg;
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&lock);
		clock_gettime(CLOCK_MONOTONIC, &now);
		backwards += !not_after(&newest, &now);
		newest = now;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

/* What one CPU has read is not after what another reads next. */
static void threads(void)
{
	pthread_t other;

	NEED(pthread_create(&other, NULL, reader, NULL) == 0);
	reader(NULL);
	NEED(pthread_join(other, NULL) == 0);
	CHECK(backwards == 0);
}

static void not_written(void)
{
	char *data = (char *)getauxval(AT_SYSINFO_EHDR) - PAGE, byte = 1;
	struct iovec from = { &byte, 1 }, to = { data, 1 };

	CHECK(fault_is(fault_write(data), SIGSEGV, SEGV_ACCERR, data));
	CHECK_FAILS(mprotect(data, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_FAILS(process_vm_writev(getpid(), &from, 1, &to, 1, 0), EFAULT);
	between_calls();
}

#define OLD_CALLS 0xffffffffff600000UL

/* Those of programs that know no vDSO: at fixed addresses, which can be called and not read. */
static void old_calls(void)
{
	int (*old_gettimeofday)(struct timeval *, void *) = (void *)OLD_CALLS;
	time_t (*old_time)(time_t *) = (void *)(OLD_CALLS + 0x400);
	int (*old_getcpu)(unsigned int *, unsigned int *, void *) = (void *)(OLD_CALLS + 0x800);
	struct timezone zone = { 1, 1 };
	struct timeval a, b, c;
	unsigned int cpu = ~0U, node = ~0U;
	time_t before = time(NULL), now = 0, after;

	CHECK(old_time(&now) == now);
	after = time(NULL);
	CHECK(before <= now && now <= after);
	CHECK(old_time(NULL) >= now);
	NEED(gettimeofday(&a, NULL) == 0);
	CHECK(old_gettimeofday(&b, NULL) == 0);
	NEED(gettimeofday(&c, NULL) == 0);
	CHECK(timercmp(&a, &b, <=) && timercmp(&b, &c, <=));
	CHECK(old_gettimeofday(&b, &zone) == 0 && zone.tz_minuteswest == 0);
	CHECK(old_getcpu(&cpu, &node, NULL) == 0 && cpu < 1024 && node < 64);
	CHECK(fault_call((void *)(OLD_CALLS + 0xc00)).signo == SIGSEGV);
	CHECK(fault_call((void *)(OLD_CALLS + 2)).signo == SIGSEGV);
	CHECK(fault_call((void *)(OLD_CALLS + PAGE)).signo == SIGSEGV);
	CHECK(fault_read((void *)OLD_CALLS).signo == SIGSEGV);
}

/* The script counts who was asked. */
static void often(void)
{
	struct timespec t;
	struct timeval v;

	for (int i = 0; i < 10000; i++) {
		NEED(clock_gettime(CLOCK_MONOTONIC, &t) == 0 && gettimeofday(&v, NULL) == 0);
		NEED(clock_gettime(CLOCK_REALTIME, &t) == 0 && time(NULL) > 0);
	}
}

static void coarse(void)
{
	struct timespec t;

	for (int i = 0; i < 20000; i++)
		NEED(clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0 && time(NULL) > 0);
}

static const struct prog_case cases[] = {
	{ "between_calls", between_calls },
	{ "between_others", between_others },
	{ "forked", forked },
	{ "threads", threads },
	{ "not_written", not_written },
	{ "old_calls", old_calls },
	{ "often", often },
	{ "coarse", coarse },
};
PROG_MAIN(cases)
