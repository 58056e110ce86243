/* SPDX-License-Identifier: GPL-2.0-only */
/* mremap: resizing in place, and moving pages to other addresses. */
#include "mck/errno.h"
#include "internal.h"

/*
 * A move goes by the entries: each is taken out at the old place and put in
 * at the new one, with its frame, references and mark. The destination has
 * no region until all are there and the source has none any more, so no fault
 * fills either meanwhile. What the shadow shows at the old addresses is zapped
 * before the call returns; marks are kept, since a mark that tells too much is
 * harmless.
 */
struct move {
	struct space *space;
	u64 from, to; /* page-aligned */
	u64 size;
};

/* Small entries are needed on both sides unless both have the same place in a large one. */
static bool moves_large(const struct move *m, u64 at)
{
	return !((m->from ^ m->to) & (HUGE_SIZE - 1)) && !(at & (HUGE_SIZE - 1)) &&
	       at + HUGE_SIZE <= m->from + m->size;
}

enum step { STEP_DONE, STEP_AGAIN, STEP_BUSY, STEP_NOMEM };

/* Move entries of [*at, m->from + m->size) until the batch has seen enough. */
static enum step move_round(struct move *m, struct lend_batch *b, u64 *at)
{
	struct space *s = m->space;
	u64 end = m->from + m->size;
	u64 *slot, *dest;
	int level;

	for (u32 n = 0; (slot = entry_next(s, at, end, &level)); n++) {
		u64 old = pte_load(slot);

		if (n == LEND_MAX)
			return STEP_AGAIN;
		if (pte_is_busy(old))
			return STEP_BUSY;
		if (level == 2 && !moves_large(m, *at)) {
			if (entry_split(s, slot, *at))
				return STEP_NOMEM;
			continue;
		}
		/* A large leaf needs a free place: an empty table may stand there. */
		dest = level == 2 ? entry_large(s, m->to + (*at - m->from))
				  : entry_make(s, m->to + (*at - m->from), 1);
		if (!dest) {
			if (level == 1 || entry_split(s, slot, *at))
				return STEP_NOMEM;
			continue;
		}
		old = pte_swap(slot, PTE_NONE);
		pte_swap(dest, old);
		lend_note_range(b, *at, *at + pt_span(level), old & PTE_LENT);
		*at += pt_span(level);
	}
	return STEP_DONE;
}

/*
 * Move all entries; on failure those moved already stay where they are and
 * *at tells how far it came, for the way back. Waits.
 */
static int move_entries(struct move *m, u64 *at)
{
	struct lend_batch b;
	enum step step;

	lend_begin(&b, m->space);
	*at = m->from;
	do {
		spin_lock(&m->space->lock);
		step = move_round(m, &b, at);
		spin_unlock(&m->space->lock);
		lend_flush(&b);
		lend_again(&b);
		if (step == STEP_BUSY)
			entry_wait(m->space, *at, false);
	} while (step == STEP_AGAIN || step == STEP_BUSY);
	lend_end(&b);
	tables_release(m->space);
	return step == STEP_DONE ? 0 : -ENOMEM;
}

/* The way back needs no memory: the tables of the source are still there, and leaves were split on the way. */
static void move_back(const struct move *m, u64 reached)
{
	struct move back = { m->space, m->to, m->from, reached - m->from };
	u64 at;

	if (reached > m->from)
		kassert(move_entries(&back, &at) == 0);
}

/* `moved` goes in at the new place; the old one comes back on failure, and empty with DONTUNMAP. */
static int move_region(struct space *s, struct region *moved, struct move *m, bool keep)
{
	LIST_HEAD(gone);
	u64 reached;
	int err;

	spin_lock(&s->lock);
	region_cut(s, m->from, m->from + m->size, &gone);
	spin_unlock(&s->lock);
	err = move_entries(m, &reached);
	if (err)
		move_back(m, reached);
	spin_lock(&s->lock);
	if (!err)
		region_insert(s, moved);
	while ((err || keep) && !list_empty(&gone)) {
		struct list *first = gone.next;

		list_del(first);
		region_insert(s, list_entry(first, struct region, link));
	}
	spin_unlock(&s->lock);
	region_free_all(&gone);
	return err;
}

/* ---- where to ---- */

static u64 find_place(struct space *s, u64 size, struct reservation *claim)
{
	u64 at;

	spin_lock(&s->lock);
	at = region_place(s, size, 0, false, size >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE);
	if (at) {
		claim->start = at;
		claim->end = at + size;
		claim->next = s->claims;
		s->claims = claim;
	}
	spin_unlock(&s->lock);
	return at;
}

/* The region that will stand at the new place, or NULL without memory. */
static struct region *region_at_new_place(struct space *s, const struct move *m, u64 new_size)
{
	struct region *r;

	spin_lock(&s->lock);
	r = region_copy(region_at(s, m->from));
	spin_unlock(&s->lock);
	if (!r)
		return NULL;
	r->start = m->to;
	r->end = m->to + new_size;
	r->flags &= ~REGION_GROWSDOWN;
	return r;
}

/*
 * Under the claim of the source (and of the destination, if that is fixed):
 * [old, old + old_size) goes to a place of new_size. old_size <= new_size.
 */
