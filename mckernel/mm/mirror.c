/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings that are Linux's: made and changed by its own system calls, mirrored in our tables. */
#include "mck/errno.h"
#include "mck/sysnr.h"
#include "abi/slot.h"
#include "internal.h"

/*
 * A region with REGION_MIRROR is a mapping of the proxy at the same address, with
 * Linux's pages (abi/pte.h). The region says only that, and what may be touched;
 * whatever is to be done to such memory is done by the same system call in Linux,
 * and here to the regions. Each change is one for both under its claim:
 *
 *   the claim;
 *   mirror_begin(): not between the two halves of a fork, for Linux's child
 *     copies the mappings when ours has copied the regions already;
 *   in Linux: the shadow leaves the place, and the mapping comes (or the other
 *     way round), upon which the module takes the mirrored entries out;
 *   the regions;
 *   mirror_end(), and the end of the claim.
 *
 * Who waits for whom: a change waits for mmap_lock in Linux. So nobody who may
 * have that lock, as a fault of Linux's, is told to wait for the claim of one
 * (space->mirroring, see region_grow()).
 */

static bool no_clone(void *arg)
{
	struct space *s = arg;
	bool none;

	spin_lock(&s->lock);
	none = !s->cloning;
	spin_unlock(&s->lock);
	return none;
}

static void count_changes(struct space *s, u32 add)
{
	spin_lock(&s->lock);
	s->mirroring += add;
	s->mirror_turn++;
	spin_unlock(&s->lock);
}

/* 0 or -EINTR: the thread must end. With a claim on what is to be changed, so that no fork begins. */
static int mirror_begin(struct space *s)
{
	count_changes(s, 1);
	if (no_clone(s) || !mm_wait(no_clone, s, true))
		return 0;
	count_changes(s, -1U);
	return -EINTR;
}

static void mirror_end(struct space *s)
{
	count_changes(s, -1U);
}

void space_cloned(struct space *s)
{
	spin_lock(&s->lock);
	s->cloning--;
	spin_unlock(&s->lock);
	mm_wake();
}

static int shadow_off(u64 start, u64 end)
{
	return (int)up_mirror(REQ_MIRROR_OPEN, start, end, 0);
}

static int shadow_on(u64 start, u64 end)
{
	return (int)up_mirror(REQ_MIRROR_CLOSE, start, end, 0);
}

bool space_is_mirror(struct space *s, u64 va)
{
	struct region *r;
	bool is;

	spin_lock(&s->lock);
	r = region_at(s, va);
	is = r && (r->flags & REGION_MIRROR);
	spin_unlock(&s->lock);
	return is;
}

/* ---- making ---- */

/*
 * Some drivers take no address, and say EINVAL to one: then Linux finds the place
 * itself, and that is the room which the shadow has made for it.
 */
static s64 map_without_address(struct mirror_call *call, u64 at, u64 end)
{
	u64 elsewhere[6] = { 0, end - at };
	s64 ret;

	call->arg[0] = 0;
	call->arg[3] &= ~(u64)MAP_FIXED;
	ret = up_linux_call(call->nr, call->arg);
	if (ret < 0 || ret == (s64)at)
		return ret;
	elsewhere[0] = (u64)ret;
	up_linux_call(NR_munmap, elsewhere);
	return -EINVAL;
}

/*
 * The system call with the place in it. 0 or -errno; nothing is mapped then, unless
 * *lost: a twin that was killed, or has no memory for the shadow, leaves the place as
 * nobody knows. Then nothing of ours may come there, while others have the space: a
 * region of Linux's is put there, where a fault finds what there is, and which may be
 * taken away again.
 */
static int map_in_linux(struct mirror_call *call, u64 at, u64 end, bool *lost)
{
	int err = shadow_off(at, end);
	s64 ret;

	*lost = err == -EINTR;
	if (err)
		return err;
	call->arg[call->place] = at;
	ret = up_linux_call(call->nr, call->arg);
	if (ret == -EINVAL && call->nr == NR_mmap)
		ret = map_without_address(call, at, end);
	if (ret == (s64)at)
		return 0;
	*lost = shadow_on(at, end) != 0;
	return ret < 0 ? (int)ret : -ENOMEM;
}

