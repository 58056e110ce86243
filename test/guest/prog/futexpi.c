/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes with owners: the word's protocol, hand-over, dead owners, circles, requeueing; by threads and by processes. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define MANY 6

static long futex(volatile uint32_t *word, int op, unsigned long value, const void *timeout,
		  volatile uint32_t *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void doze(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* What the word says, with names for tids. */
static void say_word(const char *when, uint32_t word, uint32_t mine)
{
	uint32_t tid = word & FUTEX_TID_MASK;

	say("%s:%s%s %s", when, word & FUTEX_WAITERS ? " waiters" : "",
	    word & FUTEX_OWNER_DIED ? " died" : "",
	    tid == mine ? "mine"
	    : tid	? "another's"
			: "nobody's");
}

static void expect(const char *what, long result, int error)
{
	if (result < 0)
		say("%s: %s", what, strerrorname_np(error));
	else
		say("%s: %ld", what, result);
}
#define EXPECT(call)                                 \
	do {                                         \
		errno = 0;                           \
		long expect_result = (call);         \
		expect(#call, expect_result, errno); \
	} while (0)

/* ---- one thread ---- */

static void alone_of(int flag)
{
	volatile uint32_t *word = prog_map(PAGE);
	uint32_t me = (uint32_t)gettid();
	struct timespec past = { 0, 1 };

	EXPECT(futex(word, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	say_word("locked", *word, me);
	EXPECT(futex(word, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	EXPECT(futex(word, FUTEX_TRYLOCK_PI | flag, 0, NULL, NULL, 0));
	EXPECT(futex(word, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0));
	say_word("unlocked", *word, me);
	EXPECT(futex(word, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0));
	EXPECT(futex(word, FUTEX_TRYLOCK_PI | flag, 0, NULL, NULL, 0));
	say_word("tried", *word, me);
	/* What a dead owner has left. */
	*word = FUTEX_OWNER_DIED;
	EXPECT(futex(word, FUTEX_LOCK_PI2 | flag, 0, &past, NULL, 0));
	say_word("taken over", *word, me);
	*word = FUTEX_WAITERS | me;
	EXPECT(futex(word, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0));
	say_word("nobody waits", *word, me);
	/* Nobody has this tid. */
	*word = FUTEX_TID_MASK - 1;
	EXPECT(futex(word, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	EXPECT(futex(word, FUTEX_TRYLOCK_PI | flag, 0, NULL, NULL, 0));
	say_word("owned by nothing", *word, me);
}

static void alone(void)
{
	alone_of(FUTEX_PRIVATE_FLAG);
	alone_of(0);
}

/* ---- many ---- */

struct crowd {
	volatile uint32_t word, count, inside, started;
	int flag;
};

static void lock(struct crowd *c)
{
	uint32_t none = 0;

	if (!__atomic_compare_exchange_n(&c->word, &none, (uint32_t)gettid(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		NEED(futex(&c->word, FUTEX_LOCK_PI | c->flag, 0, NULL, NULL, 0) == 0);
}

static void unlock(struct crowd *c)
{
	uint32_t mine = (uint32_t)gettid();

	if (!__atomic_compare_exchange_n(&c->word, &mine, 0, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		NEED(futex(&c->word, FUTEX_UNLOCK_PI | c->flag, 0, NULL, NULL, 0) == 0);
}

static void *take_often(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 500; i++) {
		lock(c);
		NEED(c->inside++ == 0);
		c->count = c->count + 1;
		NEED(--c->inside == 0);
		unlock(c);
	}
	return NULL;
}

static void crowd_of(int flag)
{
	struct crowd c = { .flag = flag };
	pthread_t thread[MANY];

	for (int i = 0; i < MANY; i++)
		NEED(pthread_create(&thread[i], NULL, take_often, &c) == 0);
	for (int i = 0; i < MANY; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	CHECK(c.count == MANY * 500);
	CHECK((c.word & FUTEX_TID_MASK) == 0);
}

static void take_often_in_child(void *arg)
{
	take_often(arg);
}

static void crowd(void)
{
	struct crowd *c = prog_shared(sizeof(*c));
	pid_t child[MANY];

	crowd_of(FUTEX_PRIVATE_FLAG);
	crowd_of(0);
	for (int i = 0; i < MANY; i++)
		child[i] = prog_fork(take_often_in_child, c);
	for (int i = 0; i < MANY; i++)
		CHECK_EXIT(child[i], 0);
	CHECK(c->count == MANY * 500);
}

/* ---- hand-over, times, circles ---- */

struct locker {
	struct crowd *c;
	struct timespec *timeout;
	int op, error;
	uint32_t word;
};

static void *lock_once(void *arg)
{
	struct locker *l = arg;

	errno = 0;
	futex(&l->c->word, l->op | l->c->flag, 0, l->timeout, NULL, 0);
	l->error = errno;
	l->word = l->c->word;
	if (!errno) {
		say_word("handed over", l->word, (uint32_t)gettid());
		NEED(futex(&l->c->word, FUTEX_UNLOCK_PI | l->c->flag, 0, NULL, NULL, 0) == 0);
	}
	return NULL;
}

static void hand_over(void)
{
	struct crowd c = { .flag = FUTEX_PRIVATE_FLAG };
	struct locker l = { .c = &c, .op = FUTEX_LOCK_PI };
	struct timespec soon;
	pthread_t thread;

	lock(&c);
	NEED(pthread_create(&thread, NULL, lock_once, &l) == 0);
	while (!(c.word & FUTEX_WAITERS))
		doze();
	say_word("waited for", c.word, (uint32_t)gettid());
	unlock(&c);
	NEED(pthread_join(thread, NULL) == 0);
	say_word("after all", c.word, (uint32_t)gettid());

	for (int op = FUTEX_LOCK_PI; op <= FUTEX_LOCK_PI2; op += FUTEX_LOCK_PI2 - FUTEX_LOCK_PI) {
		int clock = op == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC;
		int64_t at = now_ns(clock) + 20000000;

		c.word = 0;
		lock(&c);
		soon = (struct timespec){ at / 1000000000, at % 1000000000 };
		l = (struct locker){ .c = &c, .op = op, .timeout = &soon };
		NEED(pthread_create(&thread, NULL, lock_once, &l) == 0);
		NEED(pthread_join(thread, NULL) == 0);
		say("in time: %s", strerrorname_np(l.error));
		CHECK(now_ns(clock) >= at);
		say_word("left alone", c.word, (uint32_t)gettid());
		unlock(&c);
		say_word("unlocked", c.word, (uint32_t)gettid());
	}
	/* An attempt tells the owner, too. */
	lock(&c);
	l = (struct locker){ .c = &c, .op = FUTEX_TRYLOCK_PI };
	NEED(pthread_create(&thread, NULL, lock_once, &l) == 0);
	NEED(pthread_join(thread, NULL) == 0);
	say("tried: %s", strerrorname_np(l.error));
	say_word("tried", c.word, (uint32_t)gettid());
	/* A wake is not for those who wait for the lock. */
	l = (struct locker){ .c = &c, .op = FUTEX_LOCK_PI };
	NEED(pthread_create(&thread, NULL, lock_once, &l) == 0);
	while (futex(&c.word, FUTEX_WAKE | c.flag, 1, NULL, NULL, 0) == 0)
		doze();
	EXPECT(futex(&c.word, FUTEX_WAKE | c.flag, 1, NULL, NULL, 0));
	unlock(&c);
	NEED(pthread_join(thread, NULL) == 0);
}

static struct crowd ring[2];

static void *lock_both(void *arg)
{
	(void)arg;
	lock(&ring[1]);
	ring[1].started = 1;
	lock(&ring[0]);
	unlock(&ring[0]);
	unlock(&ring[1]);
	return NULL;
}

/* Who waits for whoever waits for it is told. */
static void circle(void)
{
	pthread_t thread;

	ring[0].flag = ring[1].flag = FUTEX_PRIVATE_FLAG;
	lock(&ring[0]);
	NEED(pthread_create(&thread, NULL, lock_both, NULL) == 0);
	while (!ring[1].started || !(ring[0].word & FUTEX_WAITERS) ||
	       futex(&ring[0].word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0) == 0)
		doze();
	EXPECT(futex(&ring[1].word, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	unlock(&ring[0]);
	NEED(pthread_join(thread, NULL) == 0);
}

/* ---- the end of owners ---- */

static void *lock_and_end(void *arg)
{
	struct crowd *c = arg;

	lock(c);
	c->started = 1;
	while (!(c->word & FUTEX_WAITERS))
		doze();
	/* Until somebody waits in the kernel. */
	while (futex(&c->word, FUTEX_WAKE | c->flag, 1, NULL, NULL, 0) == 0)
		doze();
	return NULL;
}

static void lock_and_end_in_child(void *arg)
{
	lock_and_end(arg);
}

static void lock_and_be_killed(void *arg)
{
	lock_and_end(arg);
	kill(getpid(), SIGKILL);
}

static void inherit(struct crowd *c)
{
	while (!c->started)
		doze();
	EXPECT(futex(&c->word, FUTEX_LOCK_PI | c->flag, 0, NULL, NULL, 0));
	say_word("inherited", c->word, (uint32_t)gettid());
	EXPECT(futex(&c->word, FUTEX_UNLOCK_PI | c->flag, 0, NULL, NULL, 0));
	say_word("unlocked", c->word, (uint32_t)gettid());
	c->word = c->started = 0;
}

static void dead_owner(void)
{
	struct crowd own = { .flag = FUTEX_PRIVATE_FLAG }, *c = prog_shared(sizeof(*c));
	pthread_t thread;
	pid_t child;

	NEED(pthread_create(&thread, NULL, lock_and_end, &own) == 0);
	inherit(&own);
	NEED(pthread_join(thread, NULL) == 0);
	child = prog_fork(lock_and_end_in_child, c);
	inherit(c);
	CHECK_EXIT(child, 0);
	child = prog_fork(lock_and_be_killed, c);
	inherit(c);
	CHECK_KILLED(child, SIGKILL);
}

/* ---- robust lists ---- */

struct listed {
	volatile int tid, over;
	void *head;
	long size, result;
};

static void *have_list(void *arg)
{
	struct listed *l = arg;

	l->result = syscall(SYS_get_robust_list, 0, &l->head, &l->size);
	l->tid = gettid();
	while (!l->over)
		doze();
	return NULL;
}

static void have_list_in_child(void *arg)
{
	have_list(arg);
}

static void compare_list(struct listed *l)
{
	void *head = NULL;
	long size = 0;

	while (!l->tid)
		doze();
	CHECK(l->result == 0 && l->head);
	EXPECT(syscall(SYS_get_robust_list, l->tid, &head, &size));
	CHECK(head == l->head && size == l->size);
	EXPECT(syscall(SYS_get_robust_list, l->tid, &head, 8));
	l->over = 1;
}

static void lists(void)
{
	struct listed *l = prog_shared(2 * sizeof(*l));
	pthread_t thread;
	void *head;
	long size;
	pid_t child;

	NEED(pthread_create(&thread, NULL, have_list, &l[0]) == 0);
	compare_list(&l[0]);
	NEED(pthread_join(thread, NULL) == 0);
	child = prog_fork(have_list_in_child, &l[1]);
	compare_list(&l[1]);
	CHECK_EXIT(child, 0);
	EXPECT(syscall(SYS_get_robust_list, child, &head, &size));
	/* Another's; root may ask. */
	NEED(setresuid(65534, 65534, 65534) == 0);
	EXPECT(syscall(SYS_get_robust_list, 1, &head, &size));
}

/* ---- condition variables ---- */

struct cond {
	struct crowd lock;
	volatile uint32_t word, got, failed;
};

static void *wait_requeued(void *arg)
{
	struct cond *c = arg;

	if (futex(&c->word, FUTEX_WAIT_REQUEUE_PI | c->lock.flag, 0, NULL, &c->lock.word, 0)) {
		__atomic_add_fetch(&c->failed, 1, __ATOMIC_SEQ_CST);
		return NULL;
	}
	/* It has the lock. */
	NEED((c->lock.word & FUTEX_TID_MASK) == (uint32_t)gettid());
	c->got = c->got + 1;
	unlock(&c->lock);
	return NULL;
}

static void requeue_of(int flag)
{
	struct cond c = { .lock.flag = flag };
	pthread_t thread[MANY];
	long moved = 0;

	for (int i = 0; i < MANY; i++)
		NEED(pthread_create(&thread[i], NULL, wait_requeued, &c) == 0);
	lock(&c.lock);
	while (moved < MANY) {
		long n = futex(&c.word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)MANY, &c.lock.word,
			       0);

		NEED(n >= 0);
		moved += n;
		if (!n)
			doze();
	}
	CHECK(c.got == 0);
	EXPECT(futex(&c.lock.word, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	unlock(&c.lock);
	for (int i = 0; i < MANY; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	CHECK(c.got == MANY && !c.failed);

	/* The lock is free: the first has it at once. */
	c.lock.word = 0;
	NEED(pthread_create(&thread[0], NULL, wait_requeued, &c) == 0);
	/* A plain wake is not for it, nor a plain requeue. */
	while (futex(&c.word, FUTEX_WAKE | flag, 1, NULL, NULL, 0) == 0)
		doze();
	EXPECT(futex(&c.word, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	EXPECT(futex(&c.word, FUTEX_REQUEUE | flag, 1, (void *)1, &c.got, 0));
	EXPECT(futex(&c.word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)1, &c.failed, 0));
	EXPECT(futex(&c.word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)0, &c.lock.word, 0));
	NEED(pthread_join(thread[0], NULL) == 0);
	CHECK(c.got == MANY + 1);
}

static void requeue(void)
{
	requeue_of(FUTEX_PRIVATE_FLAG);
	requeue_of(0);
}

/* ---- words that are played with ---- */

static volatile bool over;

static void *play(void *arg)
{
	volatile uint32_t *word = arg;
	struct timespec past = { 0, 1 };
	uint32_t me = (uint32_t)gettid(), seed = me;

	while (!over) {
		seed = seed * 1103515245 + 12345;
		switch (seed >> 16 & 15) {
		case 0:
			*word = 0;
			break;
		case 1:
			*word = me | FUTEX_WAITERS;
			break;
		case 2:
			*word = FUTEX_OWNER_DIED;
			break;
		case 3:
			*word = (uint32_t)getpid();
			break;
		case 4:
			futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, *word,
			      &(struct timespec){ .tv_nsec = 100000 }, NULL, 0);
			break;
		case 5:
			futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
			break;
		case 6:
			futex(word, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)2, word + 1, 0);
			break;
		case 7:
			futex(word + 1, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)2,
			      word, 0);
			break;
		case 8:
			futex(word + 1, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, &past, word,
			      0);
			break;
		case 9:
		case 10:
			futex(word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
			break;
		default:
			futex(word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &past, NULL, 0);
		}
	}
	return NULL;
}

/* Nothing that a program does to its words, or to its threads meanwhile, does any harm but to itself. */
static void played_with(void)
{
	volatile uint32_t *word = prog_map(PAGE);
	pthread_t thread[MANY];
	int64_t end = now_ns(CLOCK_MONOTONIC) + 1000000000;

	for (int i = 0; i < MANY; i++)
		NEED(pthread_create(&thread[i], NULL, play, (void *)word) == 0);
	while (now_ns(CLOCK_MONOTONIC) < end)
		doze();
	over = true;
	for (int i = 0; i < MANY; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
}

static const struct prog_case cases[] = {
	{ "alone", alone },	    { "crowd", crowd },
	{ "hand_over", hand_over }, { "circle", circle },
	{ "requeue", requeue },	    { "dead_owner", dead_owner },
	{ "lists", lists },	    { "played_with", played_with },
};
PROG_MAIN(cases)
