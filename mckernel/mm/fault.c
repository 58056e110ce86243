/* SPDX-License-Identifier: GPL-2.0-only */
/* Serving page faults without waiting: what is missing, and what may be touched. */
#include "internal.h"

/* ---- may it be touched? ---- */

static bool may_access(const struct region *r, enum access access)
{
	if (access == ACCESS_WRITE)
		return r->prot & PROT_WRITE;
	if (access == ACCESS_EXEC)
		return r->prot & PROT_EXEC;
	/* As Linux: what others share is not written behind their backs. */
	if (access == ACCESS_FORCE && (r->flags & REGION_SHARED))
		return r->prot & PROT_WRITE;
	/* As on x86, whatever can be written or executed can be read. */
	return r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

static bool writes(enum access access)
{
	return access == ACCESS_WRITE || access == ACCESS_FORCE;
}

/*
 * A growing region takes in an address below it, as far as its limit and the
 * gap to its neighbour allow. NULL: it does not; *result tells why.
 */
static struct region *region_grow(struct fault *f, struct region *r, enum fault_result *result)
{
	struct space *s = f->space;
	struct region *below;
	u64 va = f->va;
	u64 limit = READ_ONCE(s->stack_limit);
	u64 pages;

	*result = FR_NOMAP;
	if (!r || !(r->flags & REGION_GROWSDOWN) || va < SHADOW_START) {
		/* A mapping may be about to be replaced: for our threads that is one step. */
		if (f->ours && claim_overlaps(s, va, va + 1))
			*result = FR_BUSY;
		return NULL;
	}
	if (r->end - va > limit)
		return NULL;
	below = region_before(s, r->start);
	if (below && below->prot != PROT_NONE && !(below->flags & REGION_GROWSDOWN) &&
	    va < below->end + STACK_GAP)
		return NULL;
	if (below && va < below->end)
		return NULL;
	pages = (r->start - va) >> PAGE_SHIFT;
	if (limit_check(s, r, pages))
		return NULL;
	/*
	 * Also one that begins at this border: whoever has it needs the border where
	 * it is. If he waits for mmap_lock, Linux, who may have it, does not wait.
	 */
	if (claim_overlaps(s, va, r->start + 1)) {
		*result = f->ours || !s->mirroring ? FR_BUSY : FR_NOMAP;
		return NULL;
	}
	if (!(r->flags & REGION_ACCOUNT))
		pages = 0;
	if (!commit_take(s, pages))
		return NULL;
	region_resize(s, r, va, r->end);
	commit_drop(pages);
	return r;
}

static struct region *region_for(struct fault *f, enum fault_result *result)
{
	struct region *r = region_after(f->space, f->va);

	if (r && r->start <= f->va) {
		*result = may_access(r, f->access) ? FR_OK : FR_ACCESS;
		return r;
	}
	r = region_grow(f, r, result);
	if (r)
		*result = may_access(r, f->access) ? FR_OK : FR_ACCESS;
	return r;
}

/* ---- anonymous memory ---- */

u64 anon_page(const struct where *w)
{
	u64 pa = upage_alloc(w);

	if (pa)
		memset(pa_to_va(pa), 0, PAGE_SIZE);
	return pa;
}

/*
 * A large page where the region covers all of it, nothing lies there yet, and
 * memory is not so short that untouched parts of it would be missed.
 */
static bool anon_large(struct fault *f, struct region *r)
{
	struct where w;
	u64 base = ALIGN_DOWN(f->va, HUGE_SIZE);
	int level;
	u64 *pte;
	u64 pa;

	if (READ_ONCE(f->space->no_huge))
		return false;
	/* A stack seldom uses so much, and every new program has one. */
	if (base < r->start || base + HUGE_SIZE > r->end ||
	    (r->flags & (REGION_NOHUGE | REGION_GROWSDOWN | REGION_STACK)))
		return false;
	pte = entry_at(f->space, base, &level);
	if (level < 2 || pte_load(pte))
		return false;
	if (pages_free_now() < boot_params->counters.pages_total / 8 + HUGE_PAGES)
		return false;
	pte = entry_make(f->space, base, 2);
	if (!pte)
		return false;
	w = region_where(r, f->by, f->va, 2);
	pa = upage_alloc_block(&w);
	if (!pa)
		return false;
	memset(pa_to_va(pa), 0, HUGE_SIZE);
	pte_swap(pte, pte_make(r, pa, 2, true));
	return true;
}

/* How many pages a fault maps: one, doubled while faults come in sequence. */
static u32 around_count(struct region *r, u64 va)
{
	u32 count = r->next_fault == va && r->around ? MIN(r->around * 2, AROUND_MAX) : 1;
	u64 window = ALIGN_DOWN(va, AROUND_MAX * PAGE_SIZE) + AROUND_MAX * PAGE_SIZE;

	r->around = count;
	/* Not beyond the window: it lies in one table. */
	count = MIN(count, (MIN(window, r->end) - va) >> PAGE_SHIFT);
	r->next_fault = va + count * PAGE_SIZE;
	return count;
}

static enum fault_result anon_missing(struct fault *f, struct region *r)
{
	u64 *pte;
	u32 count;

	if (anon_large(f, r))
		return FR_OK;
	pte = entry_make(f->space, f->va, 1);
	if (!pte)
		return FR_OOM;
	count = around_count(r, f->va);
	for (u32 i = 0; i < count; i++) {
		struct where w = region_where(r, f->by, f->va + i * PAGE_SIZE, 1);
		u64 pa;

		if (pte_load(&pte[i]))
			continue;
		pa = anon_page(&w);
		/* The first page is the one that was asked for. */
		if (!pa)
			return i ? FR_OK : FR_OOM;
		pte_swap(&pte[i], pte_make(r, pa, 1, true));
	}
	return FR_OK;
}

/* ---- shared memory ---- */

static enum fault_result shared_missing(struct fault *f, struct region *r)
{
	struct where w = region_where(r, f->by, f->va, 1);
	u64 *pte = entry_make(f->space, f->va, 1);
	u64 pa;

	if (!pte)
		return FR_OOM;
	switch (shmobj_page(r->shm, r->pgoff + ((f->va - r->start) >> PAGE_SHIFT), &w, &pa)) {
	case PAGE_READY:
		pte_swap(pte, pte_make(r, pa, 1, false));
		return FR_OK;
	case PAGE_BEYOND:
		return FR_BUS;
	default:
		return FR_OOM;
	}
}

/* ---- private file pages ---- */

/* Cached neighbours come along: text is seldom touched in one page only. */
static void file_map_around(struct fault *f, struct region *r, u64 *pte)
{
	u64 first = MAX(ALIGN_DOWN(f->va, AROUND_MAX * PAGE_SIZE), r->start);
	u64 end = MIN(ALIGN_DOWN(f->va, AROUND_MAX * PAGE_SIZE) + AROUND_MAX * PAGE_SIZE, r->end);
	u32 count = (u32)((end - first) >> PAGE_SHIFT);
	u64 pa[AROUND_MAX];

	pte -= (f->va - first) >> PAGE_SHIFT;
	file_pages_ready(r->file, r->pgoff + ((first - r->start) >> PAGE_SHIFT), count, pa);
	for (u32 i = 0; i < count; i++) {
		if (!pa[i])
			continue;
		if (pte_load(&pte[i]))
			upage_unmap(pa[i]); /* the cache holds it: never the last */
		else
			pte_swap(&pte[i], pte_make(r, pa[i], 1, false));
	}
}

/* A write to a page not mapped yet: a copy of the cached one at once. */
static enum fault_result file_copy(struct fault *f, struct region *r, u64 *pte, u64 cached_pa)
{
	struct where w = region_where(r, f->by, f->va, 1);
	u64 pa = upage_alloc(&w);

	if (pa) {
		memcpy(pa_to_va(pa), pa_to_va(cached_pa), PAGE_SIZE);
		r->flags |= REGION_COWED;
		pte_swap(pte, pte_make(r, pa, 1, true));
	}
	if (upage_unmap(cached_pa))
		lend_free(cached_pa);
	return pa ? FR_OK : FR_OOM;
}

static enum fault_result file_missing(struct fault *f, struct region *r)
{
	u64 *pte = entry_make(f->space, f->va, 1);
	u64 index = r->pgoff + ((f->va - r->start) >> PAGE_SHIFT);
	u64 pa;

	if (!pte)
		return FR_OOM;
	switch (file_page(r->file, index, f->ours, &pa)) {
	case PAGE_READY:
		if (writes(f->access))
			return file_copy(f, r, pte, pa);
		pte_swap(pte, pte_make(r, pa, 1, false));
		file_map_around(f, r, pte);
		return FR_OK;
	case PAGE_TO_FILL:
		file_get(r->file);
		*f->fill = (struct fill_wanted){ r->file, index, pa };
		return FR_FILL;
	case PAGE_FILLING:
		return FR_FILLING;
	case PAGE_BEYOND:
		return FR_BUS;
	default:
		f->file_short = true;
		return FR_OOM;
	}
}

/* ---- what is Linux's ---- */

/* The table is ours to make; the entry is the module's. */
static enum fault_result mirror_missing(struct fault *f)
{
	u64 *pte = entry_make(f->space, f->va, 1);
	u64 e;

	if (!pte)
		return FR_OOM;
	e = pte_load(pte);
	if (pte_is_mirror(e) && (!writes(f->access) || (e & PTE_WRITE)) &&
	    (f->access != ACCESS_EXEC || !(e & PTE_NX)))
		return FR_OK;
	/* Linux itself finds its own mapping there, and asks us only if that has just gone. */
	f->mirror_turn = f->space->mirror_turn;
	return f->ours ? FR_MIRROR : FR_NOMAP;
}

/* ---- all of it ---- */

/* Something is mapped there; it may suffice, or lack a right that the region gives. */
static enum fault_result fault_present(struct fault *f, struct region *r, u64 *pte, int level)
{
	for (;;) {
		u64 old = pte_load(pte);
		u64 new = pte_grow(old, pte_remake(r, old, level));

		if (pte_is_busy(old))
			return FR_BUSY;
		/* The module's, where it has none to make: never ours to change. */
		if (pte_is_mirror(old))
			return FR_BUS;
		/* Rights that the region gives are granted at once. */
		if (new != old && !pte_cas(pte, old, new))
			continue;
		if (writes(f->access) && !(new &PTE_WRITE) &&
		    !(f->access == ACCESS_FORCE && (new &PTE_OWN)))
			return cow_break(f, r, pte, level);
		return FR_OK;
	}
}

/*
 * Would this fault let its thread change a page that a fork under way has copied
 * already? If it could, the child might see what the thread wrote afterwards
 * elsewhere, and not this: lists that a program knows to be in order at its fork,
 * since only one thread changes them, step by step, would be torn.
 */
static bool fork_forbids(const struct fault *f, const struct region *r, const u64 *pte, int level)
{
	u64 e = pte_load(pte);

	if (!f->space->forking || (e & PTE_WRITE))
		return false;
	if (writes(f->access))
		return true;
	if (!e)
		return !r->file && !r->shm;
	return !pte_is_busy(e) && (pte_remake(r, e, level) & PTE_WRITE);
}

enum fault_result fault_locked(struct fault *f)
{
	enum fault_result result;
	struct region *r;
	u64 *pte;
	int level;

	assert_held(&f->space->lock);
	r = region_for(f, &result);
	if (result != FR_OK)
		return result;
	if (r->flags & REGION_MIRROR)
		return mirror_missing(f);
	pte = entry_at(f->space, f->va, &level);
	f->forked = fork_forbids(f, r, pte, level);
	if (f->forked)
		return FR_BUSY;
	if (pte_load(pte))
		return fault_present(f, r, pte, level);
	if (r->shm)
		return shared_missing(f, r);
	return r->file ? file_missing(f, r) : anon_missing(f, r);
}
