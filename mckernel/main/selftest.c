/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults on demand, for tests: the kernel argument selftest=WHAT (docs/debugging.md). */
#include "mck/arch.h"
#include "mck/ikc.h"
#include "mck/mm.h"
#include "mck/status.h"
#include "mck/task.h"
#include "mck/tasks.h"

#define AFTER_NS 4000000000UL /* from RUNNING on: Linux has probed all CPUs by then */

static void selftest_oops(void)
{
	u64 *nowhere = NULL;

	__asm__ volatile("" : "+r"(nowhere)); /* the compiler must not know */
	*nowhere = 1;
}

/* Deeper than any stack. What comes back is used, so that each call keeps its frame. */
static u32 selftest_overflow(u32 calls)
{
	volatile u8 frame[200];

	frame[calls % sizeof(frame)] = (u8)calls;
	return calls ? selftest_overflow(calls - 1) + frame[calls % sizeof(frame)] : 0;
}

static void selftest_hang(void)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
}

/* As the idle loop does, without a halt. */
static void serve_for_a_while(void)
{
	u64 start = arch_cycles();

	while (cycles_to_ns(arch_cycles() - start) < AFTER_NS) {
		if (!status_running())
			start = arch_cycles();
		sched_scan();
		arch_relax();
	}
}

/* ---- an LWK that lives, and fails in one thing ---- */

/* As if the answer had been lost. */
static void selftest_lose(u32 index, const struct ikc_call *call)
{
	(void)index;
	log_info("selftest: the end of thread %lx is not answered\n", call->arg[0]);
}

/*
 * The first thread looks at a copy of its page from the moment on that a second
 * one comes: it sees no hold any more. Used by the calls of Linux alone, one
 * after the other as the test has it.
 */
static void attach_deaf(u32 index, const struct ikc_call *call)
{
	static u64 first;
	struct thread *t = first ? thread_find(first) : NULL;
	u64 copy = t ? page_alloc(0, -1) : 0;

	if (copy) {
		memcpy(pa_to_va(copy), t->kpage, sizeof(*t->kpage));
		WRITE_ONCE(t->kpage, (struct kpage *)pa_to_va(copy));
		log_info("selftest: thread %lx is deaf\n", first);
	}
	first = call->arg[0];
	tasks_serve_attach(index, call);
}

/*
 * The CPU that the second thread comes to hangs, with the space of the first one, if that
 * is there: it lets go of no page of it. Used by the calls of Linux alone, as above.
 */
static void attach_and_hang(u32 index, const struct ikc_call *call)
{
	static bool second;

	if (second) {
		log_info("selftest: hang of a CPU that thread %lx has come to\n", call->arg[0]);
		selftest_hang();
	}
	second = true;
	tasks_serve_attach(index, call);
}

/* Says that the page is there, which it is not: Linux looks, and asks again. */
static void selftest_hollow(u32 index, const struct ikc_call *call)
{
	static bool said;

	if (!__atomic_test_and_set(&said, __ATOMIC_RELAXED))
		log_info("selftest: page %lx is said to be there\n", call->arg[1]);
	ikc_answer(index, FAULT_OK, NULL, 0);
}

/* The fault is there from now on: true. */
static bool armed(const char *what)
{
	if (!strcmp(what, "lost-answer"))
		ikc_set_handler(CALL_THREAD_END, selftest_lose);
	else if (!strcmp(what, "deaf-hold"))
		ikc_set_handler(CALL_THREAD_ATTACH, attach_deaf);
	else if (!strcmp(what, "hang-attach"))
		ikc_set_handler(CALL_THREAD_ATTACH, attach_and_hang);
	else if (!strcmp(what, "hollow-fault"))
		ikc_set_handler(CALL_FAULT, selftest_hollow);
	else
		return false;
	return true;
}

/* Our own index of this CPU's ring, and a doorbell. */
static void corrupt_tail(void)
{
	struct ring *ring = arch_map_linux(this_cpu()->boot->to_linux, sizeof(*ring));

	ring->tail += 3 * RING_ENTRIES;
	arch_ring_linux();
}

void selftest(void)
{
	char what[16];

	if (this_cpu()->place || !karg_get("selftest", what, sizeof(what)) || armed(what))
		return;
	serve_for_a_while();
	log_info("selftest: %s\n", what);
	if (!strcmp(what, "panic"))
		panic("selftest");
	else if (!strcmp(what, "oops"))
		selftest_oops();
	else if (!strcmp(what, "hang"))
		selftest_hang();
	else if (!strcmp(what, "overflow"))
		log_warn("selftest: no overflow: %u\n", selftest_overflow(~0U));
	else if (!strcmp(what, "corrupt-tail"))
		corrupt_tail();
	else
		log_warn("selftest: there is no %s\n", what);
}
