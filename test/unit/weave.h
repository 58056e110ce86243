/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the real code of a protocol with its two or three sides interleaved in
 * every way that a bounded number of delays allows.
 *
 * The files under test are compiled with -fsanitize=thread, but its callbacks
 * are weave.c's: before each access to memory that is not an actor's own stack
 * another actor may go on. Actors are coroutines of one thread, so a run is
 * repeatable, and the choices of all runs make a tree that is walked whole.
 * Without a delay, an actor runs until it waits or ends, and then the next in a
 * circle. A delay is an actor that would have its turn, at any step, and is
 * passed over: runs grow as a power of their number, and faults need few.
 * Each run begins with the program's data as the case's `prepare` left it.
 *
 * What it does not show: accesses that the processor reorders. Protocols that
 * rest on fences have a model of their own (test_hold.c).
 */
#ifndef WEAVE_H
#define WEAVE_H

#include <stdbool.h>
#include <stddef.h>

#define WEAVE_ACTORS 5

struct weave_case {
	const char *name;
	void (*prepare)(void); /* once, before the first run; may be NULL */
	void (*setup)(void); /* before each run; may be NULL */
	void (*actor[WEAVE_ACTORS])(void);
	void (*check)(void); /* after each run that came to its end; may be NULL */
	unsigned int delays; /* at most so many in a run */
};

/*
 * All cases, each a test. With WEAVE_BROKEN defined as the name of a case, the
 * code was broken on purpose, and that case alone is run and has to fail. An
 * argument of the program is a number of delays to be added.
 */
int weave_main(const struct weave_case *cases, size_t count, int argc, char **argv);

enum weave_wait {
	WEAVE_BLOCKED, /* it has to go on: if nobody else can, the run has failed */
	WEAVE_TIMED, /* its time is over when nothing else can happen */
	WEAVE_IDLE, /* a server without work: the run may end here */
};
/*
 * Until ready(arg), whose look is no step and which changes nothing. False: its
 * time is over. Outside of a run: true, nothing happens.
 */
bool weave_wait(enum weave_wait how, bool (*ready)(void *arg), void *arg);
/* The actor has looked by itself: until another changes anything. `look` is from before it looked. */
unsigned int weave_look(void);
bool weave_wait_change(enum weave_wait how, unsigned int look);
/* Another may go on here, too. For code that is not instrumented, in front of what it does as one step with this word. */
void weave_step(const void *addr, bool write);
/* Such code has changed something: who waits looks again. */
void weave_changed(void);
/* Called at each switch, if set, with the actor that goes on, and before `setup` with -1. */
extern void (*weave_on_switch)(int actor);
/* This actor's number in the case; -1 outside of a run. */
int weave_self(void);

/* This run shows a fault; does not return. */
void weave_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define weave_assert(cond)                                          \
	do {                                                        \
		if (!(cond))                                        \
			weave_fail("line %d: %s", __LINE__, #cond); \
	} while (0)

/* Memory for one run, never used twice; after weave_free() each access to it is a fault. */
void *weave_alloc(size_t size);
void weave_free(void *p);

/* What the files under test are compiled with in the place of the C library's. */
void *weave_memcpy(void *to, const void *from, size_t size);

#endif
