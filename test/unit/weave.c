// SPDX-License-Identifier: GPL-2.0-only
/* The scheduler of the interleaving tests, and what -fsanitize=thread calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <cmocka.h>

#include "weave.h"

#define STACK_SIZE 65536
#define STEPS_MAX 50000 /* a run that takes more does not end */
#define RUNS_MAX 20000000
#define CHOICES_MAX 4096
#define HEAP_SIZE 262144
#define SWITCHES_MAX 64
#define WORDS_MAX 65536 /* a power of two */

#ifndef WEAVE_BROKEN
#define WEAVE_BROKEN "" /* nothing is */
#endif
static const char broken[] = WEAVE_BROKEN;
static unsigned int more; /* delays than the cases say: the program's argument */

enum actor_state { ENDED, READY, WAITING };

struct actor {
	enum actor_state state;
	enum weave_wait how; /* while WAITING, */
	bool (*ready)(void *arg); /* for this, or, NULL, for a change */
	void *arg;
	unsigned int seen; /* changes by others when it looked last */
	unsigned int own; /* of the changes */
	bool timed_out;
	ucontext_t context;
	char stack[STACK_SIZE] __attribute__((aligned(16)));
};

struct choice {
	unsigned short taken, of;
};

/* Eight bytes of memory, by all runs of the case so far. */
struct word {
	uintptr_t at; /* 0: unused */
	int by; /* the actor, or MANY */
	bool written;
};
#define MANY (-1)

void (*weave_on_switch)(int actor);

/* All that changes in a run is here, outside of the data that each run finds as it was. */
static struct weave {
	const struct weave_case *now;
	struct actor actor[WEAVE_ACTORS];
	unsigned int actors;
	int self; /* -1: no actor runs */
	ucontext_t main;

	struct choice choice[CHOICES_MAX];
	unsigned int choices, at;
	unsigned int delays, steps, changes;
	unsigned int bound; /* of the delays */
	unsigned long runs;
	struct word word[WORDS_MAX];
	unsigned int words;
	bool learnt; /* that a word is shared: the walk begins anew */
	bool failed;
	char why[200];

	struct {
		unsigned int step;
		int from, to;
		const void *pc;
	} switches[SWITCHES_MAX];
	unsigned int switch_count;

	unsigned char *data; /* the program's data at the start of each run */
	unsigned char heap[HEAP_SIZE] __attribute__((aligned(64)));
	unsigned char freed[HEAP_SIZE / 16];
	size_t heap_used;
} * w;

extern char __data_start[], _end[];

static void touch(const void *addr, bool write, const void *pc);

/* ---- the tree of choices ---- */

/* One of `of` ways to go on; the n-th costs n delays. */
static unsigned int choose(unsigned int of)
{
	unsigned int taken;

	if (of > w->delays + 1)
		of = w->delays + 1;
	if (of <= 1)
		return 0;
	if (w->at == w->choices) {
		if (w->choices == CHOICES_MAX)
			weave_fail("too many choices");
		w->choice[w->choices++] = (struct choice){ 0, (unsigned short)of };
	}
	if (w->choice[w->at].of != of)
		weave_fail("the run does not repeat itself");
	taken = w->choice[w->at++].taken;
	w->delays -= taken;
	return taken;
}

/* The next path; false: all have been walked. */
static bool advance(void)
{
	while (w->choices) {
		struct choice *last = &w->choice[w->choices - 1];

		if (++last->taken < last->of)
			return true;
		w->choices--;
	}
	return false;
}

/* ---- switching ---- */

static bool enabled(int i)
{
	const struct actor *a = &w->actor[i];

	int self = w->self;
	bool yes;

	if (a->state != WAITING)
		return a->state == READY;
	if (a->timed_out)
		return true;
	if (!a->ready)
		return a->seen != w->changes - a->own;
	/* Our question is not a step. */
	w->self = -1;
	yes = a->ready(a->arg);
	w->self = self;
	return yes;
}

/* The n-th behind the current one that may run; -1: there are fewer. */
static int other(unsigned int n)
{
	int count = (int)w->actors;

	for (int k = 1; k <= count; k++) {
		int i = (w->self + k) % count;

		if (i != w->self && enabled(i) && !n--)
			return i;
	}
	return -1;
}

static unsigned int others(void)
{
	unsigned int n = 0;

	while (other(n) >= 0)
		n++;
	return n;
}

