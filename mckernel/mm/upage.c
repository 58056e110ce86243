/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of user memory: taken, referred to, mapped and given back, page by page and in blocks of 512. */
#include "internal.h"

#define BLOCK_ORDER 9

static const struct where anywhere = { NO_NODE, ALL_NODES, 0 };

static u64 upage_alloc_above(u64 floor, const struct where *w)
{
	u64 pa = pages_free_now() > floor ? page_alloc_at(0, w ? w : &anywhere) : 0;
	struct frame *f;

	if (!pa)
		return 0;
	f = frame_of(pa);
	f->refs = 1;
	/* Atomic, since whoever frees its buddy looks at it. */
	__atomic_store_n(&f->flags, FRAME_USER, __ATOMIC_RELAXED);
	count_add(&boot_params->counters.pages_user, 1);
	return pa;
}

u64 upage_alloc(const struct where *w)
{
	return upage_alloc_above(phys_margin(), w);
}

u64 upage_alloc_margin(const struct where *w)
{
	return upage_alloc_above(phys_margin() / 2, w);
}

void upage_get(u64 pa)
{
	kassert(__atomic_fetch_add(&frame_of(pa)->refs, 1, __ATOMIC_RELAXED) > 0);
}

bool upage_put(u64 pa)
{
	/* Release our accesses to the page, acquire everyone's if it was the last. */
	u32 left = __atomic_sub_fetch(&frame_of(pa)->refs, 1, __ATOMIC_ACQ_REL);

	kassert(left != ~0U);
	return left == 0;
}

/* The frame is nobody's any more: out of the user's account, without marks. */
void upage_free(u64 pa)
{
	struct frame *f = frame_of(pa);

	kassert(f && f->refs == 0);
	if (frame_flags(f) & FRAME_USER)
		count_add(&boot_params->counters.pages_user, -1UL);
	__atomic_store_n(&f->flags, 0, __ATOMIC_RELAXED);
	page_free(pa, 0);
}

/* ---- mappings ---- */

/*
 * pages_cache counts frames whose only reference is the file cache's. A
 * frame's FRAME_CACHE changes only under the file cache's lock while it has
 * one reference, so who holds another, or takes one under that lock, may
 * look at it.
 */
static void frame_map(struct frame *f)
{
	struct lwk_counters *c = &boot_params->counters;
	u32 old = __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);

	kassert(old > 0);
	if (old == 1 && (f->flags & FRAME_CACHE))
		count_move(&c->pages_cache, &c->pages_user);
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
		count_move(&c->pages_user, &c->pages_cache);
	return left == 0;
}

u64 upage_alloc_block(const struct where *w)
{
	bool spare = pages_free_now() > phys_margin() + HUGE_PAGES;
	u64 pa = spare ? page_alloc_at(BLOCK_ORDER, w ? w : &anywhere) : 0;
	struct frame *f;

	if (!pa)
		return 0;
	f = frame_of(pa);
	for (u32 i = 0; i < HUGE_PAGES; i++) {
		f[i].refs = 1;
		__atomic_store_n(&f[i].flags, FRAME_USER, __ATOMIC_RELAXED);
	}
	count_add(&boot_params->counters.pages_user, HUGE_PAGES);
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
	count_add(&boot_params->counters.pages_user, -(u64)HUGE_PAGES);
	page_free(pa, BLOCK_ORDER);
}
