/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions of a space: the sorted list, its borders, accounts, and where there is room. */
#include "mck/errno.h"
#include "internal.h"

/* Where MAP_32BIT looks, as on Linux; a hint may lie below. */
#define LOW32_START 0x40000000UL
#define LOW32_END 0x80000000UL

/* All of this runs under the space's lock, except what makes and frees regions. */

static struct region *next_of(struct space *s, struct region *r)
{
	return r->link.next == &s->regions ? NULL : list_entry(r->link.next, struct region, link);
}

static struct region *prev_of(struct space *s, struct region *r)
{
	return r->link.prev == &s->regions ? NULL : list_entry(r->link.prev, struct region, link);
}

struct region *region_after(struct space *s, u64 va)
{
	struct region *r = s->hit;

	assert_held(&s->lock);
	/* From the last hit on, in either direction. */
	if (!r) {
		if (list_empty(&s->regions))
			return NULL;
		r = list_entry(s->regions.next, struct region, link);
	}
	for (struct region *p = prev_of(s, r); p && p->end > va; p = prev_of(s, r))
		r = p;
	while (r && r->end <= va)
		r = next_of(s, r);
	if (r)
		s->hit = r;
	return r;
}

struct region *region_at(struct space *s, u64 va)
{
	struct region *r = region_after(s, va);

	return r && r->start <= va ? r : NULL;
}

struct region *region_before(struct space *s, u64 va)
{
	struct region *r = region_after(s, va);

	if (r && r->start < va)
		return r;
	if (r)
		return prev_of(s, r);
	return list_empty(&s->regions) ? NULL : list_entry(s->regions.prev, struct region, link);
}

bool region_overlaps(struct space *s, u64 start, u64 end)
{
	struct region *r = region_after(s, start);

	return r && r->start < end;
}

void region_account(struct space *s, const struct region *r, bool add)
{
	u64 pages = (r->end - r->start) >> PAGE_SHIFT;
	u64 sign = add ? 1 : -1UL;

	s->total_pages += sign * pages;
	if (region_writable_private(r) && !(r->flags & REGION_STACK))
		s->data_pages += sign * pages;
	if (r->flags & REGION_LOCKED)
		s->locked_pages += sign * pages;
}

void region_insert(struct space *s, struct region *r)
{
	struct region *after = region_after(s, r->start);

	kassert(!after || r->end <= after->start);
	list_insert_before(after ? &after->link : &s->regions, &r->link);
	region_account(s, r, true);
}

static void region_unlink(struct space *s, struct region *r)
{
	if (s->hit == r)
		s->hit = NULL;
	list_del(&r->link);
}

struct region *region_copy(const struct region *r)
{
	struct region *c = kmalloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *r;
	list_init(&c->link);
	if (c->file)
		file_get(c->file);
	if (c->shm)
		shmobj_get(c->shm);
	return c;
}

void region_free(struct region *r)
{
	if (r->file)
		file_put(r->file);
	if (r->shm)
		shmobj_put(r->shm);
	kfree(r);
}

void region_free_all(struct list *gone)
{
	struct region *r, *next;

	list_for_each_safe(r, next, gone, link) {
		list_del(&r->link);
		region_free(r);
	}
}

int region_split(struct space *s, u64 va)
{
	struct region *r = region_at(s, va);
	struct region *upper;

	if (!r || r->start == va)
		return 0;
	upper = region_copy(r);
	if (!upper)
		return -ENOMEM;
	upper->pgoff += (va - r->start) >> PAGE_SHIFT;
	upper->start = va;
	r->end = va;
	list_add(&r->link, &upper->link);
	return 0;
}

static bool region_alike(const struct region *a, const struct region *b)
{
	if (a->end != b->start || a->prot != b->prot || a->flags != b->flags ||
	    a->max_prot != b->max_prot || a->file != b->file || a->shm != b->shm)
		return false;
	if (a->flags & REGION_VDSO)
		return false;
	return (!a->file && !a->shm) || a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) == b->pgoff;
}

/* A change under way may need this border. */
static bool border_is_claimed(struct space *s, u64 va)
{
	for (struct reservation *c = s->claims; c; c = c->next)
		if (c->start <= va && va <= c->end)
			return true;
	return false;
}

void region_merge(struct space *s, u64 start, u64 end)
{
	struct region *r = region_after(s, start ? start - 1 : 0);
	struct region *n;

	if (!r)
		return;
	for (n = next_of(s, r); n && n->start <= end; n = next_of(s, r)) {
		if (!region_alike(r, n) || border_is_claimed(s, n->start)) {
			r = n;
			continue;
		}
		r->end = n->end;
		region_unlink(s, n);
		region_free(n);
	}
}

void region_cut(struct space *s, u64 start, u64 end, struct list *gone)
{
	struct region *r = region_after(s, start);

	while (r && r->start < end) {
		struct region *n = next_of(s, r);

		kassert(r->start >= start && r->end <= end);
		region_account(s, r, false);
		region_unlink(s, r);
		list_add_tail(gone, &r->link);
		r = n;
	}
}

/*
 * What is in the way in [start, end): a region, with the gap below a growing
 * one, or a claim. Its ends in *low and *high.
 */
static bool obstacle(struct space *s, u64 start, u64 end, u64 *low, u64 *high)
{
	struct region *r = region_after(s, start);

	if (r && region_floor(r) < end) {
		*low = region_floor(r);
		*high = r->end;
		return true;
	}
	for (struct reservation *c = s->claims; c; c = c->next) {
		if (c->start < end && start < c->end) {
			*low = c->start;
			*high = c->end;
			return true;
		}
	}
	return false;
}

/* The highest place in [bottom, top). */
static u64 place_down(struct space *s, u64 length, u64 bottom, u64 top, u64 align)
{
	for (u64 end = top; end >= bottom + length;) {
		u64 at = ALIGN_DOWN(end - length, align);
		u64 low, high;

		if (at < bottom)
			return 0;
		if (!obstacle(s, at, at + length, &low, &high))
			return at;
		/* `low` lies below the end of what was tried: the search goes down. */
		end = low;
	}
	return 0;
}

static u64 place_up(struct space *s, u64 length, u64 bottom, u64 top)
{
	u64 low, high;

	for (u64 at = bottom; at + length <= top && at + length > at; at = high)
		if (!obstacle(s, at, at + length, &low, &high))
			return at;
	return 0;
}

u64 region_place(struct space *s, u64 length, u64 hint, bool low32, u64 align)
{
	u64 at = 0, low, high;

	assert_held(&s->lock);
	if (hint && length <= (low32 ? LOW32_END : SHADOW_END) &&
	    hint <= (low32 ? LOW32_END : SHADOW_END) - length &&
	    !obstacle(s, hint, hint + length, &low, &high))
		return hint;
	if (low32)
		return place_up(s, length, LOW32_START, LOW32_END);
	if (length <= s->mmap_base)
		at = place_down(s, length, SHADOW_START, s->mmap_base, align);
	if (!at && length <= s->mmap_base && align > PAGE_SIZE)
		at = place_down(s, length, SHADOW_START, s->mmap_base, PAGE_SIZE);
	return at ? at : place_up(s, length, s->mmap_base, SHADOW_END);
}