static void go(int to, const void *pc)
{
	int from = w->self;

	if (w->switch_count < SWITCHES_MAX) {
		w->switches[w->switch_count].step = w->steps;
		w->switches[w->switch_count].from = from;
		w->switches[w->switch_count].to = to;
		w->switches[w->switch_count++].pc = pc;
	}
	w->self = to;
	w->actor[to].state = READY;
	if (weave_on_switch)
		weave_on_switch(to);
	swapcontext(from < 0 ? &w->main : &w->actor[from].context, &w->actor[to].context);
}

/* Nobody can run: is it the end, or time that passes? */
static void nobody(void)
{
	for (unsigned int i = 0; i < w->actors; i++) {
		struct actor *a = &w->actor[i];

		if (a->state != WAITING || a->how != WEAVE_TIMED)
			continue;
		a->timed_out = true;
		return;
	}
	for (unsigned int i = 0; i < w->actors; i++)
		if (w->actor[i].state == WAITING && w->actor[i].how == WEAVE_BLOCKED)
			weave_fail("actor %u waits for ever", i);
}

/* The current actor cannot go on, or has ended. */
static void leave(const void *pc)
{
	unsigned int n = others();

	if (!n && !enabled(w->self)) {
		nobody();
		n = others();
	}
	if (n)
		go(other(choose(n)), pc);
	else if (!enabled(w->self))
		swapcontext(&w->actor[w->self].context, &w->main);
}

/*
 * Do two actors meet in this word, one of them writing? Before an access to
 * any other it is no use to switch: before the next that does, is the same.
 */
static bool is_shared(uintptr_t at, bool write)
{
	unsigned int i = (at >> 3) * 2654435761u % WORDS_MAX;
	struct word *word;
	bool before;

	while (w->word[i].at && w->word[i].at != at >> 3)
		i = (i + 1) % WORDS_MAX;
	word = &w->word[i];
	if (!word->at) {
		if (++w->words > WORDS_MAX / 2)
			weave_fail("too much memory");
		*word = (struct word){ at >> 3, w->self, write };
		return false;
	}
	before = word->by == MANY && word->written;
	word->written |= write;
	if (word->by != w->self)
		word->by = MANY;
	w->learnt |= !before && word->by == MANY && word->written;
	return before;
}

static void step_at(const void *addr, bool write, const void *pc)
{
	unsigned int n, taken;

	if (++w->steps > STEPS_MAX)
		weave_fail("the run does not end");
	if (!is_shared((uintptr_t)addr, write) || !w->delays)
		return;
	n = others();
	taken = choose(n + 1);
	if (!taken)
		return;
	go(other(taken - 1), pc);
}

void weave_step(const void *addr, bool write)
{
	if (w && w->self >= 0)
		touch(addr, write, __builtin_return_address(0));
}

void weave_changed(void)
{
	if (!w || w->self < 0)
		return;
	w->changes++;
	w->actor[w->self].own++;
}

unsigned int weave_look(void)
{
	return w->self < 0 ? 0 : w->changes - w->actor[w->self].own;
}

static bool wait_here(enum weave_wait how, const void *pc)
{
	struct actor *a = &w->actor[w->self];

	if (++w->steps > STEPS_MAX)
		weave_fail("the run does not end");
	a->state = WAITING;
	a->how = how;
	a->timed_out = false;
	if (!enabled(w->self) || others())
		leave(pc);
	a->state = READY;
	return !a->timed_out;
}

bool weave_wait_change(enum weave_wait how, unsigned int look)
{
	if (w->self < 0)
		return true;
	w->actor[w->self].ready = NULL;
	w->actor[w->self].seen = look;
	return wait_here(how, __builtin_return_address(0));
}

bool weave_wait(enum weave_wait how, bool (*ready)(void *arg), void *arg)
{
	if (w->self < 0 || ready(arg))
		return true;
	w->actor[w->self].ready = ready;
	w->actor[w->self].arg = arg;
	return wait_here(how, __builtin_return_address(0));
}

int weave_self(void)
{
	return w->self;
}

/* ---- a run ---- */

static void actor_body(void)
{
	w->now->actor[w->self]();
	w->actor[w->self].state = ENDED;
	weave_changed();
	leave(NULL);
	abort();
}

