/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapping, unmapping and discarding ranges of a space, and its break. */
#include "mck/errno.h"
#include "internal.h"

bool memory_admits(u64 pages)
{
	u64 keep = phys_margin() + reclaim_keep();

	return pages + keep <= pages_free_now() + file_pages_clean();
}

u64 lowest_address(const struct space *s)
{
	struct mm_limits l;

	/* A space that an execve builds: Linux allows the program's place, or ends it. */
	return up_limits(s, &l) ? l.lowest : 0;
}

static bool allows_data(const struct space *s, const struct mm_limits *l, u64 pages)
{
	return s->data_pages + pages <= l->data >> PAGE_SHIFT;
}

static bool allows_locked(const struct space *s, const struct mm_limits *l, u64 pages)
{
	return s->locked_pages + pages <= l->memlock >> PAGE_SHIFT;
}

int data_limit_check(struct space *s, u64 pages)
{
	struct mm_limits l;

	assert_held(&s->lock);
	return pages && up_limits(s, &l) && !allows_data(s, &l, pages) ? -ENOMEM : 0;
}

bool space_may_lock(const struct space *s, u64 pages)
{
	struct mm_limits l;

	return !up_limits(s, &l) || allows_locked(s, &l, pages);
}

int limit_check(struct space *s, const struct region *r, u64 pages)
{
	struct mm_limits l;

	assert_held(&s->lock);
	if (!up_limits(s, &l))
		return 0;
	if ((r->flags & REGION_LOCKED) && !allows_locked(s, &l, pages))
		return -EAGAIN;
	if (s->total_pages + pages > l.as >> PAGE_SHIFT)
		return -ENOMEM;
	if (region_writable_private(r) && !(r->flags & REGION_STACK) && pages &&
	    !allows_data(s, &l, pages))
		return -ENOMEM;
	return 0;
}

/* ---- taking pages out ---- */

enum round { ROUND_DONE, ROUND_FULL, ROUND_BUSY };

/*
 * Exchange away what lies in [*va, end). A large leaf that only partly lies
 * there was put by a fault after the borders were made: it belongs to a
 * region that stays, and is left alone, as if the fault came after the change.
 * Mirrored entries are the module's: it has taken out those that had to go.
 */
static enum round take_round(struct space *s, struct lend_batch *b, u64 *va, u64 end)
{
	u64 *pte;
	int level;

	while ((pte = entry_next(s, va, end, &level))) {
		u64 span = pt_span(level);
		u64 at = ALIGN_DOWN(*va, span);

		if (pte_is_busy(pte_load(pte)))
			return ROUND_BUSY;
		if (at == *va && at + span <= end && !pte_is_mirror(pte_load(pte))) {
			if (lend_full(b))
				return ROUND_FULL;
			lend_note(b, at, pte_swap(pte, PTE_NONE), level, true);
		}
		*va = at + span;
	}
	return *va < end ? ROUND_FULL : ROUND_DONE;
}

void range_take(struct space *s, u64 start, u64 end)
{
	struct lend_batch b;
	enum round r;

	assert_no_lock();
	lend_begin(&b, s);
	do {
		spin_lock(&s->lock);
		r = take_round(s, &b, &start, end);
		spin_unlock(&s->lock);
		lend_flush(&b);
		lend_again(&b);
		/* A fault's copy ends soon; it was begun before the region went. */
		if (r == ROUND_BUSY)
			entry_wait(s, start, false);
		if (r != ROUND_DONE)
			mm_turn();
	} while (r != ROUND_DONE);
	lend_end(&b);
}

/* No large leaf lies across the ends; if one is busy, *at is where. */
static int range_edges(struct space *s, u64 start, u64 end, u64 *at)
{
	int err;

	/* Above are the kernel's tables, where a large leaf would be found too. */
	kassert(start <= end && end <= SHADOW_END);
	*at = start;
	err = entry_edge(s, start);
	if (err)
		return err;
	*at = end;
	return entry_edge(s, end);
}

/* A large leaf cannot come back across a border once the region ends there. */
int range_borders(struct space *s, u64 start, u64 end, bool counted)
{
	u64 busy;
	int err;

	do {
		spin_lock(&s->lock);
		err = range_edges(s, start, end, &busy);
		if (!err)
			err = region_split(s, start, counted);
		if (!err)
			err = region_split(s, end, counted);
		spin_unlock(&s->lock);
		if (err == -EBUSY && entry_wait(s, busy, true))
			return -EINTR;
	} while (err == -EBUSY);
	return err;
}

void range_prune(struct space *s, u64 start, u64 end)
{
	struct region *below, *above;
	u64 floor, ceiling, va = ALIGN_DOWN(start, HUGE_SIZE);
	bool done, dead;

	do {
		spin_lock(&s->lock);
		below = region_before(s, start);
		above = region_after(s, end);
		floor = below ? below->end : 0;
		ceiling = above ? above->start : SHADOW_END;
		va = MAX(va, floor);
		done = tables_prune(s, &va, MIN(ceiling, ALIGN_UP(end, HUGE_SIZE)), start, end);
		dead = !list_empty(&s->dead_tables);
		spin_unlock(&s->lock);
		if (dead)
			tables_release(s);
		if (!done)
			mm_turn();
	} while (!done);
}

