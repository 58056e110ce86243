/* SPDX-License-Identifier: GPL-2.0-only */
/* mremap: resizing in place, and moving pages to other addresses. */
#include "mck/errno.h"
#include "mck/sysnr.h"
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
	u64 *pte, *dest;
	int level;

	for (u32 n = 0; (pte = entry_next(s, at, end, &level)); n++) {
		u64 old = pte_load(pte);

		if (n == LEND_MAX)
			return STEP_AGAIN;
		if (pte_is_busy(old))
			return STEP_BUSY;
		if (pte_is_mirror(old)) {
			*at += PAGE_SIZE;
			continue;
		}
		if (level == 2 && !moves_large(m, *at)) {
			if (entry_split(s, pte, *at))
				return STEP_NOMEM;
			continue;
		}
		/* A large leaf needs a free place: an empty table may stand there. */
		dest = level == 2 ? entry_large(s, m->to + (*at - m->from))
				  : entry_make(s, m->to + (*at - m->from), 1);
		if (!dest) {
			if (level == 1 || entry_split(s, pte, *at))
				return STEP_NOMEM;
			continue;
		}
		old = pte_swap(pte, PTE_NONE);
		pte_swap(dest, old);
		lend_note_range(b, *at, *at + pt_span(level), old & PTE_LENT);
		*at += pt_span(level);
	}
	return *at < end ? STEP_AGAIN : STEP_DONE;
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
		if (step == STEP_AGAIN)
			mm_turn();
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

void region_put_back(struct space *s, struct list *gone, bool left_behind)
{
	spin_lock(&s->lock);
	while (!list_empty(gone)) {
		struct region *r = list_entry(gone->next, struct region, link);

		list_del(&r->link);
		if (left_behind)
			r->flags &= ~REGION_LOCKED;
		region_insert(s, r);
	}
	spin_unlock(&s->lock);
}

/* `moved` goes in at the new place; the old one comes back on failure, and empty with DONTUNMAP. */
static int move_region(struct space *s, struct region *moved, struct move *m, bool keep)
{
	struct shmobj *shm = moved->shm;
	u64 reached, mark = shm ? shmobj_holes(shm) : 0;
	/* Nobody else is promised what is in no region meanwhile. */
	u64 kept = moved->flags & REGION_ACCOUNT ? m->size >> PAGE_SHIFT : 0;
	LIST_HEAD(gone);
	int err;

	commit_keep(kept);
	region_cut(s, m->from, m->from + m->size, &gone);
	err = move_entries(m, &reached);
	if (err)
		move_back(m, reached);
	if (!err) {
		spin_lock(&s->lock);
		region_insert(s, moved);
		spin_unlock(&s->lock);
	}
	if (err || keep)
		region_put_back(s, &gone, !err);
	commit_drop(kept);
	region_free_all(&gone);
	if (shm && shmobj_holes_since(shm, mark))
		space_take_dropped(s, shm);
	return err;
}

/* ---- what is asked for ---- */

struct remap {
	struct space *space;
	u64 old, old_size, new_size; /* page-aligned; the sizes may be anything else */
	u32 flags;
	u64 new_addr; /* with MREMAP_FIXED, and a hint with MREMAP_DONTUNMAP */
	u64 promised; /* pages for what is added, until they are in a region */
};

static bool has_target(const struct remap *m)
{
	return m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

/* Linux's checks of an address to move to. They come behind the one that the old place is mapped. */
static int target_check(const struct remap *m)
{
	u64 to = m->new_addr, size = m->new_size;

	if ((to & ~PAGE_MASK) || size > USER_END || to > USER_END - size)
		return -EINVAL;
	/* In Linux's arithmetic, which wraps. */
	if (m->old + m->old_size > to && to + size > m->old)
		return -EINVAL;
	if (READ_ONCE(m->space->region_count) + 2 >= MAPPINGS_MAX - 3)
		return -ENOMEM;
	return 0;
}

/* What lies in [old + new_size, old + old_size) goes, whatever it is. */
static int drop_tail(const struct remap *m)
{
	u64 start = m->old + m->new_size, size = m->old_size - m->new_size;

	if (!size)
		return 0;
	if (start > USER_END || size > USER_END - start)
		return -EINVAL;
	/* Above are not the program's mappings. */
	if (start >= SHADOW_END)
		return 0;
	return unmap_claimed(m->space, start, MIN(start + size, SHADOW_END));
}

/* Linux's checks of the source, and the limits on growth. Under the space's lock. */
static int source_check(struct remap *m)
{
	struct space *s = m->space;
	struct region *r = region_at(s, m->old);
	u64 more = m->new_size > m->old_size ? (m->new_size - m->old_size) >> PAGE_SHIFT : 0;
	int err;

	if (!r)
		return -EFAULT;
	if (!m->old_size && !(r->flags & REGION_SHARED))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && (r->flags & REGION_VDSO))
		return -EINVAL;
	if (m->old_size > r->end - m->old || (more && (r->flags & REGION_VDSO)))
		return -EFAULT;
	if (m->flags & MREMAP_DONTUNMAP)
		more = m->new_size >> PAGE_SHIFT;
	if (!more)
		return 0;
	err = limit_check(s, r, more);
	if (err || !(r->flags & REGION_ACCOUNT))
		return err;
	if (!commit_take(s, more))
		return -ENOMEM;
	m->promised += more;
	return 0;
}