void weave_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	w->failed = true;
	w->self = -1;
	setcontext(&w->main);
	abort();
}

static void run(void)
{
	volatile bool begun = false;

	w->at = w->steps = w->changes = w->switch_count = 0;
	w->delays = w->bound;
	w->self = -1;
	memcpy(__data_start, w->data, _end - __data_start);
	memset(w->freed, 0, w->heap_used / 16);
	memset(w->heap, 0, w->heap_used);
	w->heap_used = 0;
	/* A fault that a check finds comes back here too. */
	getcontext(&w->main);
	if (begun)
		return;
	begun = true;
	if (weave_on_switch)
		weave_on_switch(-1);
	if (w->now->setup)
		w->now->setup();
	for (unsigned int i = 0; i < w->actors; i++) {
		struct actor *a = &w->actor[i];

		getcontext(&a->context);
		a->context.uc_stack.ss_sp = a->stack;
		a->context.uc_stack.ss_size = sizeof(a->stack);
		a->context.uc_link = NULL;
		a->state = READY;
		a->own = 0;
		makecontext(&a->context, actor_body, 0);
	}
	go(other(choose(others())), NULL);
	w->self = -1;
	getcontext(&w->main);
	if (!w->failed && w->now->check)
		w->now->check();
}

static void print_switches(void)
{
	for (unsigned int i = 0; i < w->switch_count; i++)
		print_message("step %u: %d to %d before %p\n", w->switches[i].step,
			      w->switches[i].from, w->switches[i].to, w->switches[i].pc);
}

/* All runs with at most so many delays. */
static void walk(unsigned int bound)
{
	w->bound = bound;
	w->choices = 0;
	do {
		w->learnt = false;
		run();
		if (++w->runs == RUNS_MAX) {
			w->failed = true;
			snprintf(w->why, sizeof(w->why), "there are more runs than that");
		}
		if (w->learnt)
			w->choices = 0;
	} while (!w->failed && (w->learnt || advance()));
}

/* True: no run has failed. Few delays first: what they show is easier to read. */
static bool explore(const struct weave_case *c)
{
	w->now = c;
	w->actors = 0;
	while (w->actors < WEAVE_ACTORS && c->actor[w->actors])
		w->actors++;
	memset(w->word, 0, sizeof(w->word));
	w->words = 0;
	w->runs = 0;
	w->failed = false;
	w->self = -1;
	if (c->prepare)
		c->prepare();
	w->data = malloc(_end - __data_start);
	memcpy(w->data, __data_start, _end - __data_start);
	for (unsigned int bound = 0; bound <= c->delays + more && !w->failed; bound++)
		walk(bound);
	print_message("%s: %lu runs%s%s\n", c->name, w->runs, w->failed ? ": " : "",
		      w->failed ? w->why : "");
	memcpy(__data_start, w->data, _end - __data_start);
	free(w->data);
	return !w->failed;
}

static void test_case(void **state)
{
	bool ok = explore(*state);

	if (*broken && ok)
		fail_msg("the fault that was put in has not been found");
	if (*broken || ok)
		return;
	print_switches();
	fail_msg("%s", w->why);
}

int weave_main(const struct weave_case *cases, size_t count, int argc, char **argv)
{
	struct CMUnitTest tests[16] = { 0 };
	size_t n = 0;

	more = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	w = calloc(1, sizeof(*w));
	for (size_t i = 0; i < count && n < 16; i++) {
		if (*broken && strcmp(cases[i].name, broken))
			continue;
		tests[n++] = (struct CMUnitTest){ .name = cases[i].name,
						  .test_func = test_case,
						  .initial_state = (void *)&cases[i] };
	}
	if (!n)
		return 1;
	return _cmocka_run_group_tests("weave", tests, n, NULL, NULL);
}

/* ---- memory ---- */

/* The size stands in front, and so keeps it apart from its neighbour. */
void *weave_alloc(size_t size)
{
	unsigned char *p = w->heap + w->heap_used;

	size = (size + 15) & ~15UL;
	if (w->heap_used + 16 + size > HEAP_SIZE)
		abort();
	w->heap_used += 16 + size;
	memcpy(p, &size, sizeof(size));
	return p + 16;
}

