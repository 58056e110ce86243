/* SPDX-License-Identifier: GPL-2.0-only */
/* What the C library makes of futexes: mutexes of all kinds, condition variables, barriers, read-write locks, semaphores. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define MANY 6
#define ROUNDS 400
#define ITEMS 50

static void *must(void *p)
{
	NEED(p != NULL);
	return p;
}

static struct timespec later(int clock, long ns)
{
	int64_t at = now_ns(clock) + ns;

	return (struct timespec){ at / 1000000000, at % 1000000000 };
}

/* Runs body(arg) in many threads, or in many processes. */
static void *(*crowd_body)(void *arg);

static void crowd_child(void *arg)
{
	crowd_body(arg);
}

static void crowd(void *(*body)(void *), void *arg, bool processes)
{
	pthread_t thread[MANY];
	pid_t child[MANY];

	crowd_body = body;
	for (int i = 0; i < MANY; i++) {
		if (processes)
			child[i] = prog_fork(crowd_child, arg);
		else
			NEED(pthread_create(&thread[i], NULL, body, arg) == 0);
	}
	for (int i = 0; i < MANY; i++) {
		if (processes)
			CHECK_EXIT(child[i], 0);
		else
			NEED(pthread_join(thread[i], NULL) == 0);
	}
}

/* ---- mutexes ---- */

struct kind {
	int type, protocol, robust;
	bool processes;
	char name[64];
};

struct locked {
	pthread_mutex_t mutex;
	int count;
	volatile int owned;
};

static struct locked *mutex_make(const struct kind *k)
{
	struct locked *l = must(prog_shared(sizeof(*l)));
	pthread_mutexattr_t attr;

	NEED(pthread_mutexattr_init(&attr) == 0);
	NEED(pthread_mutexattr_settype(&attr, k->type) == 0);
	NEED(pthread_mutexattr_setprotocol(&attr, k->protocol) == 0);
	NEED(pthread_mutexattr_setrobust(&attr, k->robust) == 0);
	NEED(pthread_mutexattr_setpshared(&attr, k->processes ? PTHREAD_PROCESS_SHARED
							      : PTHREAD_PROCESS_PRIVATE) == 0);
	NEED(pthread_mutex_init(&l->mutex, &attr) == 0);
	return l;
}

static void *count_up(void *arg)
{
	struct locked *l = arg;

	for (int i = 0; i < ROUNDS; i++) {
		NEED(pthread_mutex_lock(&l->mutex) == 0);
		l->count = l->count + 1;
		NEED(pthread_mutex_unlock(&l->mutex) == 0);
	}
	return NULL;
}

/* Of one that another thread has. */
static void *from_outside(void *arg)
{
	struct locked *l = arg;
	struct timespec soon = later(CLOCK_REALTIME, 5000000);
	int try = pthread_mutex_trylock(&l->mutex);
	int timed = pthread_mutex_timedlock(&l->mutex, &soon);

	say("  from outside: %s, %s", strerrorname_np(try), strerrorname_np(timed));
	return NULL;
}

static void *lock_and_end(void *arg)
{
	NEED(pthread_mutex_lock(&((struct locked *)arg)->mutex) == 0);
	return NULL;
}

static void lock_and_be_killed(void *arg)
{
	struct locked *l = arg;

	NEED(pthread_mutex_lock(&l->mutex) == 0);
	l->owned = 1;
	for (;;)
		pause();
}

static void take_over(struct locked *l)
{
	int err = pthread_mutex_lock(&l->mutex);

	say("  after a death: %s", strerrorname_np(err));
	CHECK(pthread_mutex_consistent(&l->mutex) == 0);
	CHECK(pthread_mutex_unlock(&l->mutex) == 0);
}

static void deaths(const struct kind *k)
{
	struct locked *l = mutex_make(k);
	pthread_t thread;

	NEED(pthread_create(&thread, NULL, lock_and_end, l) == 0);
	NEED(pthread_join(thread, NULL) == 0);
	take_over(l);
	if (k->processes) {
		pid_t child = prog_fork(lock_and_be_killed, l);

		while (!l->owned)
			sched_yield();
		NEED(kill(child, SIGKILL) == 0);
		take_over(l);
		CHECK_KILLED(child, SIGKILL);
	}
	/* Who does not make it good leaves it useless. */
	NEED(pthread_create(&thread, NULL, lock_and_end, l) == 0);
	NEED(pthread_join(thread, NULL) == 0);
	CHECK(pthread_mutex_lock(&l->mutex) == EOWNERDEAD);
	CHECK(pthread_mutex_unlock(&l->mutex) == 0);
	say("  not made good: %s", strerrorname_np(pthread_mutex_lock(&l->mutex)));
}

