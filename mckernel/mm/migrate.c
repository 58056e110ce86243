/* SPDX-License-Identifier: GPL-2.0-only */
/* Moving pages from node to node under a running program: break, flush, look whether Linux holds them, copy, make. */
#include "mck/errno.h"
#include "internal.h"

/*
 * Only pages that one entry alone refers to are moved: nobody can get another
 * reference then, since a fork would need the claim. While an entry is busy all
 * faults wait for it, and the module finds a miss. What Linux holds for its I/O
 * when the zap has looked stays where it is: the device may write to it.
 */
#define MOVES 16U /* under one hold of the lock, and in one zap */

struct move {
	u64 va, to; /* the new frame */
	int level;
};

struct round_of_moves {
	struct space *s;
	struct migration *m;
	struct lend_batch b;
	struct move move[MOVES];
	u32 count;
};

static bool frame_moves(const struct frame *f)
{
	return frame_is_single(f) && !(__atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & FRAME_CACHE);
}

static bool leaf_moves(u64 e, int level)
{
	const struct frame *f = frame_of(pte_pa(e));

	for (u32 i = 0; i < (level == 2 ? HUGE_PAGES : 1); i++)
		if (!frame_moves(&f[i]))
			return false;
	return true;
}

/* Does the migration want this leaf elsewhere? *w: where. */
static bool is_wanted(const struct migration *m, const struct region *r, u64 e, u64 va, int level,
		      struct where *w)
{
	if (!r || (r->flags & (REGION_MIRROR | REGION_VDSO)) || pte_is_mirror(e))
		return false;
	return m->pick(r, frame_node(pte_pa(e)), va, level, m->arg, w);
}

static void leaf_drop(u64 pa, int level)
{
	for (u32 i = 0; i < (level == 2 ? HUGE_PAGES : 1); i++)
		if (upage_unmap(pa + i * PAGE_SIZE))
			lend_free(pa + i * PAGE_SIZE);
}

/* The entry is busy now, to be moved. */
static void move_begin(struct round_of_moves *x, u64 *pte, u64 va, int level, u64 to)
{
	u64 old;

	do
		old = pte_load(pte);
	while (!pte_cas(pte, old, (old & ~PTE_PRESENT) | PTE_BUSY));
	lend_note(&x->b, va, old, level, false);
	x->move[x->count++] = (struct move){ va, to, level };
}

enum leaf_step { LEAF_DONE, LEAF_BUSY, LEAF_FULL, LEAF_AGAIN };

static enum leaf_step leaf_step(struct round_of_moves *x, u64 *pte, u64 va, u64 end, int level)
{
	u64 at = ALIGN_DOWN(va, pt_span(level)), e = pte_load(pte), to;
	struct where w;

	if (pte_is_busy(e))
		return LEAF_BUSY;
	if (!is_wanted(x->m, region_at(x->s, va), e, va, level, &w))
		return LEAF_DONE;
	/* It is where it would be brought: the search begins there, and takes from there. */
	if (w.node == (int)frame_node(pte_pa(e)) && (w.first >> w.node & 1))
		return LEAF_DONE;
	/* A large leaf that others have too is left whole. */
	if (!frame_moves(frame_of(pte_pa(e)))) {
		x->m->shared += level == 2 ? HUGE_PAGES : 1;
		return LEAF_DONE;
	}
	/* And of large ones a single one, which is long to copy. */
	if (x->count == MOVES || lend_full(&x->b) || (level == 2 && x->count))
		return LEAF_FULL;
	to = level == 1 ? upage_alloc(&w) : 0;
	if (level == 2 && at >= va && at + HUGE_SIZE <= end && leaf_moves(e, level))
		to = upage_alloc_block(&w);
	if (to) {
		move_begin(x, pte, at, level, to);
		return LEAF_DONE;
	}
	if (level == 2 && !entry_split(x->s, pte, va))
		return LEAF_AGAIN;
	x->m->failed += level == 2 ? HUGE_PAGES : 1;
	return LEAF_DONE;
}

