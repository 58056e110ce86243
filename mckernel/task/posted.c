/* SPDX-License-Identifier: GPL-2.0-only */
/* What was sent to Linux, and may not have come to it: a doorbell can be lost, and is rung again. */
#include "runq.h"

/* Has Linux not taken a request of this thread, though it should? A twin that is away looks by itself when it comes back. */
static bool untaken(const struct thread *t)
{
	const struct kpage *k = t->kpage;

	return k && t->state == THREAD_WAITING && READ_ONCE(k->taken_seq) != k->req_seq &&
	       READ_ONCE(k->twin_state) == TWIN_SLEEPING;
}

static void post(struct runq *rq, struct thread *t)
{
	t->ring_stamp = arch_cycles();
	list_del(&t->posted);
	list_add_tail(&rq->posted, &t->posted);
}

void sched_posted(void)
{
	post(this_runq(), current_thread());
}

/* The first that Linux has not taken, which was rung for before all others; NULL: there is none. */
static struct thread *untaken_first(struct runq *rq)
{
	while (!list_empty(&rq->posted)) {
		struct thread *t = list_entry(rq->posted.next, struct thread, posted);

		if (untaken(t))
			return t;
		list_del(&t->posted);
	}
	return NULL;
}

void posted_ring(struct runq *rq)
{
	u64 now = arch_cycles();
	struct thread *t;

	up_ring_again();
	/* The stamp of one that has just been rung for lies behind `now`. */
	while ((t = untaken_first(rq)) &&
	       (s64)(now - t->ring_stamp) >= (s64)us_to_cycles(RING_AGAIN_US)) {
		post(rq, t);
		up_call_twin(t);
	}
}

void posted_watch(struct runq *rq)
{
	rq->watch = up_untaken() || untaken_first(rq);
}

void sched_watch(void)
{
	struct cpu *cpu = this_cpu();

	runq_of(cpu)->watch = true;
	cpu->current->look = true;
}