static void mutex_kind(const struct kind *k)
{
	struct locked *l = mutex_make(k);
	pthread_t thread;

	say("%s", k->name);
	NEED(pthread_mutex_lock(&l->mutex) == 0);
	/* Again, which a normal one would wait for for ever. */
	if (k->type != PTHREAD_MUTEX_NORMAL) {
		int again = pthread_mutex_lock(&l->mutex);

		say("  again: %s", strerrorname_np(again));
		if (!again)
			CHECK(pthread_mutex_unlock(&l->mutex) == 0);
	}
	NEED(pthread_create(&thread, NULL, from_outside, l) == 0);
	NEED(pthread_join(thread, NULL) == 0);
	CHECK(pthread_mutex_unlock(&l->mutex) == 0);
	crowd(count_up, l, k->processes);
	CHECK(l->count == MANY * ROUNDS);
	if (k->robust == PTHREAD_MUTEX_ROBUST)
		deaths(k);
}

static void mutexes_of(int protocol, const char *name)
{
	static const char *const types[] = { "normal", "recursive", "errorcheck" };
	static const int type[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
				    PTHREAD_MUTEX_ERRORCHECK };

	for (int i = 0; i < 12; i++) {
		struct kind k = {
			.type = type[i % 3],
			.protocol = protocol,
			.robust = i / 3 % 2 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
			.processes = i / 6,
		};

		snprintf(k.name, sizeof(k.name), "%s%s%s%s", types[i % 3],
			 i / 3 % 2 ? ", robust" : "", i / 6 ? ", of processes" : "", name);
		mutex_kind(&k);
	}
}

static void mutexes(void)
{
	mutexes_of(PTHREAD_PRIO_NONE, "");
}

static void inheriting(void)
{
	mutexes_of(PTHREAD_PRIO_INHERIT, ", inheriting");
}

/* ---- condition variables ---- */

struct post {
	pthread_mutex_t mutex;
	pthread_cond_t full, empty;
	int items, taken;
};

static struct post *post_make(int protocol, int shared, int clock)
{
	struct post *p = must(prog_shared(sizeof(*p)));
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	NEED(pthread_mutexattr_init(&mutex) == 0);
	NEED(pthread_mutexattr_setprotocol(&mutex, protocol) == 0);
	NEED(pthread_mutexattr_setpshared(&mutex, shared) == 0);
	NEED(pthread_mutex_init(&p->mutex, &mutex) == 0);
	NEED(pthread_condattr_init(&cond) == 0);
	NEED(pthread_condattr_setpshared(&cond, shared) == 0);
	NEED(pthread_condattr_setclock(&cond, clock) == 0);
	NEED(pthread_cond_init(&p->full, &cond) == 0);
	NEED(pthread_cond_init(&p->empty, &cond) == 0);
	return p;
}

static void *take_items(void *arg)
{
	struct post *p = arg;

	for (int i = 0; i < ITEMS; i++) {
		NEED(pthread_mutex_lock(&p->mutex) == 0);
		while (!p->items)
			NEED(pthread_cond_wait(&p->full, &p->mutex) == 0);
		p->items--;
		p->taken++;
		NEED(pthread_cond_signal(&p->empty) == 0);
		NEED(pthread_mutex_unlock(&p->mutex) == 0);
	}
	return NULL;
}

static void *put_items(void *arg)
{
	struct post *p = arg;

	for (int i = 0; i < MANY * ITEMS;) {
		NEED(pthread_mutex_lock(&p->mutex) == 0);
		while (p->items >= 3)
			NEED(pthread_cond_wait(&p->empty, &p->mutex) == 0);
		for (; i < MANY * ITEMS && p->items < 3; i++)
			p->items++;
		NEED(pthread_cond_broadcast(&p->full) == 0);
		NEED(pthread_mutex_unlock(&p->mutex) == 0);
	}
	return NULL;
}

static void condition_of(int protocol, bool processes, int clock)
{
	struct post *p = post_make(
		protocol, processes ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE, clock);
	struct timespec soon = later(clock, 5000000);
	pthread_t producer;

	NEED(pthread_mutex_lock(&p->mutex) == 0);
	CHECK(pthread_cond_timedwait(&p->full, &p->mutex, &soon) == ETIMEDOUT);
	NEED(pthread_mutex_unlock(&p->mutex) == 0);
	NEED(pthread_create(&producer, NULL, put_items, p) == 0);
	crowd(take_items, p, processes);
	NEED(pthread_join(producer, NULL) == 0);
	CHECK(p->taken == MANY * ITEMS);
	CHECK(p->items == 0);
}

