/* SPDX-License-Identifier: GPL-2.0-only */
/* Two ways to fault: without waiting, for Linux, and with waiting and reading of files, for our threads. */
#include "mck/errno.h"
#include "abi/ikc.h"
#include "internal.h"

#define OOM_TRIES 64U /* rounds of making room, of which others may have the fruits, */
#define OOM_TRIES_BOUND 4096U /* or which may make it on other nodes than it is wanted on */

/* ---- copies that wait for the module ---- */

struct copy_job {
	struct space *space; /* pinned */
	u64 va, copy_pa;
};

static void copy_thread(void *arg)
{
	struct copy_job *job = arg;

	cow_finish(job->space, job->va, job->copy_pa);
	space_unpin(job->space);
	kfree(job);
}

/*
 * Without a thread the entry becomes again what it was, whatever the region is
 * by now: a change that came meanwhile waits for the entry, and must find the
 * rights and the mark that the shadow's may still have.
 */
static void copy_undo(struct fault *f)
{
	struct space *s = f->space;
	u64 *pte;
	int level;
	u64 old;

	spin_lock(&s->lock);
	pte = entry_at(s, f->va, &level);
	old = pte_load(pte);
	kassert(level == 1 && pte_is_busy(old));
	pte_swap(pte, (old & ~(PTE_BUSY | PTE_COPYING)) | PTE_PRESENT);
	spin_unlock(&s->lock);
	mm_wake();
	if (upage_unmap(f->copy_pa))
		upage_free(f->copy_pa);
}

static enum fault_result copy_defer(struct fault *f)
{
	struct copy_job *job = kmalloc(sizeof(*job));

	if (job) {
		*job = (struct copy_job){ f->space, f->va, f->copy_pa };
		/* The asker has the space until it is answered, so it can be pinned once more. */
		__atomic_add_fetch(&f->space->pins, 1, __ATOMIC_SEQ_CST);
		if (up_defer(copy_thread, job))
			return FR_BUSY;
		space_unpin(f->space);
		kfree(job);
	}
	copy_undo(f);
	return FR_OOM;
}

/* ---- one attempt ---- */

/* How much of the file cache a fault that found no memory leaves alone. */
static u64 kept_for(const struct fault *f)
{
	return f->file_short ? 0 : reclaim_keep();
}

/* Where it found none: on any node, or on those that it is bound to. Under the space's lock. */
static u32 short_nodes(const struct fault *f)
{
	struct region *r = region_at(f->space, f->va);
	struct where w;

	if (!r || f->file_short || pages_free_now() <= phys_margin())
		return ALL_NODES;
	w = region_where(r, f->by, f->va, 1);
	return w.first | w.rest;
}

static bool is_bound(const struct fault *f)
{
	return phys_nodes() & ~f->nodes;
}

/* Else what is taken from files would be taken for nothing. */
static bool room_helps(const struct fault *f)
{
	for (u32 n = 0; is_bound(f) && n < ABI_MAX_NODES; n++)
		if ((f->nodes & 1U << n) && READ_ONCE(boot_params->counters.pages_clean_node[n]))
			return true;
	return !is_bound(f);
}

static enum fault_result fault_once(struct fault *f)
{
	enum fault_result result;

	if (f->va >= SHADOW_END)
		return FR_NOMAP;
	/* Tables and the like are made under the lock. */
	mm_refill();
	f->file_short = false;
	spin_lock(&f->space->lock);
	result = fault_locked(f);
	if (result == FR_OOM)
		f->nodes = short_nodes(f);
	spin_unlock(&f->space->lock);
	return result;
}

enum fault_result space_fault(struct space *s, u64 addr, enum access access,
			      struct fill_wanted *fill, const struct placer *by)
{
	struct fault f = {
		.space = s, .va = addr & PAGE_MASK, .access = access, .fill = fill, .by = by
	};
	enum fault_result result;

	assert_no_lock();
	result = fault_once(&f);
	if (result == FR_OOM && room_helps(&f) && mm_reclaim(RECLAIM_PAGES, kept_for(&f)))
		result = fault_once(&f);
	/* What is left needs Linux to be asked, who asks us: by a thread. */
	if (result == FR_OOM && room_helps(&f) && mm_make_room_later())
		return FR_BUSY;
	return f.copying ? copy_defer(&f) : result;
}

/* ---- our own threads ---- */

struct fault_wait {
	struct space *space;
	u64 va;
	bool forked; /* a fork is in the way */
};

