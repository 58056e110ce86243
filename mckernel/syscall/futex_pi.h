/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks with priority inheritance: what futex_pi.c and futex_requeue_pi.c share. */
#ifndef SYSCALL_FUTEX_PI_H
#define SYSCALL_FUTEX_PI_H

#include "mck/task.h"
#include "futex.h"

#define CHAIN_MAX 1024 /* as Linux: of owners that wait for owners */

/*
 * Who owns a lock that others wait for. It lives while one of them is queued,
 * and changes with the lock of the bucket of its key held, and within it
 * pi_lock, which is enough to read it.
 */
struct futex_pi {
	struct futex_key key; /* constant */
	struct thread *owner;
	struct futex_pi *next, **link; /* the owner's others: thread->pi_owned */
	struct list waiters; /* queued; empty only within a hold of the bucket's lock */
	u32 ranked; /* of them that have a rank */
	bool stale; /* the owner before has died, and this one has yet to say in the word who it is */
};

/* One attempt to take a lock in the program's word, under the lock of its bucket. */
struct pi_attempt {
	u64 addr;
	struct futex_key key;
	struct futex_bucket *b;
	struct thread
		*who; /* wants it: the current thread, or one that is queued in a bucket held */
	bool announce; /* others will wait for it: the word says so, also if it is taken */
	struct futex_pi *spare; /* memory for a new one; NULL when it has been used */
	u32 exits; /* out, with -EBUSY: how many owners had ended */
	struct futex_pi *pi; /* out: what to wait for, or, with `announce`, what was taken */
};

enum { PI_WAIT = 0, PI_TAKEN = 1 };
/* All struct futex_pi, and in each thread pi_owned, pi_waits and pi_end: see futex_pi.c. */
extern struct spinlock pi_lock;
/* Somebody of `rank` has come to wait for what `owner` owns, or waits for it no more. Under pi_lock. */
void pi_inherit(struct thread *owner, u32 rank);
/*
 * PI_*; -EFAULT as arch_user_load(); -EAGAIN and -EBUSY: again, the word has
 * changed, or its owner is about to end; -EDEADLK, -ESRCH, -EINVAL for good.
 */
s64 pi_try(struct pi_attempt *a);
/* What to do about an error of pi_try(), no lock held: 0: try again. */
s64 pi_retry(struct pi_attempt *a, s64 err);
/* Who gets the lock next: the first of the highest rank, which may have changed while it waited. Under the bucket's lock. */
struct futex_waiter *pi_next(struct futex_pi *pi);
/* w, whose key is pi's, is about to be queued for it, or -EDEADLK. */
s64 pi_block(struct futex_pi *pi, struct futex_waiter *w);
/* If nobody waits for it, it goes. */
void pi_settle(struct futex_pi *pi);
/*
 * After a sleep for a lock at addr, `w` being queued for it or woken with it: 0, or
 * what became of the wait; -EBUSY: another one has taken it, begin again.
 */
s64 pi_finish(struct futex_waiter *w, u64 addr, enum futex_end end, s64 interrupted);

#endif