/* From here on a fault in the range finds no region. *any: there was one. */
static int range_close(struct space *s, u64 start, u64 end, struct list *gone, bool *any)
{
	bool more = false;
	u64 busy;
	int err;

	do {
		spin_lock(&s->lock);
		err = range_edges(s, start, end, &busy);
		if (!err)
			err = region_open(s, start, end, any);
		if (!err)
			more = region_cut_round(s, start, end, gone);
		spin_unlock(&s->lock);
		if (err == -EBUSY && entry_wait(s, busy, true))
			return -EINTR;
	} while (err == -EBUSY);
	if (more)
		region_cut(s, start, end, gone);
	*any |= !list_empty(gone);
	return err;
}

int unmap_claimed(struct space *s, u64 start, u64 end)
{
	LIST_HEAD(gone);
	bool any = false;
	int err, kept;

	err = range_close(s, start, end, &gone, &any);
	if (!any)
		return err;
	kept = mirror_close(s, &gone);
	err = err ? err : kept;
	range_take(s, start, end);
	/* Tables of what has come back are the module's to write to. */
	if (!kept)
		range_prune(s, start, end);
	region_free_all(&gone);
	return err;
}

int space_unmap(struct space *s, u64 start, u64 end)
{
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = unmap_claimed(s, start, end);
	claim_drop(s, &claim);
	return err;
}

int space_discard(struct space *s, u64 start, u64 end)
{
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = range_borders(s, start, end, false);
	if (!err)
		range_take(s, start, end);
	claim_drop(s, &claim);
	return err;
}

/* ---- mapping ---- */

struct region *region_new(const struct space *s, const struct map_args *a)
{
	struct region *r = kzalloc(sizeof(*r));

	if (!r)
		return NULL;
	list_init(&r->link);
	r->prot = a->prot;
	r->max_prot = a->max_prot;
	r->flags = a->region_flags | (a->shm ? REGION_SHARED : 0) |
		   (s->lock_future ? REGION_LOCKED : 0);
	r->file = a->file;
	r->shm = a->shm;
	r->pgoff = a->pgoff;
	r->segment = a->segment;
	return r;
}

static bool is_charged(const struct map_args *a)
{
	return (a->prot & PROT_WRITE) && !(a->region_flags & (REGION_NORESERVE | REGION_GROWSDOWN));
}

/* From *at on, some regions. False: all of them are done. */
static bool overlap_round(struct space *s, u64 *at, u64 end, u64 *pages)
{
	struct region *r = region_after(s, *at);

	for (u32 n = 0; r && r->start < end; n++, r = region_next(s, r)) {
		if (n == LOOP_TURN)
			return true;
		*pages += (MIN(r->end, end) - MAX(r->start, *at)) >> PAGE_SHIFT;
		*at = r->end;
	}
	return false;
}

/* Pages of [start, end) that are mapped. No lock held, the range is claimed. */
static u64 overlap_pages(struct space *s, u64 start, u64 end)
{
	u64 pages = 0;
	bool more;

	do {
		spin_lock(&s->lock);
		more = overlap_round(s, &start, end, &pages);
		spin_unlock(&s->lock);
		if (more)
			mm_turn();
	} while (more);
	return pages;
}

int fixed_check(struct space *s, struct region *r, const struct map_args *a)
{
	u64 pages = overlap_pages(s, a->addr, a->addr + a->length);
	int err;

	if (a->noreplace && pages)
		return -EEXIST;
	if (s->region_count > MAPPINGS_MAX)
		return -ENOMEM;
	spin_lock(&s->lock);
	err = limit_check(s, r, (a->length >> PAGE_SHIFT) - pages);
	spin_unlock(&s->lock);
	return err;
}

static s64 map_fixed(struct space *s, struct region *r, const struct map_args *a)
{
	struct claim claim;
	u64 end = a->addr + a->length;
	int err;

	if (claim_take(s, &claim, a->addr, end))
		return -EINTR;
	err = fixed_check(s, r, a);
	if (!err)
		err = unmap_claimed(s, a->addr, end);
	if (!err) {
		spin_lock(&s->lock);
		r->start = a->addr;
		r->end = end;
		region_insert(s, r);
		spin_unlock(&s->lock);
	}
	claim_drop(s, &claim);
	return err ? err : (s64)a->addr;
}

static bool no_claims(void *arg)
{
	struct space *s = arg;
	bool none;

	spin_lock(&s->lock);
	none = !s->claims;
	spin_unlock(&s->lock);
	return none;
}