/* Nothing that a fault at this address would wait for is under way any more. */
static bool fault_may_go_on(void *arg)
{
	struct fault_wait *w = arg;
	struct space *s = w->space;
	struct region *r;
	int level;
	u64 e;
	bool go;

	spin_lock(&s->lock);
	e = pte_load(entry_at(s, w->va, &level));
	r = region_after(s, w->va);
	if (!r || r->start > w->va)
		go = !claim_overlaps(s, w->va,
				     r && (r->flags & REGION_GROWSDOWN) ? r->start + 1 : w->va + 1);
	else if (r->flags & REGION_MIRROR)
		go = !claim_overlaps(s, w->va, w->va + 1);
	else if (e)
		go = !pte_is_busy(e);
	else
		go = !r->file ||
		     !file_page_filling(r->file, r->pgoff + ((w->va - r->start) >> PAGE_SHIFT));
	go = go && !(w->forked && s->forking);
	spin_unlock(&s->lock);
	return go;
}

/* RLIMIT_STACK as Linux has it now, also for faults that Linux will ask for. */
static void limits_refresh(struct space *s)
{
	struct mm_limits l;

	if (up_limits(s, &l))
		WRITE_ONCE(s->stack_limit, l.stack);
}

static enum fault_result wait_for_change(struct fault *f)
{
	struct fault_wait w = { f->space, f->va, f->forked };

	/* The thread must end: what is told to it then does not matter. */
	return mm_wait(fault_may_go_on, &w, true) ? FR_BUS : FR_OK;
}

/*
 * Linux has nothing there. That is true only if no change was under way: one that
 * replaces a mapping is one step for our threads.
 */
static enum fault_result mirror_gone(const struct fault *f)
{
	struct space *s = f->space;
	bool claimed, changed;

	spin_lock(&s->lock);
	claimed = claim_overlaps(s, f->va, f->va + PAGE_SIZE);
	changed = s->mirror_turn != f->mirror_turn;
	spin_unlock(&s->lock);
	if (claimed)
		return FR_BUSY;
	return changed ? FR_OK : FR_NOMAP;
}

/* Linux has entered the page, or says why there is none; an entry that has gone again is faulted for again. */
static enum fault_result mirror_by_twin(const struct fault *f)
{
	u32 access = f->access == ACCESS_WRITE || f->access == ACCESS_FORCE ? FAULT_WRITE
									    : FAULT_READ;

	switch (up_mirror(REQ_MIRROR_FAULT, f->va, access, f->access == ACCESS_EXEC)) {
	case 0:
	case -EAGAIN:
		return FR_OK;
	case -EFAULT:
		return mirror_gone(f);
	case -EACCES:
		return FR_ACCESS;
	case -ENOMEM:
		return FR_OOM;
	default:
		return FR_BUS;
	}
}

static enum fault_result fill_by_twin(struct fill_wanted *fill)
{
	bool go_on = file_read_around(fill->file, fill->index, fill->frame_pa);

	file_put(fill->file);
	return go_on ? FR_OK : FR_BUS;
}

enum fault_result space_fault_wait(struct space *s, u64 addr, enum access access)
{
	struct fill_wanted fill;
	enum fault_result result;
	struct placer by;
	u32 tries = 0;

	assert_no_lock();
	limits_refresh(s);
	placer_self(&by);
	for (;;) {
		struct fault f = { .space = s,
				   .va = addr & PAGE_MASK,
				   .access = access,
				   .fill = &fill,
				   .ours = true,
				   .by = &by };

		/*
		 * A thread in the kernel may be on hold, its twin stopped: it
		 * takes no page to fill, for which others, perhaps who stops it,
		 * would wait. If a hold comes now, the twin serves the read
		 * before it obeys (owes_page() in the module).
		 */
		up_hold_over();
		result = fault_once(&f);
		if (f.copying) {
			cow_finish(s, f.va, f.copy_pa);
			return FR_OK;
		}
		if (result == FR_MIRROR) {
			result = mirror_by_twin(&f);
			if (result != FR_BUSY)
				return result;
		}
		if (result == FR_BUSY || result == FR_FILLING)
			result = wait_for_change(&f);
		else if (result == FR_FILL)
			result = fill_by_twin(&fill);
		else if (result == FR_OOM && room_helps(&f) &&
			 tries++ < (is_bound(&f) ? OOM_TRIES_BOUND : OOM_TRIES) &&
			 mm_make_room(RECLAIM_PAGES, kept_for(&f)))
			continue;
		else
			return result;
		if (result != FR_OK)
			return result;
	}
}
