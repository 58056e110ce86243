/* SPDX-License-Identifier: GPL-2.0-only */
/* The queues behind futexes: who waits for which word. No memory of programs: unit-tested. */
#ifndef MCK_FUTEXQ_H
#define MCK_FUTEXQ_H

#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"

/*
 * What names a word: its space and address, or where memory is shared the
 * object and the offset in it; never the physical page, which copy-on-write
 * changes. As on Linux, the same word of private memory has one name for
 * private operations and another one for shared ones.
 */
struct futex_key {
	u64 object; /* enum futex_kind in the low bits, above it an id that no other object ever has */
	u64 offset;
};
enum futex_kind { FUTEX_PRIVATE, FUTEX_ANONYMOUS, FUTEX_OBJECT };
#define FUTEX_KIND_BITS 2

static inline bool futex_same(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/*
 * Waiters whose keys have the same hash. A word is tested, and its waiter
 * enqueued, under the lock: who changes it, in this space or in another that
 * shares it, takes the lock afterwards to wake, and one of the two sees the
 * other.
 */
struct futex_bucket {
	struct spinlock lock; /* RANK_FUTEX */
	struct list waiters; /* under lock: by rank, of one rank in the order of their coming */
	u8 line[64 - sizeof(struct spinlock) - sizeof(struct list)]; /* of the cache */
};

/* A thread that waits for one word or for several, on its stack. */
struct futex_sleeper {
	struct thread *thread;
	u32 rung; /* one of its waiters is TAKEN: stored by the waker, read by the thread */
};

struct futex_pi;

/* One word that a thread waits for, on its stack. What is not said to be otherwise is under the bucket's lock. */
struct futex_waiter {
	struct list link;
	struct futex_key key;
	/* Where it is queued. Changed with the locks of both held; read without, and then looked at again with it. */
	struct futex_bucket *bucket;
	struct futex_sleeper *sleeper; /* constant */
	u32 bits; /* constant: a wake must have one of them */
	u32 rank; /* of the thread when it was queued: see sched_rank() */
	u32 state; /* enum futex_state: by the waker under the lock; WOKEN by release without meaning to the bucket */
	/* Priority inheritance, see syscall/futex_pi.c. */
	struct futex_pi *pi; /* the lock that it waits for, or NULL, */
	struct list pi_link; /* and among all that do, under pi_lock; */
	bool pi_ranked; /* counted in the lock's `ranked` */
	/* constant: of the lock that it will be moved to, or NULL */
	const struct futex_key *pi_key;
	/* The tid of the owner who could not hand its lock over to it in the word, which it does itself; 0: none. */
	u32 dead;
	s32 error; /* why it was woken without having the lock, or 0 */
};
enum futex_state {
	FUTEX_QUEUED,
	FUTEX_TAKEN, /* out of the bucket, and its thread is about to be rung for */
	FUTEX_WOKEN, /* the waker is done with it: it may be gone */
};

typedef u64 futex_cpus[ABI_MAX_CPUS / 64]; /* to be rung when the locks are dropped */

/* Once, before the first use: as many buckets as fit memory of `pages`. */
void futex_buckets_init(u64 pages);
struct futex_bucket *futex_bucket_of(const struct futex_key *key);

/* ---- under the bucket's lock ---- */

void futex_queue_add(struct futex_bucket *b, struct futex_waiter *w);
struct futex_waiter *futex_queue_first(struct futex_bucket *b, const struct futex_key *key);
/* Out of the bucket, and awake. */
void futex_queue_take(struct futex_waiter *w, futex_cpus cpus);
/* To another word; with the locks of both buckets. */
void futex_queue_move(struct futex_waiter *w, struct futex_bucket *to, const struct futex_key *key);
/*
 * Wakes up to `count`, but one at least. Returns how many, or -EINVAL if it
 * meets one that waits for a lock with priority inheritance.
 */
s64 futex_queue_wake(struct futex_bucket *b, const struct futex_key *key, s32 count, u32 bits,
		     futex_cpus cpus);
/* Wakes up to `wake` and moves up to `move` others: how many in all, or -EINVAL as above. */
s64 futex_queue_requeue(struct futex_bucket *from, const struct futex_key *key,
			struct futex_bucket *to, const struct futex_key *key2, s32 wake, s32 move,
			futex_cpus cpus);

/* ---- with no lock held ---- */

void futex_ring(const futex_cpus cpus);
static inline bool futex_rung(const struct futex_sleeper *s)
{
	return __atomic_load_n(&s->rung, __ATOMIC_ACQUIRE);
}
/*
 * By the waiter's thread, at the end of its wait: true with the lock of its
 * bucket held if it is still queued. False: it was woken, and nobody looks at
 * it any more.
 */
bool futex_waiter_lock(struct futex_waiter *w);
/* Out of its bucket, if it is still there. True: it was woken. */
bool futex_waiter_leave(struct futex_waiter *w);

/* ---- FUTEX_WAKE_OP's operation ---- */

/* What the word becomes, 0 or -ENOSYS; and whether the comparison with the old one holds: 1, 0 or -ENOSYS. */
int futex_op_value(u32 op, u32 old, u32 *value);
int futex_op_holds(u32 op, u32 old);

#endif