/* From *va on. LEAF_DONE: that was all. */
static enum leaf_step moves_collect(struct round_of_moves *x, u64 *va, u64 end)
{
	u64 *pte;
	int level;

	for (u32 n = 0; (pte = entry_next(x->s, va, end, &level)); n++) {
		enum leaf_step step = n < LEND_MAX ? leaf_step(x, pte, *va, end, level) : LEAF_FULL;

		if (step == LEAF_BUSY || step == LEAF_FULL)
			return step;
		if (step == LEAF_DONE)
			*va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
	}
	return *va < end ? LEAF_FULL : LEAF_DONE;
}

/* The entry gets the new frame, or back the one that Linux holds. */
static void move_end(struct round_of_moves *x, u32 i)
{
	struct move *v = &x->move[i];
	bool held = lend_referenced(&x->b, i);
	struct space *s = x->s;
	u64 *pte, old, new;
	int level;

	/* Busy: nobody else changes the entry, or the frame in it. */
	spin_lock(&s->lock);
	pte = entry_at(s, v->va, &level);
	old = pte_load(pte);
	spin_unlock(&s->lock);
	kassert(pte_is_busy(old) && level == v->level);
	if (!held)
		memcpy(pa_to_va(v->to), pa_to_va(pte_pa(old)), pt_span(level));
	spin_lock(&s->lock);
	pte = entry_at(s, v->va, &level);
	if (held)
		new = pte_remake(region_at(s, v->va), old, level) | PTE_LENT;
	else
		new = pte_make(region_at(s, v->va), v->to, level, true);
	pte_swap(pte, new);
	spin_unlock(&s->lock);
	leaf_drop(held ? v->to : pte_pa(old), level);
	if (held)
		x->m->failed += level == 2 ? HUGE_PAGES : 1;
	else
		x->m->moved += level == 2 ? HUGE_PAGES : 1;
}

int range_migrate(struct space *s, u64 start, u64 end, struct migration *m)
{
	struct round_of_moves x = { .s = s, .m = m };
	enum leaf_step step;
	int err = 0;

	assert_no_lock();
	lend_begin(&x.b, s);
	do {
		x.count = 0;
		spin_lock(&s->lock);
		step = moves_collect(&x, &start, end);
		spin_unlock(&s->lock);
		lend_flush(&x.b);
		for (u32 i = 0; i < x.count; i++)
			move_end(&x, i);
		if (x.count)
			mm_wake();
		lend_again(&x.b);
		if (step == LEAF_BUSY)
			entry_wait(s, start, false);
		if (step != LEAF_DONE)
			err = space_has_ended(s) ? -ESRCH : mm_turn() ? 0 : -EINTR;
	} while (step != LEAF_DONE && !err);
	lend_end(&x.b);
	return err;
}

bool range_misplaced(struct space *s, u64 start, u64 end, const struct migration *m)
{
	bool found = false, done;
	struct where w;
	u64 *pte;
	int level;

	do {
		u32 n = 0;

		spin_lock(&s->lock);
		while (!found && n++ < LEND_MAX && (pte = entry_next(s, &start, end, &level))) {
			found = is_wanted(m, region_at(s, start), pte_load(pte), start, level, &w);
			start = ALIGN_DOWN(start, pt_span(level)) + pt_span(level);
		}
		done = start >= end;
		spin_unlock(&s->lock);
		if (!done && !found)
			mm_turn();
	} while (!found && !done);
	return found;
}

int space_migrate(struct space *s, u64 start, u64 end, struct migration *m)
{
	struct claim claim;
	int err;

	end = MIN(end, SHADOW_END);
	if (start >= end)
		return 0;
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = range_migrate(s, start, end, m);
	claim_drop(s, &claim);
	return err;
}
