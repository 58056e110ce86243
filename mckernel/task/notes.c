/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notes: which threads a CPU has to look at. A scan costs what was noted, not
 * what sleeps. The lists and their order are abi/note.h's; there are two of them
 * for each CPU, Linux's (boot_cpu.notes, of kpages) and the LWK's (runq.notes, of
 * threads). A note comes to the CPU that its thread was on: if that has gone, it
 * follows.
 *
 * Only the CPU that has a thread looks at it. Others read thread->cpu or
 * kpage->cpu, which its CPU changes when it sends it away: who finds himself there
 * either has it (thread->at), or it is on its way to him and will be looked at
 * when it comes, or it has died here.
 */
#include "abi/note.h"
#include "task/runq.h"

u32 sched_note(struct thread *t)
{
	u32 place = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);

	note_add(&runq_of(cpu_of(place))->notes, &t->note_queued, &t->note_next, (u64)t);
	return place;
}

bool note_keeps(const struct thread *t)
{
	/* Pairs with the taker's exchange: it is done with the thread. */
	return __atomic_load_n(&t->note_queued, __ATOMIC_ACQUIRE);
}

/* Which list it is does not matter to who waits for the ring. */
static void follow(abi_u64 *list, abi_u64 *next, u64 thing, u32 place)
{
	note_link(list, next, thing);
	wake_cpu(place);
}

/* It lives at least until its note ends. */
static void take_ours(struct runq *rq, u32 self, struct thread *t)
{
	u32 place = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
	bool here;

	if (place != self) {
		follow(&runq_of(cpu_of(place))->notes, &t->note_next, (u64)t, place);
		return;
	}
	if (t->state == THREAD_DEAD) {
		thread_gone(t);
		return;
	}
	here = READ_ONCE(t->at) == rq;
	note_end(&t->note_queued);
	if (here)
		sched_look(rq, t);
}

/*
 * The page is nobody else's until the note ends, but its thread may be gone. One
 * that this CPU has stays: here it would have to end.
 */
static void take_linux(struct runq *rq, u32 self, struct kpage *k)
{
	u32 place = __atomic_load_n(&k->cpu, __ATOMIC_RELAXED);
	struct thread *t = (struct thread *)__atomic_load_n(&k->thread, __ATOMIC_ACQUIRE);
	bool here;

	if (t && place != self && place < cpu_count) {
		follow(&cpu_of(place)->boot->notes, &k->note_next, (u64)k, place);
		return;
	}
	here = t && place == self && READ_ONCE(t->at) == rq;
	note_end(&k->note_queued);
	if (here)
		sched_look(rq, t);
}

void notes_take(struct runq *rq)
{
	u32 self = this_cpu()->place;
	u64 at, next;

	for (at = note_take(&this_cpu()->boot->notes); at; at = next) {
		struct kpage *k = (struct kpage *)at;

		next = __atomic_load_n(&k->note_next, __ATOMIC_RELAXED);
		take_linux(rq, self, k);
	}
	for (at = note_take(&rq->notes); at; at = next) {
		struct thread *t = (struct thread *)at;

		next = __atomic_load_n(&t->note_next, __ATOMIC_RELAXED);
		take_ours(rq, self, t);
	}
}