static void conditions(void)
{
	for (int i = 0; i < 8; i++)
		condition_of(i & 1 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE, i & 2,
			     i & 4 ? CLOCK_MONOTONIC : CLOCK_REALTIME);
}

/* ---- barriers ---- */

struct meeting {
	pthread_barrier_t barrier;
	int arrived, leaders;
};

static void *meet(void *arg)
{
	struct meeting *m = arg;

	for (int i = 1; i <= 100; i++) {
		int ret;

		__atomic_add_fetch(&m->arrived, 1, __ATOMIC_SEQ_CST);
		ret = pthread_barrier_wait(&m->barrier);
		NEED(ret == 0 || ret == PTHREAD_BARRIER_SERIAL_THREAD);
		if (ret)
			__atomic_add_fetch(&m->leaders, 1, __ATOMIC_SEQ_CST);
		NEED(__atomic_load_n(&m->arrived, __ATOMIC_SEQ_CST) >= i * MANY);
	}
	return NULL;
}

static void barriers(void)
{
	for (int processes = 0; processes < 2; processes++) {
		struct meeting *m = must(prog_shared(sizeof(*m)));
		pthread_barrierattr_t attr;

		NEED(pthread_barrierattr_init(&attr) == 0);
		NEED(pthread_barrierattr_setpshared(&attr, processes) == 0);
		NEED(pthread_barrier_init(&m->barrier, &attr, MANY) == 0);
		crowd(meet, m, processes);
		CHECK(m->leaders == 100);
		CHECK(pthread_barrier_destroy(&m->barrier) == 0);
	}
}

/* ---- read-write locks ---- */

struct book {
	pthread_rwlock_t lock;
	volatile int left, right, writes;
};

static void *read_and_write(void *arg)
{
	struct book *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0) {
			NEED(pthread_rwlock_wrlock(&b->lock) == 0);
			b->left = b->left + 1;
			b->right = b->right + 1;
			b->writes = b->writes + 1;
		} else {
			NEED(pthread_rwlock_rdlock(&b->lock) == 0);
			NEED(b->left == b->right);
		}
		NEED(pthread_rwlock_unlock(&b->lock) == 0);
	}
	return NULL;
}

static void rwlocks(void)
{
	for (int i = 0; i < 4; i++) {
		struct book *b = must(prog_shared(sizeof(*b)));
		pthread_rwlockattr_t attr;
		struct timespec soon;

		NEED(pthread_rwlockattr_init(&attr) == 0);
		NEED(pthread_rwlockattr_setpshared(&attr, i & 1) == 0);
		NEED(pthread_rwlockattr_setkind_np(
			     &attr, i & 2 ? PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
					  : PTHREAD_RWLOCK_PREFER_READER_NP) == 0);
		NEED(pthread_rwlock_init(&b->lock, &attr) == 0);
		crowd(read_and_write, b, i & 1);
		CHECK(b->writes == MANY * ROUNDS / 4);
		NEED(pthread_rwlock_rdlock(&b->lock) == 0);
		soon = later(CLOCK_REALTIME, 5000000);
		CHECK(pthread_rwlock_timedwrlock(&b->lock, &soon) == ETIMEDOUT);
		CHECK(pthread_rwlock_trywrlock(&b->lock) == EBUSY);
		CHECK(pthread_rwlock_unlock(&b->lock) == 0);
	}
}

/* ---- semaphores ---- */

struct places {
	sem_t free;
	int inside, most;
};

static void *visit(void *arg)
{
	struct places *p = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int now;

		NEED(sem_wait(&p->free) == 0);
		now = __atomic_add_fetch(&p->inside, 1, __ATOMIC_SEQ_CST);
		NEED(now <= 2);
		__atomic_sub_fetch(&p->inside, 1, __ATOMIC_SEQ_CST);
		NEED(sem_post(&p->free) == 0);
	}
	return NULL;
}

static void semaphores(void)
{
	for (int processes = 0; processes < 2; processes++) {
		struct places *p = must(prog_shared(sizeof(*p)));
		struct timespec soon;

		NEED(sem_init(&p->free, processes, 2) == 0);
		crowd(visit, p, processes);
		CHECK(sem_wait(&p->free) == 0 && sem_trywait(&p->free) == 0);
		CHECK_FAILS(sem_trywait(&p->free), EAGAIN);
		soon = later(CLOCK_REALTIME, 5000000);
		CHECK_FAILS(sem_timedwait(&p->free, &soon), ETIMEDOUT);
	}
}

static const struct prog_case cases[] = {
	{ "mutexes", mutexes },	  { "inheriting", inheriting }, { "conditions", conditions },
	{ "barriers", barriers }, { "rwlocks", rwlocks },	{ "semaphores", semaphores },
};
PROG_MAIN(cases)