/* ---- where to ---- */

static u64 find_place(struct space *s, u64 size, u64 hint, struct claim *claim)
{
	u64 at;

	spin_lock(&s->lock);
	at = region_place(s, size, hint, false, size >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE);
	if (at)
		claim_add(s, claim, at, at + size);
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

/* Under claims of both places: [old, old + old_size) goes to `to`. old_size <= new_size. */
static int move_claimed(const struct remap *m, u64 to)
{
	struct space *s = m->space;
	struct move move = { s, m->old, to, m->old_size };
	bool keep = m->flags & MREMAP_DONTUNMAP;
	struct region *moved;
	int err;

	err = range_borders(s, m->old, m->old + m->old_size, false);
	if (err)
		return err;
	moved = region_at_new_place(s, &move, m->new_size);
	if (!moved)
		return -ENOMEM;
	if (moved->flags & REGION_MIRROR) {
		struct mirror_move mirror = {
			m->old, m->old_size, to, m->new_size, m->flags & MREMAP_DONTUNMAP, moved
		};

		err = mirror_move(s, &mirror);
		moved = mirror.moved;
	} else {
		err = move_region(s, moved, &move, keep);
		moved = err ? moved : NULL;
	}
	if (moved)
		region_free(moved);
	if (!err && !keep)
		range_prune(s, m->old, m->old + m->old_size);
	return err;
}

/* To where there is room, at the hint if that can be. */
static s64 move_anywhere(const struct remap *m, u64 hint)
{
	struct space *s = m->space;
	struct claim claim;
	u64 at;
	int err;

	if (READ_ONCE(s->region_count) >= MAPPINGS_MAX - 3)
		return -ENOMEM;
	at = find_place(s, m->new_size, hint, &claim);
	if (!at)
		return -ENOMEM;
	err = move_claimed(m, at);
	claim_drop(s, &claim);
	return err ? err : (s64)at;
}

/* What Linux does with a target, in its order: what lies there is gone even if the move fails. */
static s64 move_to_target(struct remap *m)
{
	struct space *s = m->space;
	u64 to = m->new_addr, end = to + m->new_size;
	bool fixed = m->flags & MREMAP_FIXED;
	int err = 0;

	if (fixed && to < SHADOW_END)
		err = unmap_claimed(s, to, MIN(end, SHADOW_END));
	if (!err && m->old_size > m->new_size) {
		err = drop_tail(m);
		m->old_size = m->new_size;
	}
	if (err)
		return err;
	spin_lock(&s->lock);
	err = source_check(m);
	spin_unlock(&s->lock);
	if (err)
		return err;
	if (!fixed)
		return move_anywhere(m, to);
	if (to < lowest_address(s))
		return -EPERM;
	if (end > SHADOW_END)
		return -ENOMEM;
	err = move_claimed(m, to);
	return err ? err : (s64)to;
}

/* ---- growing in place ---- */

/* The region that ends at old_end, if nothing else lies in what would be added; or NULL. */
static struct region *region_to_grow(struct space *s, u64 old_end, u64 more)
{
	struct region *r = region_at(s, old_end - 1), *next;
	u64 end = old_end + more;

	if (!r || r->end != old_end || end > SHADOW_END || end < old_end)
		return NULL;
	next = region_next(s, r);
	return next && region_floor(next) < end ? NULL : r;
}

static s64 remap_grow(struct remap *m)
{
	u64 old_end = m->old + m->old_size, more = m->new_size - m->old_size;
	struct space *s = m->space;
	bool grown = false, mirror;
	struct region *r;
	int err;

	spin_lock(&s->lock);
	err = source_check(m);
	r = err ? NULL : region_to_grow(s, old_end, more);
	mirror = r && (r->flags & REGION_MIRROR);
	if (r && !mirror) /* beyond old_end lies nobody's claim but ours */
		grown = !claim_overlaps(s, old_end, old_end + more);
	if (grown)
		region_resize(s, r, r->start, old_end + more);
	spin_unlock(&s->lock);
	if (mirror) {
		err = mirror_grow(s, m->old, m->old_size, m->new_size);
		grown = !err;
		/* No room there, perhaps; any other refusal holds for each place. */
		if (err == -ENOMEM)
			err = 0;
	}
	if (err || grown)
		return err ? err : (s64)m->old;
	return m->flags & MREMAP_MAYMOVE ? move_anywhere(m, 0) : -ENOMEM;
}

/* ---- the call ---- */

/* Old size 0: what is shared is mapped a second time, and the old place stays. */
static s64 remap_again(struct remap *m)
{
	struct space *s = m->space;
	struct map_args a = { .addr = m->flags & MREMAP_FIXED ? m->new_addr : 0,
			      .length = m->new_size,
			      .fixed = m->flags & MREMAP_FIXED };
	struct mirror_call call = { .nr = NR_mremap,
				    .arg = { m->old, 0, m->new_size,
					     MREMAP_MAYMOVE | MREMAP_FIXED },
				    .place = 4 };
	struct region *r;
	s64 ret;

	spin_lock(&s->lock);
	ret = source_check(m);
	r = region_at(s, m->old);
	if (!ret) {
		a.prot = r->prot;
		a.max_prot = r->max_prot;
		a.region_flags = r->flags;
		a.segment = r->segment;
		a.pgoff = r->pgoff + ((m->old - r->start) >> PAGE_SHIFT);
		a.shm = r->shm;
		a.file = r->file;
		backing_get(a.file, a.shm);
	}
	spin_unlock(&s->lock);
	if (ret)
		return ret;
	if (!(m->flags & MREMAP_MAYMOVE))
		ret = -ENOMEM;
	else if (a.region_flags & REGION_MIRROR)
		ret = space_mirror(s, &a, &call, a.length >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE);
	else
		ret = space_map(s, &a);
	if (ret < 0)
		backing_put(a.file, a.shm);
	return ret;
}

static s64 remap_claimed(struct remap *m)
{
	int err;

	if (has_target(m))
		return move_to_target(m);
	if (m->old_size < m->new_size)
		return remap_grow(m);
	err = drop_tail(m);
	return err ? err : (s64)m->old;
}

/* One claim over both places: two could be waited for crosswise. */
static int claim_both(const struct remap *m, bool mirror, struct claim *claim)
{
	/* Where Linux's mapping would grow, too. */
	u64 size = mirror && !has_target(m) ? MAX(m->old_size, m->new_size) : m->old_size;
	u64 start = m->old, end = m->old + size;
	bool wraps = end < start;

	if (m->flags & MREMAP_FIXED) {
		start = MIN(start, m->new_addr);
		end = MAX(end, m->new_addr + m->new_size);
	}
	return wraps ? claim_take(m->space, claim, 0, ~0UL)
		     : claim_take(m->space, claim, start, end);
}

/* What lies there is known for good with the claim only, which may then have to be another. 0 or -EINTR. */
static int claim_all(const struct remap *m, struct claim *claim)
{
	bool mirror;

	for (;;) {
		mirror = space_is_mirror(m->space, m->old);
		if (claim_both(m, mirror, claim))
			return -EINTR;
		if (space_is_mirror(m->space, m->old) == mirror)
			return 0;
		claim_end(m->space, claim);
	}
}

s64 space_remap(struct space *s, u64 old, u64 old_size, u64 new_size, u32 flags, u64 new_addr)
{
	struct remap m = { s, old, old_size, new_size, flags, new_addr, 0 };
	struct claim claim;
	struct region r;
	s64 ret;

	assert_no_lock();
	if (!space_piece(s, old, &r))
		return -EFAULT;
	ret = has_target(&m) ? target_check(&m) : 0;
	if (ret)
		return ret;
	if (!old_size) {
		ret = remap_again(&m);
		commit_drop(m.promised);
		return ret;
	}
	if (claim_all(&m, &claim))
		return -EINTR;
	ret = remap_claimed(&m);
	commit_drop(m.promised);
	claim_drop(s, &claim);
	return ret;
}
