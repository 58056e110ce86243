/* SPDX-License-Identifier: GPL-2.0-only */
/* The one-shot timer of a CPU: it runs only to share the CPU, for an alarm, or for what Linux has not taken. */
#include "runq.h"

void up_tick(void)
{
	struct runq *rq = this_runq();

	rq->timer = false;
	rq->tick = true;
}

void sched_wake_at(u64 cycles)
{
	struct runq *rq = this_runq();

	if (!rq->alarm || cycles < rq->alarm)
		rq->alarm = MAX(cycles, 1UL);
}

/* The earlier of two times, of which 0 is none. */
static u64 earlier(u64 a, u64 b)
{
	return !a || b < a ? b : a;
}

void timer_set(struct runq *rq, bool share)
{
	u64 at = rq->alarm, now;

	if (!at && !share && !rq->watch) {
		if (rq->timer)
			arch_timer(0);
		rq->timer = false;
		return;
	}
	now = arch_cycles();
	if (share)
		at = earlier(at, rq->slice_end);
	if (rq->watch)
		at = earlier(at, now + us_to_cycles(RING_AGAIN_US));
	/* One that comes too early finds nothing to do, and this is done again. */
	if (rq->timer && rq->timer_at <= at)
		return;
	arch_timer(at > now ? cycles_to_ns(at - now) / 1000 + 1 : 1);
	rq->timer = true;
	rq->timer_at = at;
}
