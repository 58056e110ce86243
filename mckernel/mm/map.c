/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapping ranges of a space within its limits, and its break. */
#include "mck/errno.h"
#include "internal.h"

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
	if (region_is_data(r) && pages && !allows_data(s, &l, pages))
		return -ENOMEM;
	return 0;
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
	if (region_to_commit(r, r->prot))
		r->flags |= REGION_ACCOUNT;
	return r;
}

/* Before the region is in the space. *held: to be dropped when it is, or will not be. 0 or -ENOMEM. */
static int promise(struct space *s, const struct region *r, const struct map_args *a, u64 *held)
{
	u64 pages = a->reserve || (r->flags & REGION_ACCOUNT) ? a->length >> PAGE_SHIFT : 0;

	*held = 0;
	if (!commit_take(s, pages))
		return -ENOMEM;
	if (!a->reserve) {
		*held = pages;
		return 0;
	}
	/* It stands in the object from now on. */
	shmobj_reserve(a->shm);
	commit_drop(pages);
	return 0;
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
	u64 end = a->addr + a->length, held;
	struct claim claim;
	int err;

	if (claim_take(s, &claim, a->addr, end))
		return -EINTR;
	err = fixed_check(s, r, a);
	if (!err)
		err = unmap_claimed(s, a->addr, end);
	/* As in Linux what was there is gone, and its pages can be promised again. */
	if (!err)
		err = promise(s, r, a, &held);
	if (!err) {
		spin_lock(&s->lock);
		r->start = a->addr;
		r->end = end;
		region_insert(s, r);
		spin_unlock(&s->lock);
		commit_drop(held);
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
	u64 at, held;
	bool added = true;
	int err;

	if (promise(s, r, a, &held))
		return -ENOMEM;
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
			err = -EINTR;
	} while (err == -EBUSY);
	commit_drop(held);
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
	u64 pages = (to - from) >> PAGE_SHIFT;
	struct region *r, *next;
	bool room;

	r = region_new(s, &a);
	if (!r)
		return false;
	if (!commit_take(s, pages)) {
		kfree(r);
		return false;
	}
	r->start = from;
	r->end = to;
	spin_lock(&s->lock);
	next = region_after(s, from);
	room = !next || region_floor(next) >= to;
	room = room && s->region_count <= MAPPINGS_MAX;
	room = room && !limit_check(s, r, pages);
	if (room)
		region_insert(s, r);
	spin_unlock(&s->lock);
	commit_drop(pages);
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
