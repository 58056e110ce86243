/* SPDX-License-Identifier: GPL-2.0-only */
/* fork: a copy of a space, copy-on-write, with copies at once of pages that Linux is using. */
#include "mck/errno.h"
#include "internal.h"

/*
 * The child is reached by nobody else yet, so its tables are filled without
 * its lock. The claim on all of the parent keeps its regions as they are; its
 * threads and Linux may go on reading, and writing to pages that they can write
 * to still: what they do is seen by the child. Who would need another page waits.
 */
struct fork {
	struct space *parent, *child;
	struct lend_batch batch;
	u64 *low_table; /* of the child, used last: of level 1, for 2 MiB from low_va on; or NULL */
	u64 low_va;
	u64 batch_from; /* the first of the pages that the batch has noted */
	u32 turns;
	u64 promised; /* of copies that are not in the child yet */
	bool no_room; /* memory is short, and nothing could be done about it */
	int err;
};

/*
 * Copies of some of the parent's regions from *at on. False: all are copied,
 * or there is an error. The claim keeps them in their places without the lock.
 */
static bool copy_round(struct fork *f, u64 *at, struct list *copies)
{
	struct region *r = region_after(f->parent, *at);

	for (u32 n = 0; r; n++, r = region_next(f->parent, r)) {
		struct region *c;

		if (n == LOOP_TURN)
			return true;
		*at = r->end;
		if (r->flags & REGION_DONTFORK)
			continue;
		c = NULL;
		if (commit_take(f->parent, region_committed(r))) {
			f->promised += region_committed(r);
			c = region_copy(r);
		}
		if (!c) {
			f->err = -ENOMEM;
			break;
		}
		c->flags &= ~REGION_LOCKED;
		list_add_tail(copies, &c->link);
	}
	return false;
}

static void insert_copies(struct fork *f, struct list *copies)
{
	struct space *child = f->child;

	spin_lock(&child->lock);
	while (!list_empty(copies)) {
		struct list *first = copies->next;

		list_del(first);
		region_insert(child, list_entry(first, struct region, link));
	}
	spin_unlock(&child->lock);
	commit_drop(f->promised);
	f->promised = 0;
}

/* What was copied before an error is freed with the child. */
static void fork_layout(struct fork *f)
{
	struct space *parent = f->parent, *child = f->child;
	LIST_HEAD(copies);
	u64 at = 0;
	bool more;

	do {
		mm_refill();
		spin_lock(&parent->lock);
		more = copy_round(f, &at, &copies);
		spin_unlock(&parent->lock);
		insert_copies(f, &copies);
		if (more && !mm_turn())
			f->err = -EINTR;
	} while (more && !f->err);
	child->mmap_base = parent->mmap_base;
	child->membarrier = __atomic_load_n(&parent->membarrier, __ATOMIC_RELAXED);
	child->no_huge = READ_ONCE(parent->no_huge);
	child->brk_start = parent->brk_start;
	child->brk_end = parent->brk_end;
	child->brk_limit = parent->brk_limit;
	child->stack_top = parent->stack_top;
	child->stack_limit = parent->stack_limit;
	child->admin = parent->admin;
}

/* What the child can fault in by itself is left out, as Linux does. */
static bool has_pages_to_share(const struct region *r)
{
	if (r->flags & (REGION_SHARED | REGION_WIPEONFORK))
		return false;
	return !r->file || (r->flags & REGION_COWED);
}

/* The child's entry for va; the tables are made. NULL: no memory. */
static u64 *child_entry(struct fork *f, u64 va, int level)
{
	u64 *pte;

	if (level == 1 && f->low_table && f->low_va == ALIGN_DOWN(va, HUGE_SIZE))
		return &f->low_table[pt_index(va, 1)];
	pte = pt_entry(f->child->root_pa, va, level, true);
	if (pte && level == 1) {
		f->low_table = pte - pt_index(va, 1);
		f->low_va = ALIGN_DOWN(va, HUGE_SIZE);
	}
	return pte;
}

enum step { STEP_ON, STEP_SPLIT, STEP_NOMEM };

/*
 * One entry of the parent. What is not lent is shared at once. Where Linux
 * may hold the page for writing (it had PTE_OWN and may be shown, or was held
 * at an earlier zap) the entry becomes busy, and fork_finish() decides.
 */
static enum step fork_entry(struct fork *f, struct region *r, u64 *pte, u64 va, int level)
{
	u64 *to;
	u64 old = pte_load(pte);

	if (pte_is_mirror(old))
		return STEP_ON;
	if (level == 2 && pte_lent(old, level))
		return STEP_SPLIT;
	to = child_entry(f, va, level);
	if (!to)
		return STEP_NOMEM;
	for (;; old = pte_load(pte)) {
		u64 shared = pte_make(r, pte_pa(old), level, false);
		bool lent = pte_lent(old, level);

		if (lent && level == 2)
			return STEP_SPLIT;
		if (lent && (old & PTE_OWN)) {
			if (!pte_cas(pte, old, (old & ~PTE_PRESENT) | PTE_BUSY))
				continue;
			if (!f->batch.count)
				f->batch_from = va;
			lend_note(&f->batch, va, old, level, false);
			return STEP_ON;
		}
		if (!pte_cas(pte, old, shared | (old & PTE_LENT)))
			continue;
		if (old & PTE_WRITE)
			lend_note_range(&f->batch, va, va + pt_span(level), false);
		if (level == 2)
			upage_map_block(pte_pa(old));
		else
			upage_map(pte_pa(old));
		*to = shared;
		return STEP_ON;
	}
}