/* Under the lock: where there is room for `r`, and no limit or claim against it; else an error. */
static int find_room(struct space *s, const struct region *r, const struct map_args *a, u64 align,
		     u64 *at)
{
	int err = s->region_count > MAPPINGS_MAX ? -ENOMEM : 0;

	*at = 0;
	if (!err)
		err = limit_check(s, r, a->length >> PAGE_SHIFT);
	if (err)
		return err;
	*at = region_place(s, a->length, a->addr, a->low32, align);
	if (*at)
		return 0;
	/* A fork claims everything: there is room again when it is over. */
	return s->claims ? -EBUSY : -ENOMEM;
}

int claim_place(struct space *s, const struct region *r, const struct map_args *a, u64 align,
		struct claim *claim, u64 *at)
{
	int err;

	do {
		spin_lock(&s->lock);
		err = find_room(s, r, a, align, at);
		if (!err)
			claim_add(s, claim, *at, *at + a->length);
		spin_unlock(&s->lock);
		if (err == -EBUSY && mm_wait(no_claims, s, true))
			return -EINTR;
	} while (err == -EBUSY);
	return err;
}

static s64 map_anywhere(struct space *s, struct region *r, const struct map_args *a)
{
	/* Places for large leaves where they can be used. */
	u64 align = !a->file && a->length >= HUGE_SIZE && !(a->region_flags & REGION_GROWSDOWN)
			    ? HUGE_SIZE
			    : PAGE_SIZE;
	bool added = true;
	u64 at;
	int err;

	do {
		spin_lock(&s->lock);
		err = find_room(s, r, a, align, &at);
		if (!err) {
			r->start = at;
			r->end = at + a->length;
			added = region_add(s, r);
		}
		spin_unlock(&s->lock);
		if (err == -EBUSY && mm_wait(no_claims, s, true))
			return -EINTR;
	} while (err == -EBUSY);
	if (!added)
		region_free(r);
	return err ? err : (s64)at;
}

/* Of a file no more is read ahead than can stay; what is locked has to be there. */
static u64 populate_length(const struct map_args *a)
{
	u64 most = boot_params->counters.pages_total / 8 * PAGE_SIZE;

	return a->file && !(a->region_flags & REGION_LOCKED) ? MIN(a->length, most) : a->length;
}

int map_check(const struct space *s, const struct map_args *a)
{
	if (!a->length || a->length > SHADOW_END)
		return -ENOMEM;
	if (a->fixed && a->addr > SHADOW_END - a->length)
		return -ENOMEM;
	if (a->fixed && a->addr < lowest_address(s))
		return -EPERM;
	return 0;
}

s64 space_map(struct space *s, const struct map_args *a)
{
	struct region *r;
	s64 ret;

	assert_no_lock();
	ret = map_check(s, a);
	if (ret)
		return ret;
	if (is_charged(a) && !memory_admits(a->length >> PAGE_SHIFT))
		return -ENOMEM;
	mm_refill();
	r = region_new(s, a);
	if (!r)
		return -ENOMEM;
	ret = a->fixed ? map_fixed(s, r, a) : map_anywhere(s, r, a);
	if (ret < 0) {
		kfree(r);
		return ret;
	}
	if (a->populate)
		space_populate(s, ret, ret + populate_length(a));
	return ret;
}

/* ---- the break ---- */

static bool brk_grow(struct space *s, u64 from, u64 to)
{
	struct map_args a = { .prot = PROT_READ | PROT_WRITE,
			      .max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
			      .region_flags = REGION_HEAP };
	struct region *r, *next;
	bool room;

	if (!memory_admits((to - from) >> PAGE_SHIFT))
		return false;
	r = region_new(s, &a);
	if (!r)
		return false;
	r->start = from;
	r->end = to;
	spin_lock(&s->lock);
	next = region_after(s, from);
	room = !next || region_floor(next) >= to;
	room = room && s->region_count <= MAPPINGS_MAX;
	room = room && !limit_check(s, r, (to - from) >> PAGE_SHIFT);
	if (room)
		region_insert(s, r);
	spin_unlock(&s->lock);
	if (!room)
		kfree(r);
	return room;
}

u64 space_brk(struct space *s, u64 new_end, u64 data_limit)
{
	struct claim claim;
	u64 old = s->brk_end;
	u64 from = ALIGN_UP(old, PAGE_SIZE), to = ALIGN_UP(new_end, PAGE_SIZE);
	bool done = true;

	assert_no_lock();
	if (new_end < s->brk_start || new_end >= (s->brk_limit ? s->brk_limit : SHADOW_END))
		return old;
	if (new_end - s->brk_start > data_limit)
		return old;
	/* One change of the break at a time: brk_end is read again under the claim on what changes. */
	if (claim_take(s, &claim, MIN(from, to), MAX(MAX(from, to), MIN(from, to) + PAGE_SIZE)))
		return old;
	if (READ_ONCE(s->brk_end) != old)
		done = false;
	else if (to < from)
		done = unmap_claimed(s, to, from) == 0;
	else if (to > from)
		done = brk_grow(s, from, to);
	if (done)
		s->brk_end = new_end;
	claim_drop(s, &claim);
	return READ_ONCE(s->brk_end);
}
