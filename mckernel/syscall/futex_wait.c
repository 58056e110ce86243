/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for futexes: until a wake, a time, a signal or the end. */
#include "mck/errno.h"
#include "mck/syscalls.h"
#include "mck/task.h"
#include "futex.h"

s64 futex_deadline(struct deadline *d, u64 timeout, enum clock_id clock, bool absolute)
{
	s64 ts[2];

	if (copy_from_user(ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (ts[0] < 0 || ts[1] < 0 || ts[1] >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	d->clock = clock;
	/* A date beyond what counts in nanoseconds is never. */
	if (ts[0] >= (s64)(1UL << 33))
		return 0;
	return deadline_set(d, (u64)ts[0] * NSEC_PER_SEC + (u64)ts[1], absolute);
}

struct sleep {
	const struct futex_sleeper *sleeper;
	const struct kpage *k;
	struct deadline *deadline;
	bool expired;
};

static bool sleep_over(void *arg)
{
	struct sleep *s = arg;

	if (futex_rung(s->sleeper) || READ_ONCE(s->k->sigpend))
		return true;
	s->expired = deadline_passed(s->deadline);
	return s->expired;
}

enum futex_end futex_sleep(struct futex_sleeper *sleeper, struct deadline *d)
{
	struct thread *t = current_thread();
	struct sleep s = { .sleeper = sleeper, .k = t->kpage, .deadline = d };

	for (;;) {
		/*
		 * This may be another CPU than a moment ago, but it stays the same
		 * one for the sleep. Against the waker's fence: futex_queue_take().
		 */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (wait_told(sleep_over, &s, true))
			return FUTEX_ENDED;
		if (futex_rung(sleeper))
			return FUTEX_RUNG;
		if (s.expired && deadline_confirm(d))
			return FUTEX_EXPIRED;
		/*
		 * Linux has a signal; perhaps one that is blocked here, and the
		 * wait goes on. Nobody answers for a thread that must end.
		 */
		if (!t->caught && !signal_ask() && thread_must_end(t))
			return FUTEX_ENDED;
		if (t->caught)
			return FUTEX_SIGNAL;
	}
}

static s64 enqueue_if(struct futex_waiter *w, u64 addr, u32 value)
{
	struct futex_bucket *b = futex_bucket_of(&w->key);
	u32 now;
	s64 err;

	spin_lock(&b->lock);
	err = arch_user_load(addr, &now);
	if (!err && now != value)
		err = -EAGAIN;
	if (!err)
		futex_queue_add(b, w);
	spin_unlock(&b->lock);
	return err;
}

s64 futex_enqueue(struct futex_waiter *w, u64 addr, bool shared, u32 value)
{
	for (;;) {
		s64 err = futex_key(addr, shared, ACCESS_READ, &w->key);

		if (err)
			return err;
		err = enqueue_if(w, addr, value);
		if (err != -EFAULT)
			return err;
		err = futex_fault_in(addr, ACCESS_READ);
		if (err)
			return err;
	}
}

s64 futex_wait(u64 addr, bool shared, u32 value, struct deadline *d, u32 bits)
{
	struct futex_sleeper sleeper = { .thread = current_thread() };
	struct futex_waiter w = { .sleeper = &sleeper, .bits = bits };
	enum futex_end end;
	s64 err;

	if (!bits)
		return -EINVAL;
	err = futex_enqueue(&w, addr, shared, value);
	if (err)
		return err;
	end = futex_sleep(&sleeper, d);
	if (futex_waiter_leave(&w))
		return 0;
	switch (end) {
	case FUTEX_EXPIRED:
		return -ETIMEDOUT;
	case FUTEX_SIGNAL:
		/* As Linux, which repeats only a wait without a timeout. */
		return d->ns == DEADLINE_NEVER ? -ERESTARTSYS : -ERESTART_RESTARTBLOCK;
	case FUTEX_RUNG:
	case FUTEX_ENDED:
		break;
	}
	return -EINTR;
}
