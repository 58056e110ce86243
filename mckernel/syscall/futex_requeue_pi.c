/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Condition variables with locks of priority inheritance: waiters for a word are
 * moved to a lock, and wake when they have it. Linux's kernel/futex/requeue.c.
 */
#include "futex_pi.h"
#include "mck/errno.h"
#include "mck/mm.h"

s64 futex_wait_requeue_pi(u64 addr, bool shared, u32 value, struct deadline *d, u64 addr2)
{
	struct futex_sleeper sleeper = { .thread = current_thread() };
	struct futex_key key2;
	struct futex_waiter w = { .sleeper = &sleeper, .bits = ~0U, .pi_key = &key2 };
	enum futex_end end;
	s64 err;

	if (addr == addr2)
		return -EINVAL;
	err = futex_key(addr2, shared, ACCESS_WRITE, &key2);
	if (!err)
		err = futex_key(addr, shared, ACCESS_READ, &w.key);
	if (!err && futex_same(&w.key, &key2))
		err = -EINVAL;
	if (!err)
		err = futex_enqueue(&w, addr, shared, value);
	if (err)
		return err;
	end = futex_sleep(&sleeper, d);
	/* As Linux: who has been moved cannot begin anew, since the first word has changed. */
	if (end != FUTEX_SIGNAL || !futex_waiter_lock(&w)) {
		err = pi_finish(&w, addr2, end, -EINTR);
		return err == -EBUSY ? futex_lock_pi(addr2, shared, d, false) : err;
	}
	err = w.pi ? -EAGAIN : -ERESTARTNOINTR;
	spin_unlock(&w.bucket->lock);
	return pi_finish(&w, addr2, end, err);
}

struct requeue {
	u64 addr; /* of the word that they wait for */
	struct futex_key key; /* its name */
	struct futex_bucket *b; /* its bucket */
	struct pi_attempt lock; /* what they are moved to */
	s32 move;
	futex_cpus cpus;
};

/* It comes to this lock, and waits for it by no other way. */
static bool belongs(const struct requeue *r, const struct futex_waiter *w)
{
	return w->pi_key && !w->pi && futex_same(w->pi_key, &r->lock.key);
}

static s64 move_one(struct requeue *r, struct futex_waiter *w)
{
	s64 err;

	if (!belongs(r, w))
		return -EINVAL;
	err = pi_block(r->lock.pi, w);
	if (!err) {
		futex_queue_move(w, r->lock.b, &r->lock.key);
	} else {
		w->error = (s32)err;
		futex_queue_take(w, r->cpus);
	}
	return err;
}

/* How many have the lock, or wait for it now. Under both locks; `count`: so many have it. */
static s64 move_all(struct requeue *r, s64 count)
{
	struct futex_waiter *w, *next;

	list_for_each_safe(w, next, &r->b->waiters, link) {
		s64 err;

		if (count - 1 >= r->move)
			break;
		if (!futex_same(&w->key, &r->key))
			continue;
		err = move_one(r, w);
		if (err)
			return err;
		count++;
	}
	return count;
}

/* Under both locks. What is negative is one of pi_try()'s errors. */
static s64 requeue_locked(struct requeue *r)
{
	struct futex_waiter *first = futex_queue_first(r->b, &r->key);
	u32 word;
	s64 ret;

	/* Also if nobody waits. */
	if (arch_user_load(r->lock.addr, &word))
		return -EFAULT;
	if (!first)
		return 0;
	if (!belongs(r, first))
		return -EINVAL;
	r->lock.who = first->sleeper->thread;
	ret = pi_try(&r->lock);
	if (ret < 0)
		return ret;
	if (ret == PI_TAKEN)
		futex_queue_take(first, r->cpus);
	ret = move_all(r, ret == PI_TAKEN);
	if (r->lock.pi)
		pi_settle(r->lock.pi);
	return ret;
}

/* One attempt; *again: 0 if another one has to follow. */
static s64 requeue_once(struct requeue *r, bool shared, u32 value, s64 *again)
{
	u32 now;
	s64 ret;

	*again = 1;
	ret = futex_key(r->addr, shared, ACCESS_READ, &r->key);
	if (!ret)
		ret = futex_key(r->lock.addr, shared, ACCESS_WRITE, &r->lock.key);
	if (!ret && futex_same(&r->key, &r->lock.key))
		ret = -EINVAL;
	if (ret)
		return ret;
	r->b = futex_bucket_of(&r->key);
	r->lock.b = futex_bucket_of(&r->lock.key);
	spin_lock_two(&r->b->lock, &r->lock.b->lock);
	ret = arch_user_load(r->addr, &now);
	if (ret) {
		spin_unlock_two(&r->b->lock, &r->lock.b->lock);
		*again = futex_fault_in(r->addr, ACCESS_READ);
		return *again;
	}
	if (now != value) {
		spin_unlock_two(&r->b->lock, &r->lock.b->lock);
		return -EAGAIN;
	}
	ret = requeue_locked(r);
	spin_unlock_two(&r->b->lock, &r->lock.b->lock);
	if (ret < 0) {
		*again = pi_retry(&r->lock, ret);
		ret = *again;
	}
	return ret;
}

s64 futex_cmp_requeue_pi(u64 addr, bool shared, u64 addr2, s32 wake, s32 move, u32 value)
{
	struct requeue r = { .addr = addr, .lock.addr = addr2, .move = move };
	s64 ret, again;

	/* More than one awake would only meet at the lock. */
	if (wake != 1 || move < 0 || addr == addr2)
		return -EINVAL;
	r.lock.announce = move > 0;
	do {
		if (!r.lock.spare)
			r.lock.spare = kzalloc(sizeof(*r.lock.spare));
		if (!r.lock.spare)
			return -ENOMEM;
		ret = requeue_once(&r, shared, value, &again);
	} while (!again);
	kfree(r.lock.spare);
	futex_ring(r.cpus);
	return ret;
}
