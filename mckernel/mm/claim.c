/* SPDX-License-Identifier: GPL-2.0-only */
/* Claims: ranges of a space whose holder may sleep; and waiting inside mm/. */
#include "mck/errno.h"
#include "internal.h"

/*
 * Threads of each CPU that wait in mm_wait(). Raised before the condition is
 * first looked at, read by mm_wake() after the change that it tells of: both
 * are sequentially consistent, so either the waiter sees the change or the
 * waker sees the waiter.
 */
static u32 waiting[ABI_MAX_CPUS];

int mm_wait(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	u32 place = this_cpu()->place;
	int err;

	assert_no_lock();
	__atomic_add_fetch(&waiting[place], 1, __ATOMIC_SEQ_CST);
	err = up_wait(cond, arg, interruptible);
	__atomic_sub_fetch(&waiting[place], 1, __ATOMIC_SEQ_CST);
	return err;
}

void mm_wake(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 place = 0; place < cpu_count; place++)
		if (__atomic_load_n(&waiting[place], __ATOMIC_RELAXED))
			up_wake(place);
}

bool mm_turn(void)
{
	assert_no_lock();
	return up_turn();
}

bool claim_overlaps(struct space *s, u64 start, u64 end)
{
	assert_held(&s->lock);
	for (struct claim *c = s->claims; c; c = c->next)
		if (c->start < end && start < c->end)
			return true;
	return false;
}

void claim_add(struct space *s, struct claim *c, u64 start, u64 end)
{
	assert_held(&s->lock);
	c->start = start;
	c->end = end;
	c->next = s->claims;
	s->claims = c;
}

struct claim_try {
	struct space *space;
	struct claim *claim;
	bool got; /* the condition may be evaluated again after it was true */
};

static bool claim_try(void *arg)
{
	struct claim_try *t = arg;
	struct space *s = t->space;

	if (t->got)
		return true;
	spin_lock(&s->lock);
	if (!claim_overlaps(s, t->claim->start, t->claim->end)) {
		claim_add(s, t->claim, t->claim->start, t->claim->end);
		t->got = true;
	}
	spin_unlock(&s->lock);
	return t->got;
}

int claim_take(struct space *s, struct claim *c, u64 start, u64 end)
{
	struct claim_try t = { s, c, false };

	/* Borders and tables are made under locks. */
	mm_refill();
	c->start = start;
	c->end = end;
	if (claim_try(&t))
		return 0;
	return mm_wait(claim_try, &t, true) && !t.got ? -EINTR : 0;
}

static void claim_unlink(struct space *s, struct claim *c)
{
	struct claim **link;

	for (link = &s->claims; *link != c; link = &(*link)->next)
		kassert(*link);
	*link = c->next;
}

void claim_end(struct space *s, struct claim *c)
{
	spin_lock(&s->lock);
	claim_unlink(s, c);
	spin_unlock(&s->lock);
	mm_wake();
}

/* Merged are the borders that the change needed, and those that are like their neighbours now. */
void claim_drop(struct space *s, struct claim *c)
{
	u64 at = c->start, end = c->end;
	bool more;

	spin_lock(&s->lock);
	claim_unlink(s, c);
	more = region_merge_round(s, &at, end);
	spin_unlock(&s->lock);
	mm_wake();
	if (more)
		region_merge(s, at, end);
}

struct entry_test {
	struct space *space;
	u64 va;
};

static bool entry_is_free(void *arg)
{
	struct entry_test *t = arg;
	int level;
	bool busy;

	spin_lock(&t->space->lock);
	busy = pte_is_busy(pte_load(entry_at(t->space, t->va, &level)));
	spin_unlock(&t->space->lock);
	return !busy;
}

int entry_wait(struct space *s, u64 va, bool interruptible)
{
	struct entry_test t = { s, va };

	return mm_wait(entry_is_free, &t, interruptible) ? -EINTR : 0;
}
