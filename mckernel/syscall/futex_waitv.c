/* SPDX-License-Identifier: GPL-2.0-only */
/* futex_waitv: a wait for any of several words. */
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"
#include "futex.h"

#define WAITV_MAX 128U
#define FUTEX_32 2U
#define FUTEX_PRIVATE_FLAG 128U

/* struct futex_waitv of the UAPI. */
struct user_waitv {
	u64 value, addr;
	u32 flags, reserved;
};

/* All that one call needs; too large for the stack. */
struct waitv {
	struct futex_sleeper sleeper;
	u32 count;
	struct {
		struct user_waitv user;
		struct futex_waiter waiter;
	} word[];
};

static bool is_shared(const struct user_waitv *u)
{
	return !(u->flags & FUTEX_PRIVATE_FLAG);
}

/* The first `count` are out of their queues. The last one that was woken, or -EAGAIN. */
static s64 leave(struct waitv *v, u32 count)
{
	s64 woken = -EAGAIN;

	for (u32 i = 0; i < count; i++)
		if (futex_waiter_leave(&v->word[i].waiter))
			woken = i;
	return woken;
}

/*
 * In the queues of all words, if each has its value: 0. If not, none is queued:
 * *woken is one that was woken meanwhile, whatever the error, or negative.
 */
static s64 enqueue_all(struct waitv *v, s64 *woken)
{
	for (u32 i = 0; i < v->count; i++) {
		const struct user_waitv *u = &v->word[i].user;
		s64 err = futex_enqueue(&v->word[i].waiter, u->addr, is_shared(u), (u32)u->value);

		if (err) {
			*woken = leave(v, i);
			return err;
		}
	}
	return 0;
}

/* As Linux, which looks at all addresses before it looks at the first word. */
static s64 name_all(struct waitv *v)
{
	s64 err = 0;

	for (u32 i = 0; i < v->count && !err; i++)
		err = futex_key(v->word[i].user.addr, is_shared(&v->word[i].user), ACCESS_READ,
				&v->word[i].waiter.key);
	return err;
}

static s64 wait_any(struct waitv *v, struct deadline *d)
{
	enum futex_end end;
	s64 woken = -EAGAIN, err = name_all(v);

	if (!err)
		err = enqueue_all(v, &woken);
	if (err)
		return woken >= 0 ? woken : err;
	end = futex_sleep(&v->sleeper, d);
	woken = leave(v, v->count);
	if (woken >= 0)
		return woken;
	switch (end) {
	case FUTEX_EXPIRED:
		return -ETIMEDOUT;
	case FUTEX_SIGNAL:
		return -ERESTARTSYS;
	case FUTEX_RUNG:
	case FUTEX_ENDED:
		break;
	}
	return -EINTR;
}

static s64 read_words(struct waitv *v, u64 addr)
{
	for (u32 i = 0; i < v->count; i++) {
		struct user_waitv *u = &v->word[i].user;

		if (copy_from_user(u, addr + i * sizeof(*u), sizeof(*u)))
			return -EFAULT;
		if ((u->flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG)) || u->reserved ||
		    !(u->flags & FUTEX_32))
			return -EINVAL;
		v->word[i].waiter.sleeper = &v->sleeper;
		v->word[i].waiter.bits = ~0U;
	}
	return 0;
}

/* Words that are futexes of Linux's. */
static u32 count_linux(const struct waitv *v)
{
	u32 n = 0;

	for (u32 i = 0; i < v->count; i++)
		n += futex_is_linux(v->word[i].user.addr, is_shared(&v->word[i].user));
	return n;
}

s64 sys_futex_waitv(const u64 arg[6])
{
	struct deadline d = { .ns = DEADLINE_NEVER };
	u32 count = (u32)arg[1], clock = (u32)arg[4], in_linux;
	struct waitv *v;
	s64 err;

	if ((u32)arg[2] || !count || count > WAITV_MAX || !arg[0])
		return -EINVAL;
	if (arg[3]) {
		if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
			return -EINVAL;
		err = futex_deadline(&d, arg[3], (enum clock_id)clock, true);
		if (err)
			return err;
	}
	v = kzalloc(sizeof(*v) + count * sizeof(v->word[0]));
	if (!v)
		return -ENOMEM;
	v->sleeper.thread = current_thread();
	v->count = count;
	err = read_words(v, arg[0]);
	in_linux = err ? 0 : count_linux(v);
	if (in_linux && in_linux != count)
		err = -EINVAL;
	else if (!err && !in_linux)
		err = wait_any(v, &d);
	kfree(v);
	if (!err && in_linux)
		err = offload_syscall(NR_futex_waitv, arg);
	return err;
}
