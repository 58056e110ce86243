/* SPDX-License-Identifier: GPL-2.0-only */
/* remap_file_pages: other pages of the same object behind addresses that are mapped already. */
#include "mck/errno.h"
#include "internal.h"

struct reorder {
	u64 start, end;
	u64 pgoff; /* of what is to be seen from `start` on */
	u32 flags, prot; /* of all regions there, */
	struct shmobj *shm; /* and what they show; NULL: Linux's */
	int err;
};

static u64 pgoff_at(const struct reorder *o, const struct region *r)
{
	return o->pgoff + ((r->start - o->start) >> PAGE_SHIFT);
}

/* From *at on, some regions. False: all are looked at, or there is an error. */
static bool check_round(struct space *s, struct reorder *o, u64 *at)
{
	for (u32 n = 0; *at < o->end; n++) {
		struct region *r = region_at(s, *at);

		if (n == LOOP_TURN)
			return true;
		if (*at == o->start && r) {
			o->flags = r->flags;
			o->prot = r->prot;
			o->shm = r->shm;
		}
		if (!r || !(r->flags & REGION_SHARED) || (r->flags & REGION_VDSO) ||
		    r->flags != o->flags || r->prot != o->prot || r->shm != o->shm) {
			o->err = -EINVAL;
			return false;
		}
		*at = r->end;
	}
	return false;
}

/* It shows its new pages to who faults from now on. */
static int pgoff_change(struct space *s, struct region *r, void *arg)
{
	const struct reorder *o = arg;

	(void)s;
	r->pgoff = pgoff_at(o, r);
	return 0;
}

static void reorder_check(struct space *s, struct reorder *o)
{
	u64 at = o->start;
	bool more;

	do {
		spin_lock(&s->lock);
		more = check_round(s, o, &at);
		spin_unlock(&s->lock);
		if (more && !mm_turn())
			o->err = -EINTR;
	} while (more && !o->err);
}

static int reorder_claimed(struct space *s, struct reorder *o, bool nonblock)
{
	bool mirror;
	int err;

	reorder_check(s, o);
	if (o->err)
		return o->err;
	err = range_borders(s, o->start, o->end, true);
	if (err)
		return err;
	mirror = o->flags & REGION_MIRROR;
	if (mirror)
		err = mirror_reorder(s, o->start, o->end, o->pgoff, nonblock);
	if (err)
		return err;
	regions_change(s, o->start, o->end, pgoff_change, o);
	/* What came meanwhile is new already, and comes again. */
	if (!mirror)
		range_take(s, o->start, o->end);
	return 0;
}

int space_reorder(struct space *s, u64 start, u64 end, u64 pgoff, bool nonblock)
{
	struct reorder o = { .start = start, .end = end, .pgoff = pgoff };
	struct claim claim;
	int err;

	assert_no_lock();
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = reorder_claimed(s, &o, nonblock);
	claim_drop(s, &claim);
	/* As Linux: what is locked is there, whatever was asked for. */
	if (!err && (!nonblock || (o.flags & REGION_LOCKED)))
		space_populate(s, start, end);
	return err;
}
