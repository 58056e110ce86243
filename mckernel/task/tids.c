/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads by the numbers that programs know them by. */
#include "mck/task.h"

#define BUCKETS 4096

/*
 * Threads from their births, when Linux has said their tids, until they are out
 * of the table of threads. A number is one of a pid namespace: two threads of an
 * instance may have the same. Chains by tid_next, under the bucket's lock.
 */
static struct bucket {
	struct spinlock lock;
	struct thread *first;
} buckets[BUCKETS] = { [0 ... BUCKETS - 1] = { .lock = SPINLOCK_INIT(RANK_TIDS) } };

static struct bucket *bucket_of(u32 tid)
{
	return &buckets[tid % BUCKETS];
}

void tid_add(struct thread *t)
{
	struct bucket *b = bucket_of(t->kpage->tid);

	t->tid = t->kpage->tid;
	spin_lock(&b->lock);
	t->tid_next = b->first;
	b->first = t;
	spin_unlock(&b->lock);
}

void tid_remove(struct thread *t)
{
	struct bucket *b = bucket_of(t->tid);
	struct thread **link = &b->first;

	spin_lock(&b->lock);
	while (*link && *link != t)
		link = &(*link)->tid_next;
	if (*link)
		*link = t->tid_next;
	spin_unlock(&b->lock);
}

struct thread *thread_by_tid(u32 tid, struct process *process)
{
	struct bucket *b = bucket_of(tid);
	struct thread *t, *found = NULL;

	spin_lock(&b->lock);
	for (t = b->first; t && (!found || found->process != process); t = t->tid_next)
		if (t->tid == tid && (!found || t->process == process))
			found = t;
	spin_unlock(&b->lock);
	return found;
}
