/* SPDX-License-Identifier: GPL-2.0-only */
/* When memory is short: clean pages of files leave the spaces that map them, and the cache. */
#include "internal.h"

#define SCAN_LOOK 512U /* regions and entries looked at under one hold of a space's lock */

/* Each CPU's own: it is at it, and what that calls may ask for memory too. */
static bool reclaiming[ABI_MAX_CPUS];

/*
 * Where the next scan goes on: the spaces take turns, by space_pin_next().
 * Changed by whoever scans; a pair that does not fit is as good a place.
 */
static u64 hand_id, hand_va;

/* ---- out of the spaces ---- */

/* What a scan is after: clean pages of any file, all old pages of one, or what shared memory has no more. */
struct taking {
	const struct file *old; /* neither of the two: clean pages */
	struct shmobj *shm;
	u64 first, end; /* of its pages these */
	/*
	 * Without it, Linux may not have seen a clean page either: then nobody has
	 * to be asked, and no wait is needed.
	 */
	bool lent;
};

static bool looks_at(const struct taking *t, const struct region *r)
{
	if (t->shm)
		return r->shm == t->shm;
	return t->old ? r->file == t->old : r->file && !(r->flags & REGION_LOCKED);
}

/* A page that the file has, or had, as it was read. A busy one is left to who has made it busy. */
static bool is_wanted(const struct taking *t, const struct region *r, u64 va, u64 e)
{
	u8 flags;

	if (t->shm)
		return !shmobj_has(t->shm, r->pgoff + ((va - r->start) >> PAGE_SHIFT), pte_pa(e));
	if (!e || (e & PTE_OWN) || pte_is_mirror(e))
		return false;
	flags = __atomic_load_n(&frame_of(pte_pa(e))->flags, __ATOMIC_RELAXED);
	if (t->old)
		return flags & FRAME_OLD;
	return (flags & FRAME_CACHE) && !pte_is_busy(e) && (t->lent || !pte_lent(e, 1));
}

/* Where in a region such pages can be; false: nowhere. */
static bool part_of(const struct taking *t, const struct region *r, u64 *start, u64 *end)
{
	u64 pages = (r->end - r->start) >> PAGE_SHIFT;

	*start = r->start;
	*end = r->end;
	if (!looks_at(t, r))
		return false;
	if (!t->shm)
		return true;
	if (t->first >= r->pgoff + pages || t->end <= r->pgoff)
		return false;
	if (t->first > r->pgoff)
		*start += (t->first - r->pgoff) << PAGE_SHIFT;
	if (t->end < r->pgoff + pages)
		*end = r->start + ((t->end - r->pgoff) << PAGE_SHIFT);
	return true;
}

/*
 * One hold of the lock, from *va on, which becomes SHADOW_END behind the last
 * region. It ends at an old page that is busy, too.
 */
static u32 take_round(struct space *s, struct lend_batch *b, u64 *va, u32 want,
		      const struct taking *t)
{
	u32 taken = 0;

	for (u32 look = 0; look < SCAN_LOOK && taken < want; look++) {
		struct region *r = region_after(s, *va);
		u64 *pte, old, start, end;
		int level;

		if (!r) {
			*va = SHADOW_END;
			break;
		}
		if (!part_of(t, r, &start, &end) || *va >= end) {
			*va = r->end;
			continue;
		}
		*va = MAX(*va, start);
		pte = entry_next(s, va, end, &level);
		if (!pte) {
			/* The way is long, through empty tables: others have their turn. */
			if (*va < end)
				break;
			continue;
		}
		old = pte_load(pte);
		if (level == 1 && is_wanted(t, r, *va, old)) {
			if (lend_full(b) || pte_is_busy(old))
				break;
			/* It fails when the module sets its mark meanwhile: look again. */
			if (!pte_cas(pte, old, PTE_NONE))
				continue;
			lend_note(b, *va, old, level, true);
			taken++;
		}
		*va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
	}
	return taken;
}

static u32 take_from(struct space *s, u64 *va, u32 want, const struct taking *t)
{
	struct lend_batch b;
	u32 taken = 0;

	lend_begin(&b, s);
	while (*va < SHADOW_END && taken < want) {
		spin_lock(&s->lock);
		taken += take_round(s, &b, va, want - taken, t);
		spin_unlock(&s->lock);
		/* What is not lent is only flushed: no wait. */
		lend_flush(&b);
		lend_again(&b);
	}
	lend_end(&b);
	return taken;
}

/* The space at the hand, pinned, or the next one. NULL: the turn is over. */
static struct space *space_at_hand(u64 *va)
{
	u64 id = READ_ONCE(hand_id);
	struct space *s;

	*va = READ_ONCE(hand_va);
	s = id && *va < SHADOW_END ? space_pin(id) : NULL;
	if (s)
		return s;
	*va = 0;
	return space_pin_next(id);
}

static void set_hand(u64 id, u64 va)
{
	WRITE_ONCE(hand_id, id);
	WRITE_ONCE(hand_va, va);
}

