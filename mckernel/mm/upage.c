/* SPDX-License-Identifier: GPL-2.0-only */
/* References to pages of user memory: mappings, page by page, and blocks of 512. */
#include "internal.h"

#define BLOCK_ORDER 9

/*
 * pages_cache counts frames whose only reference is the file cache's. A
 * frame's FRAME_CACHE changes only under the file cache's lock while it has
 * one reference, so who holds another, or takes one under that lock, may
 * look at it.
 */
static void move_count(abi_u64 *from, abi_u64 *to)
{
	__atomic_sub_fetch(from, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(to, 1, __ATOMIC_RELAXED);
}

static void frame_map(struct frame *f)
{
	struct lwk_counters *c = &boot_params->counters;
	u32 old = __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);

	kassert(old > 0);
	if (old == 1 && (f->flags & FRAME_CACHE))
		move_count(&c->pages_cache, &c->pages_user);
}

void upage_map(u64 pa)
{
	frame_map(frame_of(pa));
}

void upage_map_block(u64 pa)
{
	struct frame *f = frame_of(pa);

	for (u32 i = 0; i < HUGE_PAGES; i++)
		frame_map(&f[i]);
}

bool upage_unmap(u64 pa)
{
	struct frame *f = frame_of(pa);
	struct lwk_counters *c = &boot_params->counters;
	/* Read first: without our reference the frame may become another's. */
	bool cached = f->flags & FRAME_CACHE;
	/* Release our accesses to the page, acquire everyone's if it was the last. */
	u32 left = __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL);

	kassert(left != ~0U);
	if (left == 1 && cached)
		move_count(&c->pages_user, &c->pages_cache);
	return left == 0;
}

u64 upage_alloc_block(int node)
{
	bool spare = pages_free_now() > phys_margin() + HUGE_PAGES;
	u64 pa = spare ? page_alloc(BLOCK_ORDER, node) : 0;
	struct frame *f;

	if (!pa)
		return 0;
	f = frame_of(pa);
	for (u32 i = 0; i < HUGE_PAGES; i++) {
		f[i].refs = 1;
		__atomic_store_n(&f[i].flags, FRAME_USER, __ATOMIC_RELAXED);
	}
	__atomic_add_fetch(&boot_params->counters.pages_user, HUGE_PAGES, __ATOMIC_RELAXED);
	return pa;
}

void upage_end_block(u64 pa)
{
	struct frame *f = frame_of(pa);

	for (u32 i = 0; i < HUGE_PAGES; i++) {
		kassert(frame_is_single(&f[i]));
		f[i].refs = 0;
		__atomic_store_n(&f[i].flags, 0, __ATOMIC_RELAXED);
	}
	__atomic_sub_fetch(&boot_params->counters.pages_user, HUGE_PAGES, __ATOMIC_RELAXED);
	page_free(pa, BLOCK_ORDER);
}