void weave_free(void *p)
{
	size_t at = (unsigned char *)p - w->heap, size;

	if (!p)
		return;
	if (w->freed[at / 16])
		weave_fail("freed twice");
	memcpy(&size, (unsigned char *)p - 16, sizeof(size));
	memset(w->freed + at / 16, 1, size / 16);
}

static void touch(const void *addr, bool write, const void *pc)
{
	const unsigned char *p = addr;

	if (!w || w->self < 0)
		return;
	if (p >= (unsigned char *)w->actor[w->self].stack &&
	    p < (unsigned char *)w->actor[w->self].stack + STACK_SIZE)
		return;
	step_at(addr, write, pc);
	if (p >= w->heap && p < w->heap + HEAP_SIZE && w->freed[(p - w->heap) / 16])
		weave_fail("used after it was freed, at %p", pc);
}

#define PC __builtin_return_address(0)

static void access(const void *addr, bool write, const void *pc)
{
	touch(addr, write, pc);
	if (write)
		weave_changed();
}

void *weave_memcpy(void *to, const void *from, size_t size)
{
	size_t done, n;

	for (done = 0; done < size; done += n) {
		n = size - done < 8 ? size - done : 8;
		access((const char *)from + done, false, PC);
		access((char *)to + done, true, PC);
		memcpy((char *)to + done, (const char *)from + done, n);
	}
	return to;
}

/* ---- the compiler's callbacks ---- */

#define ACCESS(name, write)              \
	void __tsan_##name(void *addr);  \
	void __tsan_##name(void *addr)   \
	{                                \
		access(addr, write, PC); \
	}
#define ACCESSES(size)                      \
	ACCESS(read##size, false)           \
	ACCESS(write##size, true)           \
	ACCESS(unaligned_read##size, false) \
	ACCESS(unaligned_write##size, true)
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *addr, size_t size);
void __tsan_read_range(void *addr, size_t size)
{
	(void)size;
	access(addr, false, PC);
}

void __tsan_write_range(void *addr, size_t size);
void __tsan_write_range(void *addr, size_t size)
{
	(void)size;
	access(addr, true, PC);
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

#define ATOMIC_RMW(bits, name, expression)                                               \
	uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *p, uint##bits##_t v, \
						    int order);                          \
	uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *p, uint##bits##_t v, \
						    int order)                           \
	{                                                                                \
		uint##bits##_t old;                                                      \
                                                                                         \
		(void)order;                                                             \
		access(p, true, PC);                                                     \
		old = *p;                                                                \
		*p = (uint##bits##_t)(expression);                                       \
		return old;                                                              \
	}

/* One that fails changes nothing. */
#define ATOMIC_CAS(bits, name)                                                                    \
	int __tsan_atomic##bits##_compare_exchange_##name(uint##bits##_t *p, uint##bits##_t *old, \
							  uint##bits##_t v, int a, int b);        \
	int __tsan_atomic##bits##_compare_exchange_##name(uint##bits##_t *p, uint##bits##_t *old, \
							  uint##bits##_t v, int a, int b)         \
	{                                                                                         \
		(void)a, (void)b;                                                                 \
		access(p, false, PC);                                                             \
		if (*p != *old) {                                                                 \
			*old = *p;                                                                \
			return 0;                                                                 \
		}                                                                                 \
		weave_changed();                                                                  \
		*p = v;                                                                           \
		return 1;                                                                         \
	}

#define ATOMICS(bits)                                                                     \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int order);    \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int order)     \
	{                                                                                 \
		(void)order;                                                              \
		access(p, false, PC);                                                     \
		return *p;                                                                \
	}                                                                                 \
	void __tsan_atomic##bits##_store(uint##bits##_t *p, uint##bits##_t v, int order); \
	void __tsan_atomic##bits##_store(uint##bits##_t *p, uint##bits##_t v, int order)  \
	{                                                                                 \
		(void)order;                                                              \
		access(p, true, PC);                                                      \
		*p = v;                                                                   \
	}                                                                                 \
	ATOMIC_RMW(bits, exchange, v)                                                     \
	ATOMIC_RMW(bits, fetch_add, old + v)                                              \
	ATOMIC_RMW(bits, fetch_sub, old - v)                                              \
	ATOMIC_RMW(bits, fetch_and, old &v)                                               \
	ATOMIC_RMW(bits, fetch_or, old | v)                                               \
	ATOMIC_CAS(bits, strong)                                                          \
	ATOMIC_CAS(bits, weak)
ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)
