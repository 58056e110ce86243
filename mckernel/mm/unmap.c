/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking pages out of ranges of a space: unmapping and discarding. */
#include "mck/errno.h"
#include "internal.h"

enum round { ROUND_DONE, ROUND_FULL, ROUND_BUSY };

/*
 * Exchange away what lies in [*va, end). A large leaf that only partly lies
 * there was put by a fault after the borders were made: it belongs to a
 * region that stays, and is left alone, as if the fault came after the change.
 * Mirrored entries are the module's: it has taken out those that had to go.
 */
static enum round take_round(struct space *s, struct lend_batch *b, u64 *va, u64 end)
{
	u64 *pte;
	int level;

	while ((pte = entry_next(s, va, end, &level))) {
		u64 span = pt_span(level);
		u64 at = ALIGN_DOWN(*va, span);

		if (pte_is_busy(pte_load(pte)))
			return ROUND_BUSY;
		if (at == *va && at + span <= end && !pte_is_mirror(pte_load(pte))) {
			if (lend_full(b))
				return ROUND_FULL;
			lend_note(b, at, pte_swap(pte, PTE_NONE), level, true);
		}
		*va = at + span;
	}
	return *va < end ? ROUND_FULL : ROUND_DONE;
}

void range_take(struct space *s, u64 start, u64 end)
{
	struct lend_batch b;
	enum round r;

	assert_no_lock();
	lend_begin(&b, s);
	do {
		spin_lock(&s->lock);
		r = take_round(s, &b, &start, end);
		spin_unlock(&s->lock);
		lend_flush(&b);
		lend_again(&b);
		/* A fault's copy ends soon; it was begun before the region went. */
		if (r == ROUND_BUSY)
			entry_wait(s, start, false);
		if (r != ROUND_DONE)
			mm_turn();
	} while (r != ROUND_DONE);
	lend_end(&b);
}

/* No large leaf lies across the ends; if one is busy, *at is where. */
static int range_edges(struct space *s, u64 start, u64 end, u64 *at)
{
	int err;

	/* Above are the kernel's tables, where a large leaf would be found too. */
	kassert(start <= end && end <= SHADOW_END);
	*at = start;
	err = entry_edge(s, start);
	if (err)
		return err;
	*at = end;
	return entry_edge(s, end);
}

/* A large leaf cannot come back across a border once the region ends there. */
int range_borders(struct space *s, u64 start, u64 end, bool counted)
{
	u64 busy;
	int err;

	do {
		spin_lock(&s->lock);
		err = range_edges(s, start, end, &busy);
		if (!err)
			err = region_split(s, start, counted);
		if (!err)
			err = region_split(s, end, counted);
		spin_unlock(&s->lock);
		if (err == -EBUSY && entry_wait(s, busy, true))
			return -EINTR;
	} while (err == -EBUSY);
	return err;
}

void range_prune(struct space *s, u64 start, u64 end)
{
	struct region *below, *above;
	u64 floor, ceiling, va = ALIGN_DOWN(start, HUGE_SIZE);
	bool done, dead;

	do {
		spin_lock(&s->lock);
		below = region_before(s, start);
		above = region_after(s, end);
		floor = below ? below->end : 0;
		ceiling = above ? above->start : SHADOW_END;
		va = MAX(va, floor);
		done = tables_prune(s, &va, MIN(ceiling, ALIGN_UP(end, HUGE_SIZE)), start, end);
		dead = !list_empty(&s->dead_tables);
		spin_unlock(&s->lock);
		if (dead)
			tables_release(s);
		if (!done)
			mm_turn();
	} while (!done);
}

/* From here on a fault in the range finds no region. *any: there was one. */
static int range_close(struct space *s, u64 start, u64 end, struct list *gone, bool *any)
{
	bool more = false;
	u64 busy;
	int err;

	do {
		spin_lock(&s->lock);
		err = range_edges(s, start, end, &busy);
		if (!err)
			err = region_open(s, start, end, any);
		if (!err)
			more = region_cut_round(s, start, end, gone);
		spin_unlock(&s->lock);
		if (err == -EBUSY && entry_wait(s, busy, true))
			return -EINTR;
	} while (err == -EBUSY);
	if (more)
		region_cut(s, start, end, gone);
	*any |= !list_empty(gone);
	return err;
}

int unmap_claimed(struct space *s, u64 start, u64 end)
{
	LIST_HEAD(gone);
	bool any = false;
	int err, kept;

	err = range_close(s, start, end, &gone, &any);
	if (!any)
		return err;
	kept = mirror_close(s, &gone);
	err = err ? err : kept;
	range_take(s, start, end);
	/* Tables of what has come back are the module's to write to. */
	if (!kept)
		range_prune(s, start, end);
	region_free_all(&gone);
	return err;
}

int space_unmap(struct space *s, u64 start, u64 end)
{
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = unmap_claimed(s, start, end);
	claim_drop(s, &claim);
	return err;
}

int space_discard(struct space *s, u64 start, u64 end)
{
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = range_borders(s, start, end, false);
	if (!err)
		range_take(s, start, end);
	claim_drop(s, &claim);
	return err;
}