/* From *va on until the batch is full, or (*wait) at an entry that a fault copies. True: all done, or an error. */
static bool fork_round(struct fork *f, struct region *r, u64 *va, bool *wait)
{
	u64 *pte;
	int level;

	*wait = false;
	for (u32 n = 0; (pte = entry_next(f->parent, va, r->end, &level)); n++) {
		if (pte_is_busy(pte_load(pte))) {
			*wait = true;
			return false;
		}
		if (n == LEND_MAX || lend_full(&f->batch))
			return false;
		switch (fork_entry(f, r, pte, *va, level)) {
		case STEP_SPLIT:
			f->err = entry_split(f->parent, pte, *va);
			break;
		case STEP_NOMEM:
			f->err = -ENOMEM;
			break;
		case STEP_ON:
			*va += pt_span(level);
			break;
		}
		if (f->err)
			return true;
	}
	return *va >= r->end;
}

/* The zap is answered: share what Linux let go; give the child its own copy of what Linux holds. */
static void fork_settle(struct fork *f, struct region *r, u64 *pte, u64 va, bool held)
{
	u64 old = pte_load(pte), pa = pte_pa(old);
	u64 *to = pt_entry(f->child->root_pa, va, 1, false);
	struct placer by;
	struct where w;
	u64 copy;

	if (!held) {
		u64 shared = pte_make(r, pa, 1, false);

		upage_map(pa);
		*to = shared;
		pte_swap(pte, shared);
		return;
	}
	placer_self(&by);
	w = region_where(r, &by, va, 1);
	copy = upage_alloc_margin(&w);
	if (copy) {
		memcpy(pa_to_va(copy), pa_to_va(pa), PAGE_SIZE);
		*to = pte_make(r, copy, 1, true);
	} else {
		f->err = -ENOMEM;
	}
	/* The parent goes on with the page that Linux uses; it may write to it again when all is copied. */
	pte_swap(pte, (pte_make(r, pa, 1, true) & ~PTE_WRITE) | PTE_LENT);
}

/* Flush and zap what is noted, which lies below `end` and may be of several regions; then settle it. */
static void fork_flush(struct fork *f, u64 end)
{
	u64 va = f->batch_from;
	int level;
	u32 i = 0;

	lend_flush(&f->batch);
	spin_lock(&f->parent->lock);
	while (i < f->batch.count && va < end) {
		u64 *pte = entry_next(f->parent, &va, end, &level);
		u64 e = pte ? pte_load(pte) : 0;

		if (pte_is_busy(e) && !(e & PTE_COPYING))
			fork_settle(f, region_at(f->parent, va), pte, va,
				    lend_referenced(&f->batch, i++));
		va += pte ? pt_span(level) : 0;
	}
	kassert(i == f->batch.count);
	spin_unlock(&f->parent->lock);
	if (i)
		mm_wake();
	lend_again(&f->batch);
}

/*
 * A round copies and makes tables under a lock: room for it before, as far as
 * there is any. Nothing noted is left busy for a wait.
 */
static void fork_make_room(struct fork *f, u64 va)
{
	u64 want = phys_margin() + LEND_MAX, free = pages_free_now();

	if (free >= want || f->no_room)
		return;
	fork_flush(f, va);
	f->no_room = !mm_make_room(want - free, reclaim_keep());
}

/* The batch is kept from one region to the next: many are small, and a flush is dear. */
static void fork_pages(struct fork *f, struct region *r)
{
	u64 va = r->start;
	bool done, wait;

	do {
		fork_make_room(f, va);
		spin_lock(&f->parent->lock);
		done = fork_round(f, r, &va, &wait);
		spin_unlock(&f->parent->lock);
		if (!done)
			fork_flush(f, va);
		if (wait)
			entry_wait(f->parent, va, false);
		if ((!done || ++f->turns % LOOP_TURN == 0) && !mm_turn())
			f->err = -EINTR;
	} while (!done && !f->err);
}

/* All regions with pages; the child's stay as they are, nobody else has it. */
static void fork_all_pages(struct fork *f)
{
	struct region *r;

	lend_begin(&f->batch, f->parent);
	list_for_each(r, &f->child->regions, link) {
		/* What the batch has noted is looked for again: not among pages of others. */
		if (!has_pages_to_share(r) && f->batch.count)
			fork_flush(f, r->start);
		if (has_pages_to_share(r))
			fork_pages(f, r);
		else if (++f->turns % LOOP_TURN == 0 && !mm_turn())
			f->err = -EINTR;
		if (f->err)
			break;
	}
	fork_flush(f, SHADOW_END);
	lend_end(&f->batch);
}

static void set_forking(struct space *s, bool forking)
{
	spin_lock(&s->lock);
	s->forking = forking;
	spin_unlock(&s->lock);
}

int space_fork(struct space *parent, struct space *child)
{
	struct fork f = { .parent = parent, .child = child };
	struct claim claim;

	assert_no_lock();
	if (claim_take(parent, &claim, 0, ~0UL))
		return -EINTR;
	set_forking(parent, true);
	fork_layout(&f);
	if (!f.err)
		fork_all_pages(&f);
	set_forking(parent, false);
	if (!f.err) {
		spin_lock(&parent->lock);
		parent->cloning++;
		spin_unlock(&parent->lock);
	}
	/* This wakes who has waited for it, too. */
	claim_end(parent, &claim);
	return f.err;
}
