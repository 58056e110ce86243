/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Priority inheritance: an owner inherits the highest rank (task/order.c) of all
 * that wait for what it owns, and so does, if it waits itself, the owner of what it
 * waits for. Threads without real-time priority have no rank to inherit, and cost
 * nothing here. What a rank is changes while its thread waits, too.
 */
#include "futex_pi.h"

static u32 highest_waiting(const struct thread *owner)
{
	const struct futex_waiter *w;
	const struct futex_pi *pi;
	u32 rank = 0;

	for (pi = owner->pi_owned; pi; pi = pi->next)
		list_for_each(w, &pi->waiters, pi_link)
			rank = MAX(rank, sched_rank(w->sleeper->thread));
	return rank;
}

static struct futex_waiter *waiter_of(struct futex_pi *pi, const struct thread *t)
{
	struct futex_waiter *w;

	list_for_each(w, &pi->waiters, pi_link)
		if (w->sleeper->thread == t)
			return w;
	return NULL;
}

/*
 * Its rank is another one: if it waits for a lock, that is so among those who do. As
 * on Linux, it comes behind all who have its new rank already. The lock, or NULL.
 */
static struct futex_pi *rank_again(struct thread *t)
{
	struct futex_pi *pi = t->pi_waits;
	struct futex_waiter *w = pi ? waiter_of(pi, t) : NULL;

	if (!w)
		return NULL;
	pi->ranked -= w->pi_ranked;
	w->pi_ranked = sched_rank(t) != 0;
	pi->ranked += w->pi_ranked;
	list_del(&w->pi_link);
	list_add_tail(&pi->waiters, &w->pi_link);
	return pi;
}

void pi_inherit(struct thread *owner, u32 rank)
{
	for (int i = 0; owner && i < CHAIN_MAX; i++) {
		struct futex_pi *pi;
		u32 inherited;

		if (!rank && !owner->inherited)
			break;
		inherited = highest_waiting(owner);
		if (inherited == owner->inherited)
			break;
		WRITE_ONCE(owner->inherited, inherited);
		sched_rank_changed(owner);
		pi = rank_again(owner);
		owner = pi ? pi->owner : NULL;
	}
}

struct futex_waiter *pi_next(struct futex_pi *pi)
{
	struct futex_waiter *w, *next = NULL;
	u32 best = 0;

	spin_lock(&pi_lock);
	list_for_each(w, &pi->waiters, pi_link) {
		u32 rank = sched_rank(w->sleeper->thread);

		if (next && rank <= best)
			continue;
		next = w;
		best = rank;
		if (!pi->ranked)
			break;
	}
	spin_unlock(&pi_lock);
	return next;
}

void up_rank_changed(struct thread *t)
{
	struct futex_pi *pi;

	spin_lock(&pi_lock);
	pi = rank_again(t);
	if (pi)
		pi_inherit(pi->owner, ~0U);
	spin_unlock(&pi_lock);
}
