/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes and real-time priorities: who inherits whose, and whose turn is first. All on one CPU. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static void doze(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static pthread_mutex_t outer, inner;
static volatile int low_has, middle_has, waits, over;
static volatile uint32_t plain;
static char order[8];
static volatile int count;

static void become(int priority)
{
	const struct sched_param p = { .sched_priority = priority };

	/* By itself: what another sets may be noticed later. */
	NEED(sched_setscheduler(0, SCHED_FIFO, &p) == 0);
}

static void bind_here(void)
{
	cpu_set_t all, one;
	int cpu = 0;

	NEED(sched_getaffinity(0, sizeof(all), &all) == 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one) == 0);
}

static void inheriting_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	NEED(pthread_mutexattr_init(&attr) == 0);
	NEED(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0);
	NEED(pthread_mutex_init(mutex, &attr) == 0);
}

static void *low(void *arg)
{
	(void)arg;
	become(10);
	NEED(pthread_mutex_lock(&inner) == 0);
	low_has = 1;
	while (!waits)
		continue;
	NEED(pthread_mutex_unlock(&inner) == 0);
	/* It has lost what it inherited: others go on. */
	CHECK(over);
	return NULL;
}

static void *middle(void *arg)
{
	(void)arg;
	become(15);
	NEED(pthread_mutex_lock(&outer) == 0);
	middle_has = 1;
	NEED(pthread_mutex_lock(&inner) == 0);
	NEED(pthread_mutex_unlock(&inner) == 0);
	NEED(pthread_mutex_unlock(&outer) == 0);
	return NULL;
}

/* Would never let those below it run. */
static void *busy(void *arg)
{
	(void)arg;
	become(20);
	while (!over)
		continue;
	return NULL;
}

static void wait_as(int priority, pthread_mutex_t *mutex)
{
	become(priority);
	waits = 1;
	NEED(pthread_mutex_lock(mutex) == 0);
	over = 1;
	NEED(pthread_mutex_unlock(mutex) == 0);
}

static void *high(void *arg)
{
	wait_as(30, arg);
	return NULL;
}

static pthread_t started(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	NEED(pthread_create(&thread, NULL, body, arg) == 0);
	return thread;
}

static void inversion_of(bool chained)
{
	pthread_t thread[4];
	int threads = 0;

	bind_here();
	become(50);
	alarm(60);
	inheriting_mutex(&outer);
	inheriting_mutex(&inner);
	thread[threads++] = started(low, NULL);
	while (!low_has)
		doze();
	if (chained) {
		thread[threads++] = started(middle, NULL);
		while (!middle_has)
			doze();
	}
	thread[threads++] = started(busy, NULL);
	doze();
	thread[threads++] = started(high, chained ? &outer : &inner);
	while (threads)
		NEED(pthread_join(thread[--threads], NULL) == 0);
	alarm(0);
}

/* Who has the lock runs before one that computes, for the sake of one that waits. */
static void inversion(void)
{
	inversion_of(false);
}

/* And who has what that one waits for. */
static void chain(void)
{
	inversion_of(true);
}

static void *takes(void *arg)
{
	become((int)(long)arg);
	NEED(pthread_mutex_lock(&inner) == 0);
	order[count++] = (char)('0' + (long)arg / 10);
	NEED(pthread_mutex_unlock(&inner) == 0);
	return NULL;
}

static void *sleeps(void *arg)
{
	if (arg)
		become((int)(long)arg);
	NEED(syscall(SYS_futex, &plain, FUTEX_WAIT_PRIVATE, 0, NULL) == 0);
	order[count++] = (char)('0' + (long)arg / 10);
	return NULL;
}

static void start_all(pthread_t thread[4], void *(*body)(void *))
{
	static const long priority[4] = { 10, 30, 20, 30 };

	for (int i = 0; i < 4; i++) {
		thread[i] = started(body, (void *)priority[i]);
		for (int n = 0; n < 30; n++)
			doze();
	}
}

/* The highest priority first, for a lock and for a plain word. */
static void turns(void)
{
	pthread_t thread[4];

	bind_here();
	become(50);
	inheriting_mutex(&inner);
	NEED(pthread_mutex_lock(&inner) == 0);
	start_all(thread, takes);
	NEED(pthread_mutex_unlock(&inner) == 0);
	for (int i = 0; i < 4; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	say("the lock: %s", order);
	count = 0;
	start_all(thread, sleeps);
	for (int i = 0; i < 4; i++) {
		NEED(syscall(SYS_futex, &plain, FUTEX_WAKE_PRIVATE, 1) == 1);
		while (count <= i)
			doze();
	}
	for (int i = 0; i < 4; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	say("the word: %s", order);
}

/* What another sets, which acts while it waits, too. */
static void set(pthread_t thread, int priority)
{
	const struct sched_param p = { .sched_priority = priority };

	NEED(pthread_setschedparam(thread, SCHED_FIFO, &p) == 0);
}

/* Whose priority changes in the queue gets another place there; as on Linux, behind its equals. */
static void requeued(void)
{
	pthread_t thread[4];

	bind_here();
	become(50);
	inheriting_mutex(&inner);
	NEED(pthread_mutex_lock(&inner) == 0);
	start_all(thread, takes);
	set(thread[0], 40);
	set(thread[1], 20);
	NEED(pthread_mutex_unlock(&inner) == 0);
	for (int i = 0; i < 4; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	say("the lock: %s", order);
}

static void *waits_for(void *arg)
{
	wait_as(15, arg);
	return NULL;
}

static volatile int may_unlock, computing;

static void *holds(void *arg)
{
	become(10);
	NEED(pthread_mutex_lock(arg) == 0);
	low_has = 1;
	while (!may_unlock)
		continue;
	NEED(pthread_mutex_unlock(arg) == 0);
	return NULL;
}

/* Below holds() and waits_for(), as they are in the end, and above what they are before. */
static void *computes(void *arg)
{
	(void)arg;
	become(12);
	computing = 1;
	while (!over)
		continue;
	return NULL;
}

/* The owner of a lock inherits what the one who waits for it gets, and loses what that one does. */
static void inherited(void)
{
	pthread_t holder, waiter, other;

	bind_here();
	become(50);
	alarm(60);
	inheriting_mutex(&inner);
	holder = started(holds, &inner);
	while (!low_has)
		doze();
	waiter = started(waits_for, &inner);
	while (!waits)
		doze();
	for (int n = 0; n < 30; n++)
		doze();
	set(waiter, 5);
	other = started(computes, NULL);
	/* Else the holder has the CPU while the other asks for its priority. */
	while (!computing)
		doze();
	may_unlock = 1;
	for (int n = 0; n < 30; n++)
		doze();
	CHECK(!over);
	set(waiter, 30);
	NEED(pthread_join(holder, NULL) == 0);
	NEED(pthread_join(waiter, NULL) == 0);
	NEED(pthread_join(other, NULL) == 0);
	CHECK(over);
}

static const struct prog_case cases[] = {
	{ "inversion", inversion }, { "chain", chain },		{ "turns", turns },
	{ "requeued", requeued },   { "inherited", inherited },
};
PROG_MAIN(cases)
