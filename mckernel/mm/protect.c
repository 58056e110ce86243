/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing what a range allows: regions first, then break-before-make where Linux may show the pages. */
#include "mck/errno.h"
#include "internal.h"

/*
 * A change in one entry. The region has its new prot already. Returns false
 * if the entry was lent and loses a right that the shadow might still give:
 * it is busy then, and protect_finish() ends it after the zap.
 */
static bool protect_entry(struct lend_batch *b, const struct region *r, u64 *slot, u64 va,
			  int level)
{
	u64 old = pte_load(slot);

	for (;;) {
		u64 new = pte_remake(r, old, level);
		bool loses = (old & PTE_PRESENT) && ((old & ~new) & (PTE_PRESENT | PTE_WRITE));

		if (new == old)
			return true;
		if (loses && (old & PTE_LENT)) {
			if (pte_cas(slot, old, (old & ~PTE_PRESENT) | PTE_BUSY)) {
				lend_note(b, va, old, level, false);
				return false;
			}
		} else if (pte_cas(slot, old, new)) {
			if (loses || (PTE_NX & new & ~old))
				lend_note_range(b, va, va + pt_span(level), false);
			return true;
		}
		/* The module has set its mark meanwhile: look again. */
		old = pte_load(slot);
	}
}

/*
 * One round from *va on. True: [*va before, *va after) is all of the range.
 * *wait: stopped at an entry that a fault made busy.
 */
static bool protect_round(struct space *s, struct lend_batch *b, u64 *va, u64 end, bool *wait)
{
	u64 *slot;
	int level;

	*wait = false;
	while ((slot = entry_next(s, va, end, &level))) {
		struct region *r = region_at(s, *va);

		if (pte_is_busy(pte_load(slot))) {
			*wait = true;
			return false;
		}
		if (lend_full(b))
			return false;
		if (r)
			protect_entry(b, r, slot, ALIGN_DOWN(*va, pt_span(level)), level);
		*va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
	}
	return true;
}

/*
 * After the zap: entries that this claim made busy, in the order noted, get
 * their new form. Pages that Linux still holds stay marked lent, so that the
 * next change looks at them again.
 */
static void protect_finish(struct space *s, struct lend_batch *b, u64 va, u64 end)
{
	u64 *slot;
	int level;
	u32 i = 0;

	while (i < b->count && (slot = entry_next(s, &va, end, &level))) {
		u64 e = pte_load(slot);

		if (pte_is_busy(e) && !(e & PTE_COPYING)) {
			u64 new = pte_remake(region_at(s, va), e, level) & ~PTE_LENT;

			pte_swap(slot, new | (lend_referenced(b, i) ? PTE_LENT : 0));
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
	} while (!done);
	lend_end(&b);
}

/* How far the change may go, and the error of what stops it. */
static u64 protect_extent(struct space *s, u64 start, u64 end, u32 prot, int *err)
{
	u64 at = start, more = 0, data = 0;

	*err = 0;
	while (at < end) {
		struct region *r = region_at(s, at);

		if (!r)
			*err = -ENOMEM;
		else if (prot & ~r->max_prot)
			*err = -EACCES;
		if (*err)
			break;
		if ((prot & PROT_WRITE) && !(r->prot & PROT_WRITE) && !(r->flags & REGION_SHARED)) {
			u64 pages = (MIN(end, r->end) - at) >> PAGE_SHIFT;

			data += r->flags & REGION_STACK ? 0 : pages;
			more += r->flags & REGION_NORESERVE ? 0 : pages;
		}
		at = r->end;
	}
	if (data_limit_check(s, data) || (more && !memory_admits(more))) {
		*err = -ENOMEM;
		return start;
	}
	return MIN(at, end);
}

static void protect_regions(struct space *s, u64 start, u64 end, u32 prot)
{
	for (struct region *r = region_after(s, start); r && r->start < end;
	     r = region_after(s, r->end)) {
		region_account(s, r, false);
		r->prot = prot;
		region_account(s, r, true);
	}
}

int space_protect(struct space *s, u64 start, u64 end, u32 prot)
{
	struct reservation claim;
	int err, stop;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	spin_lock(&s->lock);
	end = protect_extent(s, start, end, prot, &stop);
	spin_unlock(&s->lock);
	err = start < end ? range_borders(s, start, end) : 0;
	if (!err && start < end) {
		/* From here on new entries obey; the old ones follow. */
		spin_lock(&s->lock);
		protect_regions(s, start, end, prot);
		spin_unlock(&s->lock);
		protect_entries(s, start, end);
	}
	claim_drop(s, &claim);
	return err ? err : stop;
}
