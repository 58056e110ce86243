/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes between processes: time sharing beside a long wait, dead owners, refusals. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static long futex(volatile int *word, int op, int value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, ~0U);
}

static void on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set) == 0);
}

struct turns {
	volatile int wait; /* what the waiter waits for to change */
	volatile int waits; /* it is about to */
	volatile int turn; /* whose it is, of two that compute */
};

static void wait_long(void *arg)
{
	static const struct timespec timeout = { .tv_sec = 100 };
	struct turns *t = arg;

	t->waits = 1;
	while (t->wait == 0)
		CHECK(futex(&t->wait, FUTEX_WAIT, 0, &timeout) == 0 || errno == EAGAIN);
}

#define TURNS 20

/* Takes turns with another by computing alone. */
static void take_turns(struct turns *t, int me)
{
	while (t->turn < 2 * TURNS)
		if (t->turn % 2 == me)
			t->turn = t->turn + 1;
}

static void first(void *arg)
{
	take_turns(arg, 0);
}

static void second(void *arg)
{
	take_turns(arg, 1);
}

/* Two that compute on one CPU share it, also while a third waits there with a time limit far away. */
static void sharing(void)
{
	struct turns *t = prog_shared(sizeof(*t));
	pid_t waiter, one, two;

	on_one_cpu();
	waiter = prog_fork(wait_long, t);
	while (!t->waits)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	/* The CPU is idle now but for the wait. */
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	one = prog_fork(first, t);
	two = prog_fork(second, t);
	CHECK_EXIT(one, 0);
	CHECK_EXIT(two, 0);
	t->wait = 1;
	CHECK(futex(&t->wait, FUTEX_WAKE, 1, NULL) >= 0);
	CHECK_EXIT(waiter, 0);
}

#define HANDOVERS 4000
#define MAPPINGS 10000

/* Changes the word when it is this one's turn, and else waits until the other has. */
static void hand_over(struct turns *t, int me)
{
	int seen;

	while ((seen = t->turn) < HANDOVERS) {
		if (seen % 2 == me) {
			t->turn = seen + 1;
			NEED(futex(&t->turn, FUTEX_WAKE, 1, NULL) >= 0);
		} else {
			NEED(futex(&t->turn, FUTEX_WAIT, seen, NULL) == 0 || errno == EAGAIN);
		}
	}
}

/* With many mappings, of which the kernel has to find the word's: that takes time. */
static void even(void *arg)
{
	char *pages = prog_map(MAPPINGS * PAGE);

	for (int i = 0; i < MAPPINGS; i += 2)
		NEED(mprotect(pages + i * PAGE, PAGE, PROT_READ) == 0);
	hand_over(arg, 0);
}

static void odd(void *arg)
{
	hand_over(arg, 1);
}

/* No wake is lost that comes just as the other begins to wait. */
static void handovers(void)
{
	struct turns *t = prog_shared(sizeof(*t));
	pid_t one = prog_fork(even, t), two = prog_fork(odd, t);

	CHECK_EXIT(one, 0);
	CHECK_EXIT(two, 0);
}

static void on_signal(int signo)
{
	(void)signo;
}

static void wait_for_ever(void *arg)
{
	struct turns *t = arg;

	on_one_cpu();
	NEED(signal(SIGUSR1, on_signal) != SIG_ERR);
	t->waits = 1;
	for (;;)
		futex(&t->wait, FUTEX_WAIT, 0, NULL);
}

static void compute(void *arg)
{
	(void)arg;
	on_one_cpu();
	for (;;)
		;
}

/* A waiter is told of a signal that it handles, and is killed before its turn to run comes. */
static void killed(void)
{
	struct turns *t = prog_shared(sizeof(*t));
	pid_t busy[2] = { prog_fork(compute, NULL), prog_fork(compute, NULL) };

	for (int round = 0; round < 30; round++) {
		pid_t pid;

		t->waits = 0;
		pid = prog_fork(wait_for_ever, t);
		while (!t->waits)
			sched_yield();
		CHECK(kill(pid, SIGUSR1) == 0);
		for (volatile int turns = round * 20000; turns > 0; turns--)
			;
		CHECK(kill(pid, SIGKILL) == 0);
		CHECK_KILLED(pid, SIGKILL);
	}
	for (int i = 0; i < 2; i++) {
		CHECK(kill(busy[i], SIGKILL) == 0);
		CHECK_KILLED(busy[i], SIGKILL);
	}
}

/* ---- robust mutexes ---- */

struct robust {
	pthread_mutex_t mutex[3];
	volatile int locked;
};

