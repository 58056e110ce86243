/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two processes on one file, one of them on each kernel:
 *
 *	shared make FILE            pages, and a page of control in front
 *	shared change HOW FILE N    N times that are watched: nothing old is left ("truncate", "punch"), then new
 *	shared watch FILE           until that has ended, look for what is old
 *	shared write FILE           until that has ended, write to each page again and again
 *	shared wipe HOW FILE N      N times: take away what is written, and see that it is gone,
 *	                            and that what is written from then on is there
 *	shared count FILE N         add 1 to each counter, N times
 *	shared total FILE           the sum of the counters, by read(2)
 *	shared pass FILE WHO N      N turns of two processes, by futexes
 *	shared hold FILE HOW        take the mutex, say so, and sleep, with another thread beside;
 *	                            SIGTERM ends it by HOW: exit, crash
 *	shared inherit FILE         take it from its dead owner
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prog.h"

#define PAGES 32
#define SIZE ((1 + PAGES) * PAGE)

struct control {
	_Atomic unsigned long floor; /* what is less, and not 0, is old */
	_Atomic int ended;
	_Atomic unsigned long found; /* by watch(): pages with something in them */
	_Atomic unsigned long written; /* by write(): passes over all pages */
	_Atomic int turn;
	pthread_mutex_t mutex;
};

static int fd;
static struct control *control;

static _Atomic unsigned long *word(int page)
{
	return (void *)((char *)control + (1 + page) * PAGE);
}

static void map(const char *name)
{
	fd = open(name, O_RDWR);
	NEED(fd >= 0);
	control = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(control != MAP_FAILED);
}

static void make(const char *name)
{
	pthread_mutexattr_t attr;

	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);
	NEED(fd >= 0);
	NEED(ftruncate(fd, SIZE) == 0);
	map(name);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	NEED(pthread_mutex_init(&control->mutex, &attr) == 0);
}

static void take_away(const char *how)
{
	if (!strcmp(how, "truncate"))
		NEED(ftruncate(fd, PAGE) == 0);
	else
		NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE,
			       PAGES * PAGE) == 0);
}

/* So many rounds behind the first of which somebody has seen anything. */
static void change(const char *how, unsigned long rounds)
{
	for (unsigned long round = 1; rounds; round++) {
		rounds -= control->found != 0;
		take_away(how);
		control->floor = round;
		NEED(ftruncate(fd, SIZE) == 0);
		for (int i = 0; i < PAGES; i++) {
			/* By turns through the file and through the mapping. */
			if ((round + i) % 2)
				NEED(pwrite(fd, &round, sizeof(round), (1 + i) * PAGE) ==
				     sizeof(round));
			else
				*word(i) = round;
		}
	}
	control->ended = 1;
}

static sigjmp_buf beyond;

static void on_bus(int signo)
{
	siglongjmp(beyond, signo);
}

/* The file may be short at this moment. */
static unsigned long load(int page)
{
	if (sigsetjmp(beyond, 0))
		return 0;
	return *word(page);
}

