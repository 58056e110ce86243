/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Linux places in the window of addresses is the proxy's alone. A program
 * that only looks at such a page, as libaio does at the ring of io_setup, is
 * shown zeroes there: "no ring that you know, ask the kernel".
 */
#include "mck/errno.h"
#include "internal.h"

static bool is_page_of_window(u64 va)
{
	return !(va & ~PAGE_MASK) && va >= WINDOW_START && va < SPACE_END;
}

int window_show(struct space *s, u64 va)
{
	const struct region r = { .prot = PROT_READ };
	u64 *pte = NULL;
	u64 pa = 0;

	if (!is_page_of_window(va))
		return -EINVAL;
	mm_refill();
	spin_lock(&s->lock);
	pte = entry_make(s, va, 1);
	/* A ring that has gone by munmap may have left its page. */
	if (pte && !pte_load(pte)) {
		pa = anon_page(NULL);
		if (pa)
			pte_swap(pte, pte_make(&r, pa, 1, false));
	}
	pa = pte ? pte_load(pte) : 0;
	spin_unlock(&s->lock);
	return pa ? 0 : -ENOMEM;
}

void window_hide(struct space *s, u64 va)
{
	if (is_page_of_window(va))
		range_take(s, va, va + PAGE_SIZE);
}