/*
 * Take `want` clean pages out of spaces, one space after the other, as far as
 * there are any; those stay in the cache until it is shrunk. With `lent` it waits.
 */
static u32 reclaim_scan(u32 want, bool lent)
{
	const struct taking clean = { .lent = lent };
	u32 taken = 0;

	/* From the middle of a turn to its end, and one whole turn. */
	for (u32 turns = 0; turns < 2 && taken < want;) {
		u64 va;
		struct space *s = space_at_hand(&va);

		if (!s) {
			set_hand(0, 0);
			turns++;
			continue;
		}
		taken += take_from(s, &va, want - taken, &clean);
		set_hand(s->id, va);
		space_unpin(s);
	}
	return taken;
}

static void take_old(struct space *s, const struct taking *t)
{
	struct lend_batch b;
	u64 va = 0;

	lend_begin(&b, s);
	while (va < SHADOW_END) {
		spin_lock(&s->lock);
		take_round(s, &b, &va, SCAN_LOOK, t);
		spin_unlock(&s->lock);
		lend_flush(&b);
		lend_again(&b);
		/* Who has an entry busy waits for nobody but the module. */
		if (va < SHADOW_END)
			entry_wait(s, va, false);
		mm_turn();
	}
	lend_end(&b);
}

static void take_everywhere(const struct taking *t)
{
	struct space *s;

	for (u64 id = 0; (s = space_pin_next(id)); id = s->id, space_unpin(s))
		take_old(s, t);
}

void spaces_take_old(const struct file *f)
{
	const struct taking t = { .old = f, .lent = true };

	take_everywhere(&t);
}

void spaces_take_dropped(struct shmobj *o, u64 first, u64 end)
{
	const struct taking t = { .shm = o, .first = first, .end = end, .lent = true };

	take_everywhere(&t);
}

void space_take_dropped(struct space *s, struct shmobj *o)
{
	const struct taking t = { .shm = o, .end = ~0UL, .lent = true };

	take_old(s, &t);
}

/* ---- making room ---- */

/* How many pages of files in use may go. What is kept lets programs run on in little memory, if slowly. */
static u64 may_go(u64 keep)
{
	u64 clean = file_pages_clean(), idle = file_pages_idle();

	return clean > idle + keep ? clean - idle - keep : 0;
}

u64 reclaim_keep(void)
{
	return phys_margin() / 2;
}

/*
 * What was just read, and nobody could map yet, survives once: else who reads
 * a page would lose it before he has it, again and again.
 */
static u64 reclaim_used(u64 want, bool lent)
{
	u64 unmapped = READ_ONCE(boot_params->counters.pages_cache) - file_pages_idle();

	if ((s64)unmapped < (s64)want)
		reclaim_scan((u32)MIN(want, (u64)RECLAIM_MOST), lent);
	return file_shrink_old(want);
}

static u64 reclaim_once(u64 pages, u64 keep)
{
	bool *mine = &reclaiming[this_cpu()->place];
	u64 freed, want;

	if (this_cpu()->lock_depth || *mine || !file_pages_clean())
		return 0;
	*mine = true;
	freed = file_shrink_idle(pages);
	want = freed < pages ? MIN(pages - freed, may_go(keep)) : 0;
	if (want)
		freed += reclaim_used(want, false);
	*mine = false;
	return freed;
}

u64 mm_reclaim(u64 pages, u64 keep)
{
	u64 freed = reclaim_once(pages, keep);

	return freed ? freed : reclaim_once(pages, keep);
}

bool mm_make_room(u64 pages, u64 keep)
{
	u64 freed = mm_reclaim(pages, keep);
	u64 want = freed < pages ? MIN(pages - freed, may_go(keep)) : 0;
	u64 before;

	assert_no_lock();
	if (want)
		freed += reclaim_used(want, true);
	/* Linux may have let go of what it held. */
	before = pages_free_now();
	lend_drain();
	return freed || pages_free_now() > before;
}

void mm_refill(void)
{
	u64 free = pages_free_now(), margin = phys_margin();

	if (free <= margin / 2)
		reclaim_once(margin - free, reclaim_keep());
}

/* ---- for those who may not wait ---- */

/* Under `later_lock`. */
static struct spinlock later_lock = SPINLOCK_INIT(RANK_FRAME);
static bool later_runs; /* a thread makes room, */
static bool later_failed; /* or the last one could not, which nobody has been told yet */

static void later_thread(void *unused)
{
	bool done = mm_make_room(RECLAIM_PAGES, 0);

	(void)unused;
	spin_lock(&later_lock);
	later_runs = false;
	later_failed = !done;
	spin_unlock(&later_lock);
	mm_wake();
}

bool mm_make_room_later(void)
{
	bool runs, failed;

	assert_no_lock();
	spin_lock(&later_lock);
	runs = later_runs;
	failed = !runs && later_failed;
	later_failed = false;
	later_runs = !failed;
	spin_unlock(&later_lock);
	if (runs || failed)
		return runs;
	if (up_defer(later_thread, NULL))
		return true;
	spin_lock(&later_lock);
	later_runs = false;
	spin_unlock(&later_lock);
	return false;
}