static void insert(struct space *s, struct region *r)
{
	spin_lock(&s->lock);
	region_insert(s, r);
	spin_unlock(&s->lock);
}

/* *r is NULL afterwards if it is in the space, also after an error. */
static s64 mirror_claimed(struct space *s, struct region **r, struct mirror_call *call, u64 at)
{
	struct region *new = *r;
	u64 end = at + (new->end - new->start);
	int err = mirror_begin(s);
	bool lost;

	if (err)
		return err;
	err = map_in_linux(call, at, end, &lost);
	if (!err || lost) {
		new->start = at;
		new->end = end;
		insert(s, new);
		*r = NULL;
	}
	mirror_end(s);
	return err ? err : (s64)at;
}

static s64 mirror_fixed(struct space *s, struct region **r, const struct map_args *a,
			struct mirror_call *call)
{
	u64 end = a->addr + a->length;
	struct claim claim;
	s64 ret;

	if (claim_take(s, &claim, a->addr, end))
		return -EINTR;
	ret = fixed_check(s, *r, a);
	if (!ret)
		ret = unmap_claimed(s, a->addr, end);
	if (!ret)
		ret = mirror_claimed(s, r, call, a->addr);
	claim_drop(s, &claim);
	return ret;
}

static s64 mirror_anywhere(struct space *s, struct region **r, const struct map_args *a,
			   struct mirror_call *call, u64 align)
{
	struct claim claim;
	s64 ret;
	u64 at;

	ret = claim_place(s, *r, a, align, &claim, &at);
	if (ret)
		return ret;
	ret = mirror_claimed(s, r, call, at);
	claim_drop(s, &claim);
	return ret;
}

/* MCL_FUTURE, which Linux knows nothing of. What cannot be locked is there all the same. */
static void lock_new(const struct space *s, u64 at, u64 length)
{
	const u64 arg[6] = { at, length, s->lock_onfault ? MLOCK_ONFAULT : 0 };

	up_linux_call(NR_mlock2, arg);
}

s64 space_mirror(struct space *s, const struct map_args *a, struct mirror_call *call, u64 align)
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
	/* Linux counts what it has promised. */
	r->flags = (r->flags | REGION_SHARED | REGION_MIRROR) & ~REGION_ACCOUNT;
	r->end = r->start + a->length;
	ret = a->fixed ? mirror_fixed(s, &r, a, call) : mirror_anywhere(s, &r, a, call, align);
	if (ret < 0) {
		kfree(r);
		return ret;
	}
	if (s->lock_future)
		lock_new(s, (u64)ret, a->length);
	if (a->populate)
		space_populate(s, ret, ret + a->length);
	return ret;
}

/* ---- taking away ---- */

/*
 * Of the regions that have left the space, what is Linux's; on an error, or after one
 * already, they come back: also if the thread must end, for it may be another process
 * that goes on in the space.
 */
static int close_pieces(struct space *s, struct list *gone, int err)
{
	struct region *r, *next;

	list_for_each_safe(r, next, gone, link) {
		if (!(r->flags & REGION_MIRROR))
			continue;
		if (!err)
			err = shadow_on(r->start, r->end);
		if (!err)
			continue;
		list_del(&r->link);
		insert(s, r);
	}
	return err;
}

int mirror_close(struct space *s, struct list *gone)
{
	struct region *r;
	bool any = false;
	int err;

	list_for_each(r, gone, link)
		any |= (r->flags & REGION_MIRROR) != 0;
	if (!any)
		return 0;
	err = mirror_begin(s);
	if (err)
		return close_pieces(s, gone, err);
	err = close_pieces(s, gone, 0);
	mirror_end(s);
	return err;
}

/* ---- changing ---- */

int mirror_protect(struct space *s, u64 start, u64 *end, u32 prot)
{
	struct region r;
	u64 length;
	int err = 0;

	for (u64 at = start; at < *end && !err; at += length) {
		u64 arg[6] = { at, 0, prot };

		length = MIN(space_piece(s, at, &r), *end - at);
		kassert(length);
		if (!(r.flags & REGION_MIRROR))
			continue;
		arg[1] = length;
		err = mirror_begin(s);
		if (!err) {
			err = (int)up_linux_call(NR_mprotect, arg);
			mirror_end(s);
		}
		if (err)
			*end = at;
	}
	return err;
}

