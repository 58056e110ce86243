// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "threads.h"

#include <err.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- alone ---- */

void threads_gettid(void)
{
	syscall(SYS_gettid);
}

/* By the call: the C library's needs none where the clock can be read without. */
void threads_clock(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
}

void threads_yield(void)
{
	sched_yield();
}

static void *nothing(void *arg)
{
	return arg;
}

void threads_create(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL))
		err(1, "pthread_create");
	pthread_join(thread, NULL);
}

static void handler(int signo)
{
	(void)signo;
}

void threads_handler(void)
{
	if (signal(SIGUSR1, handler) == SIG_ERR)
		err(1, "signal");
}

void threads_signal(void)
{
	raise(SIGUSR1);
}

/* ---- with a partner ---- */

static pthread_t partner;
static cpu_set_t allowed; /* to this thread, before it was bound */
static _Atomic int asked, answered; /* rounds; negative: end */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn; /* under mutex: 0 is ours, 1 the partner's, -1: end */
static pthread_barrier_t barrier;
static _Atomic bool over; /* between two barriers */

/* The CPU of this number among those that may be used; from the end: -1. */
static void bind_to(pthread_t thread, int n)
{
	cpu_set_t all, one;
	int cpu = n < 0 ? CPU_SETSIZE - 1 : 0;

	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu, &all))
		cpu += n < 0 ? -1 : 1;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	errno = pthread_setaffinity_np(thread, sizeof(one), &one);
	if (errno)
		err(1, "CPU %d", cpu);
}

/* The partner first: what this thread may use is asked for both. */
static void start(void *(*body)(void *))
{
	errno = pthread_create(&partner, NULL, body, NULL);
	if (errno)
		err(1, "pthread_create");
	bind_to(partner, -1);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	bind_to(pthread_self(), 0);
}

static void stop(void)
{
	pthread_join(partner, NULL);
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

static void wake(_Atomic int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Sleeps while the word is `value`; what it is then. */
static int await_other(_Atomic int *word, int value)
{
	int now;

	while ((now = *word) == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
	return now;
}

static void *answer(void *arg)
{
	int round = 0;

	(void)arg;
	while ((round = await_other(&asked, round)) >= 0) {
		answered = round;
		wake(&answered);
	}
	return NULL;
}

void threads_pong_start(void)
{
	asked = answered = 0;
	start(answer);
	threads_pong();
}

void threads_pong(void)
{
	int round = answered;

	asked = round + 1;
	wake(&asked);
	await_other(&answered, round);
}

void threads_pong_stop(void)
{
	asked = -1;
	wake(&asked);
	stop();
}

/* Wait for the turn, unless it is over, and pass it on. */
static bool take_turn(int mine)
{
	bool taken;

	pthread_mutex_lock(&mutex);
	while (turn == !mine)
		pthread_cond_wait(&changed, &mutex);
	taken = turn == mine;
	if (taken) {
		turn = !mine;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&mutex);
	return taken;
}

static void *take_turns(void *arg)
{
	(void)arg;
	while (take_turn(1))
		continue;
	return NULL;
}

void threads_turns_start(void)
{
	turn = 0;
	start(take_turns);
	threads_turns();
}

void threads_turns(void)
{
	take_turn(0);
	/* Until it is ours again. */
	pthread_mutex_lock(&mutex);
	while (turn)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

void threads_turns_stop(void)
{
	pthread_mutex_lock(&mutex);
	turn = -1;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
	stop();
}

static void *meet(void *arg)
{
	(void)arg;
	do
		pthread_barrier_wait(&barrier);
	while (!over);
	return NULL;
}

void threads_barrier_start(void)
{
	over = false;
	pthread_barrier_init(&barrier, NULL, 2);
	start(meet);
	threads_barriers();
}

void threads_barriers(void)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
}

void threads_barrier_stop(void)
{
	over = true;
	pthread_barrier_wait(&barrier);
	stop();
	pthread_barrier_destroy(&barrier);
}