static s64 move_to(struct space *s, u64 old, u64 old_size, u64 new_size, u32 flags, u64 new_addr)
{
	struct reservation claim;
	struct move m = { s, old, new_addr, old_size };
	struct region *moved;
	int err;

	if (!(flags & MREMAP_FIXED)) {
		m.to = find_place(s, new_size, &claim);
		if (!m.to)
			return -ENOMEM;
		err = 0;
	} else {
		err = unmap_claimed(s, new_addr, new_addr + new_size);
	}
	if (!err)
		err = range_borders(s, old, old + old_size);
	if (!err) {
		moved = region_at_new_place(s, &m, new_size);
		err = moved ? move_region(s, moved, &m, flags & MREMAP_DONTUNMAP) : -ENOMEM;
		if (err && moved)
			region_free(moved);
	}
	if (!err && !(flags & MREMAP_DONTUNMAP))
		range_prune(s, old, old + old_size);
	if (!(flags & MREMAP_FIXED))
		claim_drop(s, &claim);
	return err ? err : (s64)m.to;
}

/* ---- growing in place ---- */

static int grow_in_place(struct space *s, u64 old_end, u64 more)
{
	struct region *r = region_at(s, old_end - 1), *next;
	u64 end = old_end + more;

	if (!r || r->end != old_end || end > SHADOW_END || end < old_end)
		return -ENOMEM;
	next = region_after(s, old_end);
	if (next && region_floor(next) < end)
		return -ENOMEM;
	/* Beyond old_end lies nobody's claim but ours. */
	if (claim_overlaps(s, old_end, end))
		return -ENOMEM;
	region_account(s, r, false);
	r->end = end;
	region_account(s, r, true);
	return 0;
}

/* Linux's checks of the source, and the limits on growth. */
static int remap_check(struct space *s, u64 old, u64 old_size, u64 new_size, u32 flags)
{
	struct region *r = region_at(s, old);
	u64 more = new_size > old_size ? (new_size - old_size) >> PAGE_SHIFT : 0;

	if (!r)
		return -EFAULT;
	if ((flags & MREMAP_DONTUNMAP) && (r->flags & REGION_VDSO))
		return -EINVAL;
	/* A move that shrinks drops the tail, whatever lies there. */
	if (MIN(old_size, new_size) > r->end - old || (more && (r->flags & REGION_VDSO)))
		return -EFAULT;
	if (flags & MREMAP_DONTUNMAP)
		more = new_size >> PAGE_SHIFT;
	if (!more)
		return 0;
	if (region_writable_private(r) && !(r->flags & REGION_NORESERVE) && !memory_admits(more))
		return -ENOMEM;
	return limit_check(s, r, more);
}

static s64 remap_claimed(struct space *s, u64 old, u64 old_size, u64 new_size, u32 flags,
			 u64 new_addr)
{
	int err;

	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && new_size <= old_size) {
		err = new_size < old_size ? unmap_claimed(s, old + new_size, old + old_size) : 0;
		return err ? err : (s64)old;
	}
	spin_lock(&s->lock);
	err = remap_check(s, old, old_size, new_size, flags);
	if (!err && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
	    !grow_in_place(s, old + old_size, new_size - old_size)) {
		spin_unlock(&s->lock);
		return old;
	}
	spin_unlock(&s->lock);
	if (err)
		return err;
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	/* A shrinking move drops the tail first. */
	if (new_size < old_size) {
		err = unmap_claimed(s, old + new_size, old + old_size);
		if (err)
			return err;
		old_size = new_size;
	}
	return move_to(s, old, old_size, new_size, flags, new_addr);
}

/* Old size 0: what is shared is mapped a second time, and the old place stays. */
static s64 remap_again(struct space *s, u64 old, u64 new_size, u32 flags, u64 new_addr)
{
	struct map_args a = { .addr = flags & MREMAP_FIXED ? new_addr : 0,
			      .length = new_size,
			      .fixed = flags & MREMAP_FIXED };
	struct region *r;
	s64 ret = -EFAULT;

	spin_lock(&s->lock);
	r = region_at(s, old);
	if (r && r->shm) {
		a.prot = r->prot;
		a.max_prot = r->max_prot;
		a.region_flags = r->flags;
		a.pgoff = r->pgoff + ((old - r->start) >> PAGE_SHIFT);
		a.shm = r->shm;
		shmobj_get(a.shm);
	} else if (r) {
		ret = -EINVAL;
	}
	spin_unlock(&s->lock);
	if (!a.shm)
		return ret;
	ret = flags & MREMAP_MAYMOVE ? space_map(s, &a) : -ENOMEM;
	if (ret < 0)
		shmobj_put(a.shm);
	return ret;
}

s64 space_remap(struct space *s, u64 old, u64 old_size, u64 new_size, u32 flags, u64 new_addr)
{
	struct reservation claim;
	u64 start = old, end = old + old_size;
	bool mapped;
	s64 ret;

	assert_no_lock();
	if (!old_size)
		return remap_again(s, old, new_size, flags, new_addr);
	/* One claim over both places: two could be waited for crosswise. */
	if (flags & MREMAP_FIXED) {
		start = MIN(start, new_addr);
		end = MAX(end, new_addr + new_size);
	}
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	spin_lock(&s->lock);
	mapped = region_at(s, old);
	spin_unlock(&s->lock);
	ret = mapped ? remap_claimed(s, old, old_size, new_size, flags, new_addr) : -EFAULT;
	claim_drop(s, &claim);
	return ret;
}
