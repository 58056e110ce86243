/* SPDX-License-Identifier: GPL-2.0-only */
/* The futex call, and its operations that do not wait. The words are in the LWK's own memory. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"
#include "futex.h"

enum {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE = 4,
	FUTEX_WAKE_OP = 5,
	FUTEX_LOCK_PI = 6,
	FUTEX_UNLOCK_PI = 7,
	FUTEX_TRYLOCK_PI = 8,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10,
	FUTEX_WAIT_REQUEUE_PI = 11,
	FUTEX_CMP_REQUEUE_PI = 12,
	FUTEX_LOCK_PI2 = 13,
};
#define FUTEX_PRIVATE_FLAG 128U
#define FUTEX_CLOCK_REALTIME 256U
#define ANY_BITS ~0U

static s64 futex_wake(u64 addr, bool shared, s32 count, u32 bits)
{
	struct futex_key key;
	struct futex_bucket *b;
	futex_cpus cpus = { 0 };
	s64 woken;

	if (!bits)
		return -EINVAL;
	woken = futex_key(addr, shared, ACCESS_READ, &key);
	if (woken)
		return woken;
	b = futex_bucket_of(&key);
	spin_lock(&b->lock);
	woken = futex_queue_wake(b, &key, count, bits, cpus);
	spin_unlock(&b->lock);
	futex_ring(cpus);
	return woken;
}

s64 futex_wake_user(u64 addr, u32 count)
{
	const u64 arg[6] = { addr, FUTEX_WAKE, count };
	struct offload_result res;

	if (futex_is_linux(addr, true)) {
		/* Of a thread that is gone: one that was killed may not ask any more. */
		offload_call(NR_futex, arg, ~0UL, &res);
		return res.value;
	}
	return futex_wake(addr, true, (s32)count, ANY_BITS);
}

/* Two words and their buckets. */
struct futex_pair {
	u64 addr, addr2;
	bool shared;
	struct futex_key key, key2;
	struct futex_bucket *b, *b2;
};

static s64 pair_name(struct futex_pair *p, enum access access2)
{
	s64 err = futex_key(p->addr, p->shared, ACCESS_READ, &p->key);

	if (!err)
		err = futex_key(p->addr2, p->shared, access2, &p->key2);
	if (err)
		return err;
	p->b = futex_bucket_of(&p->key);
	p->b2 = futex_bucket_of(&p->key2);
	return 0;
}

/* What the word holds, where `value` says what it must. -EFAULT as arch_user_load(). */
static s64 compare(u64 addr, const u32 *value)
{
	u32 now;
	s64 err = value ? arch_user_load(addr, &now) : 0;

	return !err && value && now != *value ? -EAGAIN : err;
}

/* Wake some, and let others wait for another word. `value`: what the first word must hold, or NULL. */
static s64 futex_requeue(struct futex_pair *p, s32 wake, s32 move, const u32 *value)
{
	futex_cpus cpus = { 0 };
	s64 ret;

	if (wake < 0 || move < 0)
		return -EINVAL;
	for (;;) {
		ret = pair_name(p, ACCESS_READ);
		if (ret)
			return ret;
		spin_lock_two(&p->b->lock, &p->b2->lock);
		ret = compare(p->addr, value);
		if (ret != -EFAULT)
			break;
		spin_unlock_two(&p->b->lock, &p->b2->lock);
		ret = futex_fault_in(p->addr, ACCESS_READ);
		if (ret)
			return ret;
	}
	if (!ret)
		ret = futex_queue_requeue(p->b, &p->key, p->b2, &p->key2, wake, move, cpus);
	spin_unlock_two(&p->b->lock, &p->b2->lock);
	futex_ring(cpus);
	return ret;
}

/* With the locks of both. */
static s64 wake_both(struct futex_pair *p, s32 wake, s32 wake2, bool holds, futex_cpus cpus)
{
	s64 woken = futex_queue_wake(p->b, &p->key, wake, ANY_BITS, cpus), more;

	if (woken < 0 || !holds)
		return woken;
	more = futex_queue_wake(p->b2, &p->key2, wake2, ANY_BITS, cpus);
	return more < 0 ? more : woken + more;
}

static s64 futex_wake_op(struct futex_pair *p, s32 wake, s32 wake2, u32 op)
{
	futex_cpus cpus = { 0 };
	s64 ret;

	for (;;) {
		ret = pair_name(p, ACCESS_WRITE);
		if (ret)
			return ret;
		spin_lock_two(&p->b->lock, &p->b2->lock);
		ret = futex_word_operate(p->addr2, op);
		if (ret != -EFAULT)
			break;
		spin_unlock_two(&p->b->lock, &p->b2->lock);
		ret = futex_fault_in(p->addr2, ACCESS_WRITE);
		if (ret)
			return ret;
	}
	if (ret >= 0)
		ret = wake_both(p, wake, wake2, ret, cpus);
	spin_unlock_two(&p->b->lock, &p->b2->lock);
	futex_ring(cpus);
	return ret;
}

/* The timeout of an operation that has one; as on Linux it is looked at first of all. */
static s64 op_deadline(u32 op, u64 timeout, struct deadline *d)
{
	u32 command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool realtime = (op & FUTEX_CLOCK_REALTIME) || command == FUTEX_LOCK_PI;

	*d = (struct deadline){ .ns = DEADLINE_NEVER };
	if (!timeout)
		return 0;
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_deadline(d, timeout, realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC,
				      command != FUTEX_WAIT);
	}
	return 0;
}

/* As Linux: the others have no choice of clocks. */
static bool may_choose_clock(u32 command)
{
	return command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI ||
	       command == FUTEX_LOCK_PI2;
}

static bool has_two_words(u32 command)
{
	switch (command) {
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_CMP_REQUEUE_PI:
		return true;
	default:
		return false;
	}
}

s64 sys_futex(const u64 arg[6])
{
	u32 op = (u32)arg[1], command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	u32 value = (u32)arg[2], value3 = (u32)arg[5];
	s32 count = (s32)arg[2], count2 = (s32)arg[3];
	struct futex_pair pair = {
		.addr = arg[0],
		.addr2 = arg[4],
		.shared = !(op & FUTEX_PRIVATE_FLAG),
	};
	struct deadline d;
	s64 err = op_deadline(op, arg[3], &d);

	if (err)
		return err;
	if ((op & FUTEX_CLOCK_REALTIME) && !may_choose_clock(command))
		return -ENOSYS;
	if (pair.shared) {
		bool is_linux = futex_is_linux(pair.addr, true);

		if (has_two_words(command) && is_linux != futex_is_linux(pair.addr2, true))
			return -EINVAL;
		if (is_linux)
			return offload_syscall(NR_futex, arg);
	}
	switch (command) {
	case FUTEX_WAIT:
		return futex_wait(pair.addr, pair.shared, value, &d, ANY_BITS);
	case FUTEX_WAIT_BITSET:
		return futex_wait(pair.addr, pair.shared, value, &d, value3);
	case FUTEX_WAKE:
		return futex_wake(pair.addr, pair.shared, count, ANY_BITS);
	case FUTEX_WAKE_BITSET:
		return futex_wake(pair.addr, pair.shared, count, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(&pair, count, count2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(&pair, count, count2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(&pair, count, count2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(pair.addr, pair.shared, &d, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(pair.addr, pair.shared, &d, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(pair.addr, pair.shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(pair.addr, pair.shared, value, &d, pair.addr2);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(pair.addr, pair.shared, pair.addr2, count, count2,
					    value3);
	}
	return -ENOSYS;
}