static void watch(void)
{
	unsigned long old = 0, looks = 0, new = 0;
	struct sigaction action = { .sa_handler = on_bus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	while (!control->ended) {
		for (int i = 0; i < PAGES; i++, looks++) {
			unsigned long floor = control->floor, found = load(i);

			old += found && found < floor;
			new += found != 0;
		}
		control->found = new;
	}
	say("old: %lu, looked: %s, found: %s", old, looks ? "yes" : "no", new ? "yes" : "no");
}

/* False: the file is short at this moment. */
static bool store(int page, unsigned long value)
{
	if (sigsetjmp(beyond, 0))
		return false;
	*word(page) = value;
	return true;
}

static void write_on(void)
{
	unsigned long pass = 0, wrong = 0;
	struct sigaction action = { .sa_handler = on_bus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	while (!control->ended) {
		pass++;
		for (int i = 0; i < PAGES; i++) {
			unsigned long found = store(i, pass) ? load(i) : 0;

			wrong += found && found != pass;
		}
		control->written = pass;
	}
	say("wrong: %lu", wrong);
}

/* Until all pages have been written to once more, from now on. */
static unsigned long await_pass(void)
{
	unsigned long pass = control->written + 2;

	while (control->written < pass)
		sched_yield();
	return pass;
}

static unsigned long in_file(int page)
{
	unsigned long value;

	NEED(pread(fd, &value, sizeof(value), (1 + page) * PAGE) == sizeof(value));
	return value;
}

static void wipe(const char *how, unsigned long rounds)
{
	unsigned long old = 0, lost = 0;

	while (rounds--) {
		unsigned long floor = await_pass(), found;

		take_away(how);
		NEED(ftruncate(fd, SIZE) == 0);
		for (int i = 0; i < PAGES; i++) {
			found = in_file(i);
			old += found && found < floor;
		}
		floor = await_pass();
		for (int i = 0; i < PAGES; i++)
			lost += in_file(i) < floor;
	}
	control->ended = 1;
	say("old: %lu, lost: %lu", old, lost);
}

static void count(unsigned long rounds)
{
	while (rounds--)
		for (int i = 0; i < PAGES; i++)
			atomic_fetch_add(word(i), 1);
}

static void total(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < PAGES; i++)
		sum += in_file(i);
	say("%lu", sum);
}

static void pass(int who, int turns)
{
	int *turn = (int *)&control->turn;

	for (int i = 0; i < turns; i++) {
		/* One look serves both: what is waited on must be a turn of the other's. */
		for (int seen; (seen = control->turn) != 2 * i + who;)
			syscall(SYS_futex, turn, FUTEX_WAIT, seen, NULL, NULL, 0);
		control->turn++;
		syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	say("%d turns", turns);
}

static const char *how_to_end;

static void on_term(int signo)
{
	(void)signo;
	if (!strcmp(how_to_end, "exit"))
		_exit(0);
	*(volatile int *)NULL = 0;
}

static void *beside(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void hold(const char *how)
{
	pthread_t thread;

	how_to_end = how;
	NEED(pthread_create(&thread, NULL, beside, NULL) == 0);
	NEED(pthread_mutex_lock(&control->mutex) == 0);
	NEED(signal(SIGTERM, on_term) != SIG_ERR);
	say("held");
	for (;;)
		pause();
}

static void inherit(void)
{
	say("%s", strerrorname_np(pthread_mutex_lock(&control->mutex)));
	NEED(pthread_mutex_consistent(&control->mutex) == 0);
	NEED(pthread_mutex_unlock(&control->mutex) == 0);
	NEED(pthread_mutex_lock(&control->mutex) == 0);
	NEED(pthread_mutex_unlock(&control->mutex) == 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "make")) {
		make(argv[2]);
		prog_exit();
	}
	NEED(argc > 2);
	map(argv[!strcmp(what, "change") || !strcmp(what, "wipe") ? 3 : 2]);
	if (!strcmp(what, "change") && argc == 5)
		change(argv[2], strtoul(argv[4], NULL, 10));
	else if (!strcmp(what, "watch"))
		watch();
	else if (!strcmp(what, "write"))
		write_on();
	else if (!strcmp(what, "wipe") && argc == 5)
		wipe(argv[2], strtoul(argv[4], NULL, 10));
	else if (!strcmp(what, "count") && argc == 4)
		count(strtoul(argv[3], NULL, 10));
	else if (!strcmp(what, "total"))
		total();
	else if (!strcmp(what, "pass") && argc == 5)
		pass(atoi(argv[3]), atoi(argv[4]));
	else if (!strcmp(what, "hold") && argc == 4)
		hold(argv[3]);
	else if (!strcmp(what, "inherit"))
		inherit();
	else
		NEED(false);
	prog_exit();
}