int mirror_reorder(struct space *s, u64 start, u64 end, u64 pgoff, bool nonblock)
{
	const u64 arg[6] = { start, end - start, 0, pgoff, nonblock ? MAP_NONBLOCK : 0 };
	int err = mirror_begin(s);

	if (err)
		return err;
	err = (int)up_linux_call(NR_remap_file_pages, arg);
	mirror_end(s);
	return err;
}

/* ---- mremap ---- */

/* The region may be another by now than before the waits, but its end is claimed. */
static void grow_region(struct space *s, u64 start, u64 end)
{
	struct region *r;

	spin_lock(&s->lock);
	r = region_at(s, start - 1);
	kassert(r && r->end == start && (r->flags & REGION_MIRROR));
	region_resize(s, r, r->start, end);
	spin_unlock(&s->lock);
}

int mirror_grow(struct space *s, u64 old, u64 old_size, u64 new_size)
{
	u64 arg[6] = { old, old_size, new_size, 0 }, start = old + old_size, end = old + new_size;
	int err = mirror_begin(s);
	bool lost = false;
	s64 ret = 0;

	if (err)
		return err;
	err = shadow_off(start, end);
	if (!err) {
		ret = up_linux_call(NR_mremap, arg);
		if (ret != (s64)old) {
			lost = shadow_on(start, end) != 0;
			err = ret < 0 ? (int)ret : -ENOMEM;
		}
	}
	/* As in map_in_linux(). */
	if (!err || err == -EINTR || lost)
		grow_region(s, start, end);
	mirror_end(s);
	return err;
}

int mirror_move(struct space *s, struct mirror_move *m)
{
	struct mirror_call call = {
		.nr = NR_mremap,
		.arg = { m->from, m->size, m->new_size, m->flags | MREMAP_MAYMOVE | MREMAP_FIXED },
		.place = 4,
	};
	bool stays = m->flags & MREMAP_DONTUNMAP, lost;
	LIST_HEAD(gone);
	int err = mirror_begin(s);

	if (err)
		return err;
	err = map_in_linux(&call, m->to, m->to + m->new_size, &lost);
	if (!err || lost) {
		insert(s, m->moved);
		m->moved = NULL;
	}
	if (!err) {
		region_cut(s, m->from, m->from + m->size, &gone);
		/* Linux has left a hole. If it has to stay one, nothing of ours may come there. */
		if (stays || shadow_on(m->from, m->from + m->size))
			region_put_back(s, &gone, true);
	}
	mirror_end(s);
	region_free_all(&gone);
	return err;
}

/* ---- System V segments ---- */

struct detach {
	u64 base;
	bool known; /* which segment: the first that is found is meant */
	u32 segment;
};

static bool is_piece(const struct detach *d, const struct region *r)
{
	return (r->flags & REGION_SEGMENT) && r->start - d->base == r->pgoff << PAGE_SHIFT &&
	       (!d->known || r->segment == d->segment);
}

/* A piece of the segment that is attached at `base`, from *at on. */
static bool next_piece(struct space *s, struct detach *d, u64 *at, u64 *end)
{
	struct region *r;
	bool found;
	u32 n = 0;

	spin_lock(&s->lock);
	for (r = region_after(s, *at); r && n < LOOP_TURN; r = region_next(s, r), n++)
		if (is_piece(d, r))
			break;
	found = r != NULL;
	if (r) {
		if (n < LOOP_TURN) {
			d->known = true;
			d->segment = r->segment;
		}
		*at = r->start;
		*end = n < LOOP_TURN ? r->end : r->start;
	}
	spin_unlock(&s->lock);
	return found;
}

int space_detach(struct space *s, u64 base)
{
	struct detach d = { .base = base };
	u64 at = base, end = base;
	int err = -EINVAL;

	while (next_piece(s, &d, &at, &end)) {
		if (end > at) {
			err = space_unmap(s, at, end);
			if (err)
				break;
			at = end;
		}
		if (!mm_turn())
			return -EINTR;
	}
	return err;
}
