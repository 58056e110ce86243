/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs next on a CPU. First the kernel's own threads, then real-time ones by
 * their priority, then all others by the time that they have run, weighted: a
 * fair queue, as in Stoica and Abdel-Wahab, "Earliest Eligible Virtual Deadline
 * First" (1995), without deadlines. Who has waited gets a small credit, so that it
 * runs before one that computes, and no more, so that it cannot starve it.
 */
#include "abi/slot.h"
#include "task/runq.h"

/* Linux's numbers of the policies that differ here. */
enum { SCHED_FIFO = 1, SCHED_RR = 2, SCHED_IDLE = 5 };

#define GRAIN_US 3000 /* how far one may be ahead of the next before it has to let it run */
#define CREDIT_US (2 * GRAIN_US)
#define RR_US 100000 /* as Linux's sched_rr_timeslice_ms */
#define WEIGHT_NORMAL 1024U
#define WEIGHT_IDLE 3U
#define RANK_KTHREAD 255U

/* Each step of nice is a quarter more or less. */
static u64 weight_of_nice(s32 nice)
{
	u64 weight = (u64)WEIGHT_NORMAL << 10;

	for (; nice > 0; nice--)
		weight = weight * 4 / 5;
	for (; nice < 0; nice++)
		weight = weight * 5 / 4;
	return MAX(weight >> 10, 1UL);
}

/* Linux is the one who knows, and says so at each wait of the twin. */
static u32 sched_word(const struct thread *t)
{
	return t->kpage ? READ_ONCE(t->kpage->sched) : 0;
}

static u64 weight_of(const struct thread *t)
{
	u32 word = sched_word(t);

	return KPAGE_SCHED_POLICY(word) == SCHED_IDLE ? WEIGHT_IDLE
						      : weight_of_nice(KPAGE_SCHED_NICE(word));
}

static u32 own_rank(const struct thread *t)
{
	u32 word = sched_word(t);

	if (t->work)
		return RANK_KTHREAD;
	switch (KPAGE_SCHED_POLICY(word)) {
	case SCHED_FIFO:
	case SCHED_RR:
		return 1 + KPAGE_SCHED_PRIORITY(word);
	}
	return 0;
}

u32 sched_rank(const struct thread *t)
{
	return MAX(own_rank(t), READ_ONCE(t->inherited));
}

static s64 ahead(u64 a, u64 b)
{
	return (s64)(a - b);
}

static u64 ran(const struct thread *t)
{
	return t->times.user_cycles + t->times.system_cycles;
}

/* ---- the queue ---- */

static struct thread *of(struct tree_node *node)
{
	return node ? tree_entry(node, struct thread, run) : NULL;
}

static struct tree_node *outermost(struct tree_node *node, enum tree_side side)
{
	while (node && node->child[side])
		node = node->child[side];
	return node;
}

struct thread *order_first(const struct runq *rq)
{
	return of(outermost(rq->queue.root, TREE_LEFT));
}

struct thread *order_next(const struct thread *t)
{
	struct tree_node *node = (struct tree_node *)&t->run;

	if (node->child[TREE_RIGHT])
		return of(outermost(node->child[TREE_RIGHT], TREE_LEFT));
	while (node->parent && node->parent->child[TREE_RIGHT] == node)
		node = node->parent;
	return of(node->parent);
}

/* Does a, which comes later, go before b? What they are told to be is asked once, when it comes. */
static bool before(const struct thread *a, const struct thread *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	return !a->rank && ahead(a->vtime, b->vtime) < 0;
}

static void insert(struct runq *rq, struct thread *t, bool first)
{
	struct tree_node *parent = NULL, *node = rq->queue.root;
	enum tree_side side = TREE_LEFT;

	while (node) {
		struct thread *other = of(node);

		parent = node;
		side = before(t, other) || (first && t->rank && t->rank == other->rank)
			       ? TREE_LEFT
			       : TREE_RIGHT;
		node = node->child[side];
	}
	tree_link(&rq->queue, &t->run, parent, side);
}

void order_remove(struct runq *rq, struct thread *t)
{
	tree_unlink(&rq->queue, &t->run);
}

static struct thread *misplaced(const struct runq *rq)
{
	struct thread *t = order_first(rq);

