/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing what a range allows: regions first, then break-before-make where Linux may show the pages. */
#include "mck/errno.h"
#include "internal.h"

/*
 * A change in one entry. The region has its new prot already. Returns false
 * if the entry was lent and loses a right that the shadow might still give:
 * it is busy then, and protect_finish() ends it after the zap.
 */
static bool protect_entry(struct lend_batch *b, const struct region *r, u64 *pte, u64 va, int level)
{
	u64 old = pte_load(pte);

	for (;;) {
		u64 new = pte_remake(r, old, level);
		bool loses = (old & PTE_PRESENT) && ((old & ~new) & (PTE_PRESENT | PTE_WRITE));

		if (new == old || pte_is_mirror(old))
			return true;
		if (loses && (old & PTE_LENT)) {
			if (pte_cas(pte, old, (old & ~PTE_PRESENT) | PTE_BUSY)) {
				lend_note(b, va, old, level, false);
				return false;
			}
		} else if (pte_cas(pte, old, new)) {
			if (loses || (PTE_NX & new & ~old))
				lend_note_range(b, va, va + pt_span(level), false);
			return true;
		}
		/* The module has set its mark meanwhile: look again. */
		old = pte_load(pte);
	}
}

/*
 * One round from *va on. True: [*va before, *va after) is all of the range.
 * *wait: stopped at an entry that a fault made busy.
 */
static bool protect_round(struct space *s, struct lend_batch *b, u64 *va, u64 end, bool *wait)
{
	u64 *pte;
	int level;

	*wait = false;
	for (u32 n = 0; (pte = entry_next(s, va, end, &level)); n++) {
		struct region *r = region_at(s, *va);

		if (pte_is_busy(pte_load(pte))) {
			*wait = true;
			return false;
		}
		if (n == LEND_MAX || lend_full(b))
			return false;
		if (r)
			protect_entry(b, r, pte, ALIGN_DOWN(*va, pt_span(level)), level);
		*va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
	}
	return *va >= end;
}

/*
 * After the zap: entries that this claim made busy, in the order noted, get
 * their new form. Pages that Linux still holds stay marked lent, so that the
 * next change looks at them again.
 */
static void protect_finish(struct space *s, struct lend_batch *b, u64 va, u64 end)
{
	int level;
	u32 i = 0;

	while (i < b->count && va < end) {
		u64 *pte = entry_next(s, &va, end, &level);
		u64 e = pte ? pte_load(pte) : 0;

		if (!pte)
			continue;

		if (pte_is_busy(e) && !(e & PTE_COPYING)) {
			u64 new = pte_remake(region_at(s, va), e, level) & ~PTE_LENT;

			pte_swap(pte, new | (lend_referenced(b, i) ? PTE_LENT : 0));
			i++;
		}
		va = ALIGN_DOWN(va, pt_span(level)) + pt_span(level);
	}
	kassert(i == b->count);
}

static void protect_entries(struct space *s, u64 start, u64 end)
{
	struct lend_batch b;
	bool done, wait;

	lend_begin(&b, s);
	do {
		u64 from = start;

		spin_lock(&s->lock);
		done = protect_round(s, &b, &start, end, &wait);
		spin_unlock(&s->lock);
		lend_flush(&b);
		if (b.count) {
			spin_lock(&s->lock);
			protect_finish(s, &b, from, start);
			spin_unlock(&s->lock);
			mm_wake();
		}
		lend_again(&b);
		if (wait)
			entry_wait(s, start, false);
		if (!done)
			mm_turn();
	} while (!done);
	lend_end(&b);
}

/* What a change of protection is to be, and what was found out about it. */
struct protect {
	u64 start, end; /* `end`: as far as it may go */
	u32 prot;
	u64 promised; /* pages that become writable, and have been promised therefore; not in the regions yet */
	u64 data; /* those that RLIMIT_DATA counts */
	int err; /* of what stops it */
};

/* Pages of a region that would change: may they be promised? */
static bool extent_admits(struct space *s, struct protect *p, const struct region *r, u64 pages)
{
	if (region_to_commit(r, p->prot)) {
		if (!commit_take(s, pages))
			return false;
		p->promised += pages;
	}
	if ((p->prot & PROT_WRITE) && !(r->prot & PROT_WRITE) &&
	    !(r->flags & (REGION_SHARED | REGION_STACK | REGION_GROWSDOWN)))
		p->data += pages;
	return true;
}

/* From *at on, some regions. False: as far as it goes. */
static bool extent_round(struct space *s, struct protect *p, u64 *at)
{
	for (u32 n = 0; *at < p->end; n++) {
		struct region *r = region_at(s, *at);

		if (!r)
			p->err = -ENOMEM;
		else if (p->prot & ~r->max_prot)
			p->err = -EACCES;
		if (p->err)
			return false;
		if (n == LOOP_TURN)
			return true;
		if (!extent_admits(s, p, r, (MIN(p->end, r->end) - *at) >> PAGE_SHIFT)) {
			p->err = -ENOMEM;
			return false;
		}
		*at = r->end;
	}
	return false;
}

/* How far the change may go. Nothing has been changed if the thread must end meanwhile. */
static void protect_extent(struct space *s, struct protect *p)
{
	u64 at = p->start;
	bool more, refused;

	do {
		spin_lock(&s->lock);
		more = extent_round(s, p, &at);
		spin_unlock(&s->lock);
		if (more && !mm_turn()) {
			p->err = -EINTR;
			p->end = p->start;
			return;
		}
	} while (more);
	spin_lock(&s->lock);
	refused = data_limit_check(s, p->data);
	spin_unlock(&s->lock);
	if (refused)
		p->err = -ENOMEM;
	p->end = refused ? p->start : MIN(at, p->end);
}

static int protect_region(struct space *s, struct region *r, void *arg)
{
	const struct protect *p = arg;

	region_account(s, r, false);
	/* For good, as in Linux: what has been written to stays its own. */
	if (region_to_commit(r, p->prot)) {
		r->flags |= REGION_ACCOUNT;
		commit_count(region_committed(r));
	}
	r->prot = p->prot;
	region_account(s, r, true);
	return 0;
}

int space_protect(struct space *s, u64 start, u64 end, u32 prot)
{
	struct protect p = { .start = start, .end = end, .prot = prot };
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	protect_extent(s, &p);
	err = start < p.end ? range_borders(s, start, p.end, true) : 0;
	if (!err && start < p.end) {
		err = mirror_protect(s, start, &p.end, prot);
		/* From here on new entries obey; the old ones follow. */
		regions_change(s, p.start, p.end, protect_region, &p);
		/* It stands in the regions by now; what follows may take long. */
		commit_drop(p.promised);
		p.promised = 0;
		protect_entries(s, start, p.end);
	}
	commit_drop(p.promised);
	claim_drop(s, &claim);
	return err ? err : p.err;
}
