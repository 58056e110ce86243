/* SPDX-License-Identifier: GPL-2.0-only */
/* What a space consists of, told to Linux: its regions, and how many pages they have. */
#include "abi/ikc.h"
#include "internal.h"

/* Pages that are looked at under one hold of the lock. */
#define COUNT_MAX 2048U
/* What a stretch of tables without any counts for. */
#define COUNT_EMPTY 64U

static u32 info_flags(const struct region *r)
{
	static const struct {
		u32 region, info;
	} pairs[] = {
		{ REGION_SHARED, REGION_INFO_SHARED },
		{ REGION_MIRROR, REGION_INFO_LINUX },
		{ REGION_GROWSDOWN, REGION_INFO_GROWS },
		{ REGION_STACK, REGION_INFO_STACK },
		{ REGION_HEAP, REGION_INFO_HEAP },
		{ REGION_VDSO, REGION_INFO_VDSO },
		{ REGION_LOCKED, REGION_INFO_LOCKED },
		{ REGION_NORESERVE, REGION_INFO_NORESERVE },
		{ REGION_DONTFORK, REGION_INFO_DONTFORK },
		{ REGION_WIPEONFORK, REGION_INFO_WIPEONFORK },
		{ REGION_NOHUGE, REGION_INFO_NOHUGE },
	};
	u32 flags = 0;

	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++)
		flags |= r->flags & pairs[i].region ? pairs[i].info : 0;
	return flags;
}

static void describe(const struct region *r, u64 start, struct region_info *i)
{
	*i = (struct region_info){
		.start = start,
		.end = r->end,
		.prot = r->prot,
		.flags = info_flags(r),
		.file_id = r->file ? file_id(r->file) : 0,
		.object = r->shm ? shmobj_id(r->shm) : 0,
		.policy = r->policy.mode | r->policy.flags,
		.policy_nodes = r->policy.nodes,
	};
	if (!region_is_plain(r))
		i->offset = (r->pgoff << PAGE_SHIFT) + (start - r->start);
}

/* `pages` pages from that of `pa` on, mapped by one entry. */
static void count_frames(const struct region *r, u64 pa, u32 pages, struct region_info *i)
{
	const struct frame *f = frame_of(pa);

	i->resident += pages;
	if (!f) {
		/* Linux's: by how many it is mapped, only Linux knows. */
		i->shared += pages;
		i->portion += pages * PAGE_SIZE;
		return;
	}
	i->node_pages[frame_node(pa)] += pages;
	for (u32 n = 0; n < pages; n++, f++) {
		bool cached = frame_flags(f) & FRAME_CACHE;
		u32 refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);
		/* Cache and shared memory have a reference of their own. */
		u32 maps = refs > 1 && (cached || r->shm) ? refs - 1 : MAX(refs, 1U);
		bool own = !cached && !(r->flags & REGION_SHARED);

		i->own += own;
		i->mapmax = MAX(i->mapmax, maps);
		i->shared += maps > 1;
		i->shared_own += own && maps > 1;
		i->portion += PAGE_SIZE / maps;
	}
}

/* False: the budget has been used up; what is counted ends at i->end, which may be i->start. */
static bool count_pages(struct space *s, const struct region *r, struct region_info *i, u32 *budget)
{
	u64 va = i->start;
	int level;

	while (va < i->end) {
		u64 from = va, *pte = entry_next(s, &va, i->end, &level);
		u64 e = pte ? pte_load(pte) : 0, span, stop;
		u32 pages, cost = !pte || va > from ? COUNT_EMPTY : 0;

		if (pte && va < i->end) {
			span = pt_span(level);
			stop = MIN(i->end, ALIGN_DOWN(va, span) + span);
			pages = (u32)((stop - va) >> PAGE_SHIFT);
			cost += pages;
			if (cost > *budget && *budget < COUNT_MAX)
				break;
			if ((e & (PTE_PRESENT | PTE_HELD | PTE_BUSY)) && pte_pa(e)) {
				count_frames(r, pte_pa(e) + (va & (span - 1)), pages, i);
				i->large += level > 1 ? pages : 0;
			}
			va = stop;
		}
		*budget -= MIN(*budget, cost);
		if (!*budget)
			break;
	}
	if (va >= i->end)
		return true;
	i->end = va;
	i->flags |= REGION_INFO_PART;
	return false;
}

u32 space_describe(struct space *s, u64 from, struct region_info *info, u32 max, bool count)
{
	u32 n = 0, budget = COUNT_MAX;
	struct region *r;

	spin_lock(&s->lock);
	r = region_after(s, from);
	for (; r && n < max; r = region_next(s, r)) {
		bool whole;

		describe(r, MAX(r->start, from), &info[n]);
		whole = !count || count_pages(s, r, &info[n], &budget);
		n += info[n].end > info[n].start;
		if (!whole)
			break;
		budget -= MIN(budget, 1U);
		if (!budget)
			break;
	}
	spin_unlock(&s->lock);
	return n;
}