	while (t && t->rank == sched_rank(t))
		t = order_next(t);
	return t;
}

void order_again(struct runq *rq)
{
	struct thread *t;

	while ((t = misplaced(rq))) {
		order_remove(rq, t);
		t->rank = sched_rank(t);
		insert(rq, t, false);
	}
}

/* The clock of the CPU: what the one who has run least has run. It never goes back. */
static void advance(struct runq *rq, u64 vtime)
{
	const struct thread *first = order_first(rq);

	if (first && !first->rank && ahead(first->vtime, vtime) < 0)
		vtime = first->vtime;
	if (ahead(vtime, rq->vtime) > 0)
		rq->vtime = vtime;
}

void order_charge(struct runq *rq, struct thread *t)
{
	u64 now = ran(t);

	t->vtime += (now - t->vtime_at) * WEIGHT_NORMAL / weight_of(t);
	t->vtime_at = now;
	if (!sched_rank(t))
		advance(rq, t->vtime);
}

void order_wake(struct runq *rq, struct thread *t)
{
	u64 least = rq->vtime - us_to_cycles(CREDIT_US);

	t->rank = sched_rank(t);
	if (ahead(t->vtime, least) < 0)
		t->vtime = least;
	t->rr_end = ran(t) + us_to_cycles(RR_US);
	insert(rq, t, false);
}

void order_preempted(struct runq *rq, struct thread *t)
{
	bool over = ahead(ran(t), t->rr_end) >= 0;

	t->rank = sched_rank(t);
	if (over)
		t->rr_end = ran(t) + us_to_cycles(RR_US);
	/* A real-time thread that a higher one has pushed aside is the first of its own. */
	insert(rq, t, KPAGE_SCHED_POLICY(sched_word(t)) == SCHED_FIFO || !over);
}

void order_yield(struct runq *rq, struct thread *t)
{
	const struct thread *last = of(outermost(rq->queue.root, TREE_RIGHT));

	t->rank = sched_rank(t);
	if (last && !last->rank && ahead(t->vtime, last->vtime) < 0)
		t->vtime = last->vtime;
	insert(rq, t, false);
}

void order_arrive(struct runq *rq, struct thread *t)
{
	t->vtime += rq->vtime;
	t->rank = sched_rank(t);
	if (t->state == THREAD_RUNNABLE)
		insert(rq, t, false);
}

void order_depart(struct runq *rq, struct thread *t)
{
	t->vtime -= rq->vtime;
}

void sched_rank_changed(const struct thread *t)
{
	struct runq *rq;
	u32 place;

	/*
	 * The rank before the look at its CPU, against who moves it and puts it
	 * into a queue there by its rank: one of the two sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	place = READ_ONCE(t->cpu);
	rq = runq_of(cpu_of(place));
	__atomic_store_n(&rq->ranks_changed, true, __ATOMIC_RELEASE);
	wake_cpu(place);
}

/* ---- whether it is over for the current thread ---- */

/* Cycles until `t` has to let `next` run; 0: now, ~0: never. */
static u64 left(const struct thread *t, const struct thread *next)
{
	u32 rank = sched_rank(t), word = sched_word(t);
	s64 lead;

	if (rank != next->rank)
		return rank < next->rank ? 0 : ~0UL;
	if (rank) {
		if (KPAGE_SCHED_POLICY(word) != SCHED_RR)
			return ~0UL;
		lead = ahead(t->rr_end, ran(t));
		return lead > 0 ? (u64)lead : 0;
	}
	lead = (s64)us_to_cycles(GRAIN_US) - ahead(t->vtime, next->vtime);
	return lead > 0 ? (u64)lead * weight_of(t) / WEIGHT_NORMAL + 1 : 0;
}

bool order_over(struct runq *rq, struct thread *t)
{
	const struct thread *next = order_first(rq);

	if (!next)
		return false;
	order_charge(rq, t);
	return left(t, next) == 0;
}

u64 order_end(const struct runq *rq, const struct thread *t)
{
	const struct thread *next = order_first(rq);
	u64 cycles = next ? left(t, next) : ~0UL;

	return cycles == ~0UL ? 0 : arch_cycles() + MAX(cycles, us_to_cycles(50));
}
