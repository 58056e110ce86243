/* SPDX-License-Identifier: GPL-2.0-only */
/* Every operation of futex(2) and futex_waitv(2), by threads and by processes: what they return, and whom they wake. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define MANY 8

static long futex(volatile uint32_t *word, int op, unsigned long value, const void *timeout,
		  volatile uint32_t *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void show(const char *what, long result)
{
	int error = errno;

	say("%s: %ld, %s", what, result, result < 0 ? strerrorname_np(error) : "good");
}
#define SHOW(call) (errno = 0, show(#call, call))

static void doze(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* ---- errors ---- */

static void errors_of(int flag)
{
	static struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, past = { 0, 1 };
	volatile uint32_t *word = prog_map(PAGE), *none = prog_map(PAGE), *gone = prog_map(PAGE);
	volatile uint32_t *read = prog_map(PAGE), *odd = (void *)((char *)word + 2);
	volatile uint32_t *top = (void *)0xffffffffffff0000UL;
	volatile uint32_t *shared = prog_shared(PAGE);

	*word = 1;
	NEED(mprotect((void *)none, PAGE, PROT_NONE) == 0);
	NEED(mprotect((void *)read, PAGE, PROT_READ) == 0);
	NEED(mprotect((void *)shared, PAGE, PROT_READ) == 0);
	NEED(munmap((void *)gone, PAGE) == 0);
	SHOW(futex(word, FUTEX_WAIT | flag, 0, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT | flag, 1, &bad, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT | flag, 1, &negative, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT | flag, 1, &past, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT | flag, 1, (void *)none, NULL, 0));
	SHOW(futex(none, FUTEX_WAIT | flag, 0, NULL, NULL, 0));
	SHOW(futex(gone, FUTEX_WAIT | flag, 0, NULL, NULL, 0));
	SHOW(futex(top, FUTEX_WAIT | flag, 0, NULL, NULL, 0));
	SHOW(futex(odd, FUTEX_WAIT | flag, 0, NULL, NULL, 0));
	SHOW(futex(read, FUTEX_WAIT | flag, 1, NULL, NULL, 0));
	SHOW(futex(read, FUTEX_WAIT | flag, 0, &past, NULL, 0));
	SHOW(futex(shared, FUTEX_WAIT | flag, 0, &past, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT_BITSET | flag, 1, &past, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT_BITSET | flag, 1, &past, NULL, 1));
	SHOW(futex(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | flag, 1, &past, NULL, 1));
	SHOW(futex(word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME | flag, 1, &past, NULL, 1));
	SHOW(futex(word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME | flag, 1, &bad, NULL, 1));

	SHOW(futex(word, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME | flag, 1, NULL, NULL, 0));
	SHOW(futex(none, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(gone, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(top, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(odd, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(read, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(shared, FUTEX_WAKE | flag, 1, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_WAKE_BITSET | flag, 1, NULL, NULL, 0));

	SHOW(futex(word, FUTEX_REQUEUE | flag, 1, (void *)1, word, 0));
	SHOW(futex(gone, FUTEX_REQUEUE | flag, 1, (void *)1, word, 0));
	SHOW(futex(word, FUTEX_REQUEUE | flag, 1, (void *)1, gone, 0));
	SHOW(futex(word, FUTEX_REQUEUE | flag, 1, (void *)1, odd, 0));
	SHOW(futex(word, FUTEX_REQUEUE | flag, -1U, (void *)1, word, 0));
	SHOW(futex(word, FUTEX_REQUEUE | flag, 1, (void *)-1, word, 0));
	SHOW(futex(word, FUTEX_CMP_REQUEUE | flag, 1, (void *)1, word, 2));
	SHOW(futex(gone, FUTEX_CMP_REQUEUE | flag, 1, (void *)1, word, 0));
	SHOW(futex(word, FUTEX_CMP_REQUEUE | FUTEX_CLOCK_REALTIME | flag, 1, NULL, word, 1));

	SHOW(futex(word, FUTEX_WAKE_OP | flag, 1, (void *)1, none, 0));
	SHOW(futex(gone, FUTEX_WAKE_OP | flag, 1, (void *)1, word, 0x01000000));
	SHOW(futex(word, FUTEX_WAKE_OP | flag, 1, (void *)1, read, 0));
	SHOW(futex(word, FUTEX_WAKE_OP | flag, 1, (void *)1, word, 0x50000000));
	SHOW(futex(word, FUTEX_WAKE_OP | flag, 1, (void *)1, word, 0x06000000));

	*word = 1;
	SHOW(futex(gone, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(read, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(odd, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_LOCK_PI | flag, 0, &bad, NULL, 0));
	SHOW(futex(word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME | flag, 0, NULL, NULL, 0));
	SHOW(futex(gone, FUTEX_TRYLOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(gone, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0));
	SHOW(futex(word, FUTEX_WAIT_REQUEUE_PI | flag, 1, NULL, word, 0));
	SHOW(futex(word, FUTEX_WAIT_REQUEUE_PI | flag, 0, NULL, word + 1, 0));
	SHOW(futex(word, FUTEX_WAIT_REQUEUE_PI | flag, 1, &past, word + 1, 0));
	SHOW(futex(word, FUTEX_WAIT_REQUEUE_PI | flag, 1, &past, gone, 0));
	SHOW(futex(word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)1, word, 1));
	SHOW(futex(word, FUTEX_CMP_REQUEUE_PI | flag, 2, (void *)1, word + 1, 1));
	SHOW(futex(word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)1, word + 1, 2));
	SHOW(futex(word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)1, word + 1, 1));
	SHOW(futex(word, FUTEX_CMP_REQUEUE_PI | flag, 1, (void *)1, gone, 1));
	SHOW(futex(word, 2 | flag, 1, NULL, NULL, 0));
	SHOW(futex(word, 14 | flag, 1, NULL, NULL, 0));
}

static void errors_private(void)
{
	errors_of(FUTEX_PRIVATE_FLAG);
}

static void errors_shared(void)
{
	errors_of(0);
}

/* ---- who wakes ---- */

struct wait {
	volatile uint32_t *word;
	int op;
	uint32_t bits;
	long result;
};

static void *wait_once(void *arg)
{
	struct wait *w = arg;

	do
		w->result = futex(w->word, w->op, 0, NULL, NULL, w->bits);
	while (w->result < 0 && errno == EINTR);
	return NULL;
}

/* Threads that wait for a word. */
static void start(pthread_t *thread, struct wait *w, int count, volatile uint32_t *word, int op)
{
	for (int i = 0; i < count; i++) {
		w[i] = (struct wait){ word, op, 1U << i, -1 };
		NEED(pthread_create(&thread[i], NULL, wait_once, &w[i]) == 0);
	}
}

static void finish(pthread_t *thread, const struct wait *w, int count)
{
	for (int i = 0; i < count; i++) {
		NEED(pthread_join(thread[i], NULL) == 0);
		CHECK(w[i].result == 0);
	}
}

/* Repeats an operation until it has found so many. */
#define UNTIL(count, call)                                     \
	for (long found = 0, n; found < (count); found += n) { \
		n = (call);                                    \
		NEED(n >= 0 && found + n <= (count));          \
		if (!n)                                        \
			doze();                                \
	}

static void waking_of(volatile uint32_t *word, int flag)
{
	pthread_t thread[MANY];
	struct wait w[MANY];

	start(thread, w, MANY, word, FUTEX_WAIT | flag);
	UNTIL(MANY, futex(word, FUTEX_WAKE | flag, 3, NULL, NULL, 0));
	finish(thread, w, MANY);

	/* One at least, whatever is asked for. */
	start(thread, w, 2, word, FUTEX_WAIT | flag);
	UNTIL(2, futex(word, FUTEX_WAKE | flag, 0, NULL, NULL, 0));
	finish(thread, w, 2);

	start(thread, w, 2, word, FUTEX_WAIT_BITSET | flag);
	CHECK(futex(word, FUTEX_WAKE_BITSET | flag, MANY, NULL, NULL, 4) == 0);
	UNTIL(1, futex(word, FUTEX_WAKE_BITSET | flag, MANY, NULL, NULL, 6));
	UNTIL(1, futex(word, FUTEX_WAKE | flag, MANY, NULL, NULL, 0));
	finish(thread, w, 2);

	start(thread, w, MANY, word, FUTEX_WAIT | flag);
	UNTIL(MANY, futex(word, FUTEX_CMP_REQUEUE | flag, 0, (void *)MANY, word + 1, 0));
	CHECK(futex(word, FUTEX_WAKE | flag, MANY, NULL, NULL, 0) == 0);
	/* Two are awake, and the others wait for the first word again. */
	CHECK(futex(word + 1, FUTEX_REQUEUE | flag, 2, (void *)MANY, word, 0) == MANY);
	CHECK(futex(word, FUTEX_WAKE | flag, MANY, NULL, NULL, 0) == MANY - 2);
	finish(thread, w, MANY);

	start(thread, w, 2, word, FUTEX_WAIT | flag);
	start(thread + 2, w + 2, 3, word + 1, FUTEX_WAIT | flag);
	/* They are all there when they have been found on a third word and brought back. */
	UNTIL(2, futex(word, FUTEX_CMP_REQUEUE | flag, 0, (void *)9, word + 2, 0));
	UNTIL(3, futex(word + 1, FUTEX_CMP_REQUEUE | flag, 0, (void *)9, word + 3, 0));
	/* Add 5; nobody of the second word, since it was 0. */
	CHECK(futex(word + 2, FUTEX_WAKE_OP | flag, 1, (void *)9, word + 3,
		    FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 0)) == 1);
	CHECK(word[3] == 5);
	CHECK(futex(word + 2, FUTEX_WAKE_OP | flag, 9, (void *)2, word + 3,
		    FUTEX_OP(FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_EQ, 5)) == 3);
	CHECK(word[3] == 1);
	CHECK(futex(word + 2, FUTEX_WAKE_OP | flag, 9, (void *)2, word + 3,
		    FUTEX_OP((FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_NE, 5)) == 1);
	CHECK(word[3] == 16);
	finish(thread, w, 5);
	word[3] = 0;
}

static void waking_private(void)
{
	waking_of(prog_map(PAGE), FUTEX_PRIVATE_FLAG);
	waking_of(prog_shared(PAGE), FUTEX_PRIVATE_FLAG);
}

static void waking_shared(void)
{
	waking_of(prog_map(PAGE), 0);
	waking_of(prog_shared(PAGE), 0);
}

/* The same word has two names, where memory is private. */
static void two_names(void)
{
	volatile uint32_t *word = prog_map(PAGE);
	pthread_t thread;
	struct wait w;

	start(&thread, &w, 1, word, FUTEX_WAIT);
	UNTIL(1, futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1, word + 1, 0));
	CHECK(futex(word + 1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0) == 0);
	CHECK(futex(word + 1, FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
	finish(&thread, &w, 1);
}

/* ---- processes ---- */

static void wait_in_child(void *arg)
{
	volatile uint32_t *word = arg;

	CHECK(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
}

/* A word in shared memory, which each of them has at another address. */
static void processes(void)
{
	char *memory = prog_shared(2 * PAGE);
	volatile uint32_t *word = (void *)(memory + PAGE + 8);
	char *moved;
	pid_t child[3];

	for (int i = 0; i < 3; i++)
		child[i] = prog_fork(wait_in_child, (void *)word);
	moved = mremap(memory, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       (char *)prog_map(4 * PAGE) + PAGE);
	NEED(moved != MAP_FAILED);
	word = (void *)(moved + PAGE + 8);
	CHECK(futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 3, NULL, NULL, 0) == 0);
	UNTIL(3, futex(word, FUTEX_CMP_REQUEUE, 0, (void *)3, word + 1, 0));
	CHECK(futex(word + 1, FUTEX_WAKE, 3, NULL, NULL, 0) == 3);
	for (int i = 0; i < 3; i++)
		CHECK_EXIT(child[i], 0);
}

/* A waiter for memory that is gone does not take the wake of another one. */
static void *wait_for_gone(void *arg)
{
	/* Woken, or told of its end, by nobody: the process ends. */
	futex(arg, FUTEX_WAIT, 0, NULL, NULL, 0);
	return NULL;
}

static void unmapped(void)
{
	for (int round = 0; round < 20; round++) {
		volatile uint32_t *word = prog_shared(PAGE);
		pthread_t gone, thread;
		struct wait w;

		NEED(pthread_create(&gone, NULL, wait_for_gone, (void *)word) == 0);
		UNTIL(1, futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1, word + 1, 0));
		NEED(munmap((void *)word, PAGE) == 0);
		word = prog_shared(PAGE);
		start(&thread, &w, 1, word + 1, FUTEX_WAIT);
		UNTIL(1, futex(word + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
		finish(&thread, &w, 1);
	}
}

/* ---- time ---- */

static struct timespec later(int clock, long ns)
{
	int64_t at = now_ns(clock) + ns;

	return (struct timespec){ at / 1000000000, at % 1000000000 };
}

static void timeouts_of(int flag)
{
	volatile uint32_t *word = prog_map(PAGE);
	struct timespec ts = { .tv_nsec = 20000000 };
	int64_t from = now_ns(CLOCK_MONOTONIC);

	CHECK_FAILS(futex(word, FUTEX_WAIT | flag, 0, &ts, NULL, 0), ETIMEDOUT);
	CHECK(now_ns(CLOCK_MONOTONIC) - from >= 20000000);
	from = now_ns(CLOCK_MONOTONIC);
	ts = later(CLOCK_MONOTONIC, 20000000);
	CHECK_FAILS(futex(word, FUTEX_WAIT_BITSET | flag, 0, &ts, NULL, 1), ETIMEDOUT);
	CHECK(now_ns(CLOCK_MONOTONIC) - from >= 20000000);
	from = now_ns(CLOCK_REALTIME);
	ts = later(CLOCK_REALTIME, 20000000);
	CHECK_FAILS(futex(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | flag, 0, &ts, NULL, 1),
		    ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) - from >= 20000000);
	ts = later(CLOCK_MONOTONIC, 20000000);
	CHECK_FAILS(futex(word, FUTEX_WAIT_REQUEUE_PI | flag, 0, &ts, word + 1, 0), ETIMEDOUT);
}

static void timeouts(void)
{
	timeouts_of(0);
	timeouts_of(FUTEX_PRIVATE_FLAG);
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;

static void on_signal(int signo)
{
	(void)signo;
	signals++;
}

struct signalled {
	volatile uint32_t word;
	struct timespec *timeout;
	long result;
	int error;
};

static void *wait_signalled(void *arg)
{
	struct signalled *s = arg;

	errno = 0;
	s->result = futex(&s->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, s->timeout, NULL, 1);
	s->error = errno;
	return NULL;
}

/* A handler, once, while it waits; and then a wake, if that has not ended the wait. */
static void interrupt(const char *what, int flags, struct timespec *timeout)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	struct signalled s = { .timeout = timeout };
	pthread_t thread;

	signals = 0;
	NEED(sigaction(SIGUSR1, &action, NULL) == 0);
	NEED(pthread_create(&thread, NULL, wait_signalled, &s) == 0);
	/* It is there, and waits. */
	UNTIL(1, futex(&s.word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, (void *)1, &s.word, 0));
	NEED(pthread_kill(thread, SIGUSR1) == 0);
	while (!signals)
		doze();
	s.word = 1;
	futex(&s.word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	NEED(pthread_join(thread, NULL) == 0);
	/* A repeated wait finds the word changed, or is woken. */
	if (s.result == 0 || s.error == EAGAIN)
		say("%s: goes on", what);
	else
		say("%s: %s", what, strerrorname_np(s.error));
}

static void interrupted(void)
{
	struct timespec far = later(CLOCK_MONOTONIC, 100000000000);

	interrupt("no restart", 0, NULL);
	interrupt("restart", SA_RESTART, NULL);
	interrupt("no restart, timeout", 0, &far);
	interrupt("restart, timeout", SA_RESTART, &far);
}

/* ---- futex_waitv ---- */

static long waitv(struct futex_waitv *v, unsigned int count, unsigned int flags,
		  struct timespec *timeout, int clock)
{
	return syscall(SYS_futex_waitv, v, count, flags, timeout, clock);
}

static struct futex_waitv vector[129];
static volatile uint32_t vwords[129];

static void *wait_any(void *arg)
{
	int count = *(int *)arg;

	return (void *)waitv(vector, count, 0, NULL, CLOCK_MONOTONIC);
}

static void fill(uint32_t flags)
{
	for (int i = 0; i < 129; i++)
		vector[i] = (struct futex_waitv){
			.uaddr = (uint64_t)&vwords[i],
			.flags = FUTEX_32 | flags,
		};
}

static void waitv_wakes(uint32_t flags)
{
	int order[] = { 5, 0, 127, 64 }, count = 128;

	fill(flags);
	for (unsigned int i = 0; i < sizeof(order) / sizeof(*order); i++) {
		pthread_t thread;
		void *index;

		NEED(pthread_create(&thread, NULL, wait_any, &count) == 0);
		UNTIL(1, futex(&vwords[order[i]], FUTEX_WAKE | (flags & FUTEX_PRIVATE_FLAG), 1,
			       NULL, NULL, 0));
		NEED(pthread_join(thread, &index) == 0);
		CHECK((long)index == order[i]);
		/* It waits for none of the others any more. */
		for (int k = 0; k < 128; k++)
			CHECK(futex(&vwords[k], FUTEX_WAKE | (flags & FUTEX_PRIVATE_FLAG), 1, NULL,
				    NULL, 0) == 0);
	}
}

static void waitv_errors(void)
{
	struct timespec bad = { 0, -1 }, past = { 0, 1 }, soon;

	fill(FUTEX_PRIVATE_FLAG);
	SHOW(waitv(vector, 0, 0, NULL, CLOCK_MONOTONIC));
	SHOW(waitv(vector, 129, 0, NULL, CLOCK_MONOTONIC));
	SHOW(waitv(vector, 1, 1, NULL, CLOCK_MONOTONIC));
	SHOW(waitv(NULL, 1, 0, NULL, CLOCK_MONOTONIC));
	SHOW(waitv((void *)8, 1, 0, NULL, CLOCK_MONOTONIC));
	SHOW(waitv(vector, 1, 0, &past, CLOCK_BOOTTIME));
	SHOW(waitv(vector, 1, 0, &bad, CLOCK_MONOTONIC));
	SHOW(waitv(vector, 128, 0, &past, CLOCK_MONOTONIC));
	SHOW(waitv(vector, 128, 0, &past, CLOCK_REALTIME));
	soon = later(CLOCK_REALTIME, 20000000);
	SHOW(waitv(vector, 128, 0, &soon, CLOCK_REALTIME));
	vector[3].val = 1;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
	vector[4].uaddr++;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
	vector[4].uaddr = 8;
	vector[3].val = 0;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
	vector[4].flags = 0;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
	vector[4].flags = FUTEX_32 | 1;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
	vector[4].flags = FUTEX_32;
	vector[4].__reserved = 1;
	SHOW(waitv(vector, 128, 0, NULL, CLOCK_MONOTONIC));
}

static void vectors(void)
{
	waitv_errors();
	waitv_wakes(FUTEX_PRIVATE_FLAG);
	waitv_wakes(0);
}

static const struct prog_case cases[] = {
	{ "errors_private", errors_private },
	{ "errors_shared", errors_shared },
	{ "waking_private", waking_private },
	{ "waking_shared", waking_shared },
	{ "two_names", two_names },
	{ "processes", processes },
	{ "unmapped", unmapped },
	{ "timeouts", timeouts },
	{ "interrupted", interrupted },
	{ "vectors", vectors },
};
PROG_MAIN(cases)
