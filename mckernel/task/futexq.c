/* SPDX-License-Identifier: GPL-2.0-only */
/* The queues of futex waiters. */
#include "mck/futexq.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/task.h"

#define BUCKETS_MIN 256UL
#define BUCKETS_MAX 16384UL
#define PAGES_PER_BUCKET 256UL

/* Made at the start of the kernel, and for good. */
static struct futex_bucket *bucket;
static u64 bucket_mask;

void futex_buckets_init(u64 pages)
{
	u64 count = BUCKETS_MIN;

	while (count < BUCKETS_MAX && count < pages / PAGES_PER_BUCKET)
		count *= 2;
	bucket = kmalloc(count * sizeof(*bucket));
	kassert(bucket);
	for (u64 i = 0; i < count; i++) {
		spin_init(&bucket[i].lock, RANK_FUTEX);
		list_init(&bucket[i].waiters);
	}
	bucket_mask = count - 1;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	u64 hash = key->object * 0x9e3779b97f4a7c15UL + key->offset / sizeof(u32);

	hash *= 0x9e3779b97f4a7c15UL;
	return &bucket[(hash >> 32) & bucket_mask];
}

/* As Linux: real-time threads before others, and by their priority; of whatever name. */
static void enter(struct futex_bucket *b, struct futex_waiter *w)
{
	struct futex_waiter *other;

	WRITE_ONCE(w->bucket, b);
	list_for_each(other, &b->waiters, link)
		if (w->rank > other->rank)
			break;
	/* In front of that one, or of the head: at the end. */
	list_add_tail(&other->link, &w->link);
}

void futex_queue_add(struct futex_bucket *b, struct futex_waiter *w)
{
	assert_held(&b->lock);
	w->state = FUTEX_QUEUED;
	w->rank = sched_rank(w->sleeper->thread);
	enter(b, w);
}

struct futex_waiter *futex_queue_first(struct futex_bucket *b, const struct futex_key *key)
{
	struct futex_waiter *w;

	list_for_each(w, &b->waiters, link)
		if (futex_same(&w->key, key))
			return w;
	return NULL;
}

void futex_queue_take(struct futex_waiter *w, futex_cpus cpus)
{
	struct futex_sleeper *s = w->sleeper;
	u32 place;

	list_del(&w->link);
	__atomic_store_n(&w->state, FUTEX_TAKEN, __ATOMIC_RELAXED);
	/*
	 * A thread that waits does not move, but one that is about to wait again
	 * may have: its CPU is read behind the store, against the thread's fence
	 * before its look (futex_sleep()). Either it sees that it is rung for, or
	 * its CPU is seen here.
	 */
	__atomic_store_n(&s->rung, 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	place = sched_note(s->thread);
	cpus[place / 64] |= 1UL << place % 64;
	/* Last: the waiter's stack and thread may be gone after this. */
	__atomic_store_n(&w->state, FUTEX_WOKEN, __ATOMIC_RELEASE);
}

void futex_queue_move(struct futex_waiter *w, struct futex_bucket *to, const struct futex_key *key)
{
	if (w->bucket != to) {
		list_del(&w->link);
		enter(to, w);
	}
	w->key = *key;
}

static bool inherits(const struct futex_waiter *w)
{
	return w->pi || w->pi_key;
}

s64 futex_queue_wake(struct futex_bucket *b, const struct futex_key *key, s32 count, u32 bits,
		     futex_cpus cpus)
{
	struct futex_waiter *w, *next;
	s64 woken = 0;

	assert_held(&b->lock);
	list_for_each_safe(w, next, &b->waiters, link) {
		if (!futex_same(&w->key, key))
			continue;
		if (inherits(w))
			return -EINVAL;
		if (!(w->bits & bits))
			continue;
		futex_queue_take(w, cpus);
		/* As Linux, which counts before it looks. */
		if (++woken >= count)
			break;
	}
	return woken;
}

s64 futex_queue_requeue(struct futex_bucket *from, const struct futex_key *key,
			struct futex_bucket *to, const struct futex_key *key2, s32 wake, s32 move,
			futex_cpus cpus)
{
	struct futex_waiter *w, *next;
	s64 count = 0;

	assert_held(&from->lock);
	list_for_each_safe(w, next, &from->waiters, link) {
		if (count - wake >= move)
			break;
		if (!futex_same(&w->key, key))
			continue;
		if (inherits(w))
			return -EINVAL;
		if (++count <= wake)
			futex_queue_take(w, cpus);
		else
			futex_queue_move(w, to, key2);
	}
	return count;
}

void futex_ring(const futex_cpus cpus)
{
	for (u32 i = 0; i < (cpu_count + 63) / 64; i++)
		for (u64 left = cpus[i]; left; left &= left - 1)
			wake_cpu(i * 64 + (u32)__builtin_ctzl(left));
}

bool futex_waiter_lock(struct futex_waiter *w)
{
	u32 state;

	while ((state = __atomic_load_n(&w->state, __ATOMIC_ACQUIRE)) == FUTEX_QUEUED) {
		struct futex_bucket *b = READ_ONCE(w->bucket);

		spin_lock(&b->lock);
		if (w->state == FUTEX_QUEUED && w->bucket == b)
			return true;
		spin_unlock(&b->lock);
	}
	/* The waker has a few instructions to go. */
	while (state != FUTEX_WOKEN) {
		arch_relax();
		state = __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
	}
	return false;
}

bool futex_waiter_leave(struct futex_waiter *w)
{
	if (!futex_waiter_lock(w))
		return true;
	list_del(&w->link);
	spin_unlock(&w->bucket->lock);
	return false;
}

/* Twelve bits, signed. */
static s32 operand(u32 bits)
{
	return (s32)(bits << 20) >> 20;
}

int futex_op_value(u32 op, u32 old, u32 *value)
{
	u32 by = (u32)operand(op >> 12 & 0xfff);

	if (op >> 31)
		by = 1U << (by & 31);
	switch (op >> 28 & 7) {
	case 0:
		*value = by;
		return 0;
	case 1:
		*value = old + by;
		return 0;
	case 2:
		*value = old | by;
		return 0;
	case 3:
		*value = old & ~by;
		return 0;
	case 4:
		*value = old ^ by;
		return 0;
	}
	return -ENOSYS;
}

int futex_op_holds(u32 op, u32 old)
{
	s32 value = (s32)old, with = operand(op & 0xfff);

	switch (op >> 24 & 15) {
	case 0:
		return value == with;
	case 1:
		return value != with;
	case 2:
		return value < with;
	case 3:
		return value <= with;
	case 4:
		return value > with;
	case 5:
		return value >= with;
	}
	return -ENOSYS;
}
