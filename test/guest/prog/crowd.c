/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads by the thousand in one process; and where their number ends. */
#include <grp.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prog.h"

#define NOBODY 65534

/* Threads that were about to sleep, that have been woken, that were told nonsense; atomic. */
static unsigned int asleep, awake, wrong;
static unsigned int go; /* what they sleep on */
static pid_t group;

static long futex(unsigned int *word, int op, unsigned int value)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* Runs, sleeps, is woken, asks Linux, and ends. */
static void *member(void *arg)
{
	const uintptr_t number = (uintptr_t)arg;

	__atomic_add_fetch(&asleep, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		futex(&go, FUTEX_WAIT, 0);
	if (getpgid(0) != group)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
	return (void *)(number * 7);
}

static void await_count(const unsigned int *counter, unsigned int count)
{
	while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < count)
		usleep(10000);
}

/* As many as `most`, or until one is refused: then *err says why. */
static unsigned int gather(pthread_t *thread, unsigned int most, int *err)
{
	pthread_attr_t attr;
	unsigned int n;

	group = getpgid(0);
	asleep = awake = go = 0;
	*err = 0;
	NEED(pthread_attr_init(&attr) == 0);
	NEED(pthread_attr_setstacksize(&attr, 65536) == 0);
	for (n = 0; n < most && !*err; n++)
		*err = pthread_create(&thread[n], &attr, member, (void *)(uintptr_t)n);
	n -= *err != 0;
	await_count(&asleep, n);
	return n;
}

static void dismiss(pthread_t *thread, unsigned int count)
{
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	futex(&go, FUTEX_WAKE, INT_MAX);
	for (unsigned int i = 0; i < count; i++) {
		void *result = NULL;

		CHECK(pthread_join(thread[i], &result) == 0);
		CHECK((uintptr_t)result == i * 7UL);
	}
	CHECK(awake == count);
	CHECK(wrong == 0);
}

int main(int argc, char **argv)
{
	const char *how = argc == 3 ? argv[1] : "";
	unsigned int most = argc == 3 ? (unsigned int)atoi(argv[2]) : 0, count;
	pthread_t *thread = calloc(most + 1, sizeof(*thread));
	int err;

	if (!thread || !most) {
		fprintf(stderr, "usage: crowd run|linger|until|until-nproc THREADS\n");
		return 2;
	}
	if (!strcmp(how, "until-nproc")) {
		const struct rlimit limit = { 30, 30 };

		NEED(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
		NEED(setrlimit(RLIMIT_NPROC, &limit) == 0);
	}
	count = gather(thread, most, &err);
	if (!strcmp(how, "linger")) {
		NEED(count == most);
		say("ready");
		for (;;)
			pause();
	}
	if (strcmp(how, "run") != 0)
		say("%u threads, then %s", count, strerrorname_np(err));
	else
		CHECK(count == most);
	dismiss(thread, count);
	/* What was refused has left nothing behind it. */
	CHECK(gather(thread, 3, &err) == 3);
	dismiss(thread, 3);
	say("all have ended");
	prog_exit();
}
