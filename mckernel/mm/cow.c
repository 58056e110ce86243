/* SPDX-License-Identifier: GPL-2.0-only */
/* Breaking copy-on-write. */
#include "internal.h"

/*
 * An entry with PTE_OWN is the only one to its frame and is simply made
 * writable (pte_remake). One without it was shared at some time. If all
 * others have gone since, it may take the frame over, unless Linux still held
 * it when one of them went: that may be a page in a pipe, which must not see
 * what is written now. Otherwise the frame is left to the others.
 */
static bool frame_is_ours(const struct frame *f)
{
	/* The flags after the count: who drops a reference marks the frame before. */
	return frame_is_single(f) &&
	       !(__atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & (FRAME_LENT | FRAME_CACHE));
}

static bool block_is_ours(const struct frame *f)
{
	for (u32 i = 0; i < HUGE_PAGES; i++)
		if (!frame_is_ours(&f[i]))
			return false;
	return true;
}

/*
 * In place. If the shadow shows the page, it does so read-only; Linux's next
 * write there faults and finds the entry writable. Rights only grow, so
 * neither a zap nor a flush of other CPUs is needed.
 */
static void take_over(struct region *r, u64 *pte, int level)
{
	u64 old, new;

	do {
		old = pte_load(pte);
		new = pte_grow(old, pte_make(r, pte_pa(old), level, true) | (old & PTE_LENT));
	} while (!pte_cas(pte, old, new));
}

/*
 * Break before make: take the entry out, flush, and only then copy. A fork
 * makes entries read-only first and flushes after it has dropped the lock, so
 * another CPU may still write to the frame; what it writes has to be in the
 * copy. Returns the entry that was there.
 */
static u64 break_and_copy(struct fault *f, u64 *pte, u64 copy)
{
	u64 old, busy;

	do {
		old = pte_load(pte);
		busy = (old & ~PTE_PRESENT) | PTE_BUSY | ((old & PTE_LENT) ? PTE_COPYING : 0);
	} while (!pte_cas(pte, old, busy));
	arch_flush_space(f->space, f->va, f->va + PAGE_SIZE);
	/* Nobody writes to it any more, and our reference keeps others from taking it over. */
	memcpy(pa_to_va(copy), pa_to_va(pte_pa(old)), PAGE_SIZE);
	return old;
}

enum fault_result cow_break(struct fault *f, struct region *r, u64 *pte, int level)
{
	struct where w = region_where(r, f->by, f->va, 1);
	u64 old = pte_load(pte);
	u64 copy;

	if (level == 2) {
		if (block_is_ours(frame_of(pte_pa(old)))) {
			take_over(r, pte, level);
			return FR_OK;
		}
		/* Only one page is copied; the small entries inherit the mark. */
		if (entry_split(f->space, pte, f->va))
			return FR_OOM;
		pte = entry_at(f->space, f->va, &level);
		old = pte_load(pte);
	}
	if (frame_is_ours(frame_of(pte_pa(old)))) {
		take_over(r, pte, level);
		return FR_OK;
	}
	copy = upage_alloc(&w);
	if (!copy)
		return FR_OOM;
	if (r->file)
		r->flags |= REGION_COWED;
	old = break_and_copy(f, pte, copy);
	if (old & PTE_LENT) {
		/*
		 * The shadow may show the old frame at this address, and Linux
		 * would read old bytes there for ever: it has to be zapped, which
		 * means waiting. (That the module itself zaps after its write
		 * fault is not enough: the task that asked may be killed before it
		 * does.) The entry is busy until then, and somebody finishes it who
		 * may wait.
		 */
		f->copying = true;
		f->copy_pa = copy;
		return FR_BUSY;
	}
	/* Not lent, so no shadow shows the old frame, and no late insert can: marks come first. */
	pte_swap(pte, pte_make(r, copy, 1, true));
	if (upage_unmap(pte_pa(old)))
		lend_free(pte_pa(old));
	return FR_OK;
}

void cow_finish(struct space *s, u64 va, u64 copy_pa)
{
	struct lend_batch b;
	u64 *pte;
	int level;
	u64 old;

	lend_begin(&b, s);
	spin_lock(&s->lock);
	pte = entry_at(s, va, &level);
	old = pte_load(pte);
	kassert(level == 1 && pte_is_busy(old) && (old & PTE_COPYING));
	lend_note(&b, va, old, 1, true);
	spin_unlock(&s->lock);
	lend_finish(&b);

	/*
	 * The region may have changed or gone meanwhile: a change waits for
	 * this entry, and finds the copy under whatever rights are in force.
	 */
	spin_lock(&s->lock);
	pte = entry_at(s, va, &level);
	kassert(level == 1 && pte_is_busy(pte_load(pte)));
	pte_swap(pte, pte_make(region_at(s, va), copy_pa, 1, true));
	spin_unlock(&s->lock);
	mm_wake();
}