static void lock_all(struct robust *r)
{
	for (int i = 0; i < 3; i++)
		NEED(pthread_mutex_lock(&r->mutex[i]) == 0);
	r->locked = 1;
}

static void lock_and_exit(void *arg)
{
	lock_all(arg);
	NEED(pthread_mutex_unlock(&((struct robust *)arg)->mutex[1]) == 0);
}

static void lock_and_wait(void *arg)
{
	lock_all(arg);
	for (;;)
		pause();
}

static void lock_and_crash(void *arg)
{
	lock_all(arg);
	__builtin_trap();
}

static struct robust *robust_make(void)
{
	struct robust *r = prog_shared(sizeof(*r));
	pthread_mutexattr_t attr;

	NEED(pthread_mutexattr_init(&attr) == 0);
	NEED(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
	NEED(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
	for (int i = 0; i < 3; i++)
		NEED(pthread_mutex_init(&r->mutex[i], &attr) == 0);
	return r;
}

/* What the dead have left can be taken, and is known to be theirs. */
static void take_over(struct robust *r, int unlocked)
{
	for (int i = 0; i < 3; i++) {
		CHECK(pthread_mutex_lock(&r->mutex[i]) == (i == unlocked ? 0 : EOWNERDEAD));
		if (i != unlocked)
			CHECK(pthread_mutex_consistent(&r->mutex[i]) == 0);
		CHECK(pthread_mutex_unlock(&r->mutex[i]) == 0);
	}
}

static void owner_died(void)
{
	struct robust *r = robust_make();
	pid_t pid;

	CHECK_EXIT(prog_fork(lock_and_exit, r), 0);
	take_over(r, 1);
	CHECK_KILLED(prog_fork(lock_and_crash, r), SIGILL);
	take_over(r, -1);
	r->locked = 0;
	pid = prog_fork(lock_and_wait, r);
	while (!r->locked)
		sched_yield();
	CHECK(kill(pid, SIGKILL) == 0);
	/* Waits for the dead one's wake. */
	take_over(r, -1);
	CHECK_KILLED(pid, SIGKILL);
}

/* A list that is none does nobody any harm. */
static void bad_list(void *list)
{
	NEED(syscall(SYS_set_robust_list, list, 24) == 0);
}

static void bad_lists(void)
{
	long *ring = prog_map(PAGE);

	ring[0] = (long)(ring + 8);
	ring[1] = 16;
	ring[8] = (long)(ring + 8); /* never comes back to the head */
	ring[2] = 1;
	CHECK_EXIT(prog_fork(bad_list, ring), 0);
	CHECK_EXIT(prog_fork(bad_list, (void *)8), 0);
	CHECK_EXIT(prog_fork(bad_list, (void *)0xffffffff81000000UL), 0);
	ring[0] = 0x10;
	CHECK_EXIT(prog_fork(bad_list, ring), 0);
	CHECK_FAILS(syscall(SYS_set_robust_list, ring, 23), EINVAL);
}

/* ---- refusals ---- */

static void refusals(void)
{
	struct timespec none = { 0, 0 }, bad = { 0, 1000000000 };
	int word = 1;

	CHECK_FAILS(futex(&word, FUTEX_WAIT, 0, NULL), EAGAIN);
	CHECK_FAILS(futex(&word, FUTEX_WAIT, 1, &none), ETIMEDOUT);
	CHECK_FAILS(futex(&word, FUTEX_WAIT, 1, &bad), EINVAL);
	CHECK_FAILS(futex(&word, FUTEX_WAIT, 1, (void *)8), EFAULT);
	CHECK_FAILS(futex((int *)((char *)&word + 1), FUTEX_WAIT, 1, &none), EINVAL);
	CHECK_FAILS(futex((int *)8, FUTEX_WAIT, 1, &none), EFAULT);
	CHECK_FAILS(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &none), ENOSYS);
	CHECK_FAILS(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL), ENOSYS);
	CHECK_FAILS(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_CLOCK_REALTIME, 1, NULL), ENOSYS);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &none), ETIMEDOUT);
	CHECK_FAILS(futex(&word, 77, 1, &none), ENOSYS);
	CHECK(futex(&word, FUTEX_WAKE, 1, NULL) == 0);
}

static const struct prog_case cases[] = {
	{ "sharing", sharing },	      { "handovers", handovers }, { "killed", killed },
	{ "owner_died", owner_died }, { "bad_lists", bad_lists }, { "refusals", refusals },
};
PROG_MAIN(cases)
