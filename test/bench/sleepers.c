// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sleepers.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A cache line each. */
struct sleeper {
	_Atomic int word; /* 0: sleep; -1: end */
	pthread_t thread;
} __attribute__((aligned(64)));

static struct sleeper *sleepers; /* the last one is sleepers_pair()'s */
static int count;
static _Atomic int begun;
static _Atomic int mine; /* what sleepers_pair() sleeps for */

static void futex(_Atomic int *word, int op, int value)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void *sleep_on(void *arg)
{
	struct sleeper *s = arg;
	int value;

	begun++;
	while ((value = atomic_exchange(&s->word, 0)) >= 0) {
		if (value) {
			mine = 1;
			futex(&mine, FUTEX_WAKE, 1);
		}
		futex(&s->word, FUTEX_WAIT, 0);
	}
	return NULL;
}

static cpu_set_t allowed; /* to this thread, before it was bound */

static void bind_here(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

void sleepers_start(int sleeping)
{
	pthread_attr_t attr;

	bind_here();
	count = sleeping + 1;
	begun = 0;
	sleepers = aligned_alloc(64, count * sizeof(*sleepers));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	for (int i = 0; i < count; i++) {
		sleepers[i].word = 0;
		errno = pthread_create(&sleepers[i].thread, &attr, sleep_on, &sleepers[i]);
		if (errno)
			err(1, "thread %d", i);
	}
	/* All share this CPU: whoever has begun sleeps when this thread has it again. */
	while (begun < count)
		usleep(1000);
	usleep(100000);
	sleepers_pair();
}

void sleepers_stop(void)
{
	for (int i = 0; i < count; i++) {
		sleepers[i].word = -1;
		futex(&sleepers[i].word, FUTEX_WAKE, 1);
	}
	for (int i = 0; i < count; i++)
		pthread_join(sleepers[i].thread, NULL);
	free(sleepers);
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

void sleepers_pair(void)
{
	_Atomic int *word = &sleepers[count - 1].word;

	mine = 0;
	*word = 1;
	futex(word, FUTEX_WAKE, 1);
	while (!mine)
		futex(&mine, FUTEX_WAIT, 0);
}
