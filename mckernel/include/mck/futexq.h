/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue behind futexes: who waits for which word. No locks, no memory of programs: unit-tested. */
#ifndef MCK_FUTEXQ_H
#define MCK_FUTEXQ_H

#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"

struct futex_key {
	const void *object; /* a space or a shared object */
	u64 offset;
};

/* On the waiting thread's stack. All under the queue's lock, but `woken`. */
struct futex_waiter {
	struct list link;
	struct futex_key key;
	u32 bits; /* a wake must have one of them */
	u32 place; /* CPU to be rung */
	bool woken; /* release by the waker, after which the waiter may be gone */
};

#define FUTEX_HEADS 256

struct futex_queue {
	struct list head[FUTEX_HEADS]; /* made at first use */
};

/* All under the caller's lock. Waiters of one key are served in the order of their coming. */
void futex_queue_add(struct futex_queue *q, struct futex_waiter *w);
void futex_queue_remove(struct futex_queue *q, struct futex_waiter *w);
/* Wakes up to `count`; adds the CPUs to be rung to `cpus`. Returns how many. */
u32 futex_queue_wake(struct futex_queue *q, const struct futex_key *key, u32 count, u32 bits,
		     u64 cpus[ABI_MAX_CPUS / 64]);
u32 futex_queue_move(struct futex_queue *q, const struct futex_key *from,
		     const struct futex_key *to, u32 count);
/* FUTEX_WAKE_OP's operation on the word, atomically, and whether its comparison holds. 0 or -ENOSYS. */
int futex_op_apply(u32 *word, u32 op, bool *holds);

#endif
