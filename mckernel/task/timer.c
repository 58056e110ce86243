/* SPDX-License-Identifier: GPL-2.0-only */
/* The one-shot timer of a CPU: it runs only to share the CPU, for an alarm, or for what Linux has not taken. */
#include "runq.h"

void up_tick(void)
{
	struct runq *rq = this_runq();

	rq->timer = false;
	rq->tick = true;
}

/* ---- alarms ---- */

static struct thread *thread_of(struct tree_node *node)
{
	return tree_entry(node, struct thread, alarm);
}

void alarm_clear(struct runq *rq, struct thread *t)
{
	if (t->alarm_at)
		tree_unlink(&rq->alarms, &t->alarm);
	t->alarm_at = 0;
}

void sched_wake_at(u64 cycles)
{
	struct runq *rq = this_runq();
	struct thread *t = rq->asked;
	struct tree_node *parent = NULL, *node;
	enum tree_side side = TREE_LEFT;

	alarm_clear(rq, t);
	t->alarm_at = MAX(cycles, 1UL);
	for (node = rq->alarms.root; node; node = node->child[side]) {
		parent = node;
		side = t->alarm_at < thread_of(node)->alarm_at ? TREE_LEFT : TREE_RIGHT;
	}
	tree_link(&rq->alarms, &t->alarm, parent, side);
}

static struct thread *alarm_first(const struct runq *rq)
{
	struct tree_node *node = rq->alarms.root;

	while (node && node->child[TREE_LEFT])
		node = node->child[TREE_LEFT];
	return node ? thread_of(node) : NULL;
}

struct thread *alarm_due(struct runq *rq)
{
	struct thread *t = alarm_first(rq);

	if (!t || t->alarm_at > arch_cycles())
		return NULL;
	alarm_clear(rq, t);
	return t;
}

void alarms_look(struct runq *rq)
{
	struct tree all = rq->alarms;

	/* Who goes on waiting comes into the other tree again. */
	rq->alarms.root = NULL;
	while (all.root) {
		struct thread *t = thread_of(all.root);

		tree_unlink(&all, &t->alarm);
		t->alarm_at = 0;
		sched_look(rq, t);
	}
}

/* ---- the timer ---- */

/* The earlier of two times, of which 0 is none. */
static u64 earlier(u64 a, u64 b)
{
	return !a || b < a ? b : a;
}

void timer_set(struct runq *rq, bool share)
{
	u64 at = rq->alarms.root ? alarm_first(rq)->alarm_at : 0, now;

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
