/* SPDX-License-Identifier: GPL-2.0-only */
/* The child's tid, stored once, by parent or child, before either goes on. */
#include "syscall/tid_store.h"
#include "mck/mm.h"
#include "mck/task.h"

enum store_state { STORE_OPEN, STORE_BUSY, STORE_DONE };

struct tid_store {
	u64 addr; /* in the space of both */
	u32 refs; /* atomic */
	/* enum store_state. From OPEN to BUSY by compare-and-swap, by whoever comes first; then to DONE by it. */
	u32 state;
	/* 1 + place of the other, if it waits. Stored before its last look at `state`, read behind the store of DONE. */
	u32 waiter;
};

struct tid_store *tid_store_new(u64 addr)
{
	struct tid_store *s = kzalloc(sizeof(*s));

	if (s) {
		s->addr = addr;
		s->refs = 1;
	}
	return s;
}

void tid_store_get(struct tid_store *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

void tid_store_put(struct tid_store *s)
{
	if (!__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		kfree(s);
}

static bool stored(void *arg)
{
	struct tid_store *s = arg;

	return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == STORE_DONE;
}

static void wait_stored(struct tid_store *s)
{
	__atomic_store_n(&s->waiter, current_thread()->cpu + 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* The store itself ends always: it fails at worst, or its thread's page is never brought and it dies. */
	wait_for(stored, s, true);
}

void tid_store(struct tid_store *s, u32 tid)
{
	u32 open = STORE_OPEN, waiter;

	if (!__atomic_compare_exchange_n(&s->state, &open, STORE_BUSY, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		wait_stored(s);
		return;
	}
	copy_to_user(s->addr, &tid, sizeof(tid));
	__atomic_store_n(&s->state, STORE_DONE, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	waiter = __atomic_load_n(&s->waiter, __ATOMIC_RELAXED);
	if (waiter)
		wake_cpu(waiter - 1);
}
