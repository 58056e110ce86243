/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue of futex waiters. */
#include "mck/errno.h"
#include "mck/futexq.h"

static struct list *head_of(struct futex_queue *q, const struct futex_key *key)
{
	u64 hash = ((u64)key->object >> 4) * 0x9e3779b97f4a7c15UL + key->offset / sizeof(u32);
	struct list *head;

	hash *= 0x9e3779b97f4a7c15UL;
	head = &q->head[(hash >> 32) % FUTEX_HEADS];
	if (!head->next)
		list_init(head);
	return head;
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

void futex_queue_add(struct futex_queue *q, struct futex_waiter *w)
{
	w->woken = false;
	list_add_tail(head_of(q, &w->key), &w->link);
}

void futex_queue_remove(struct futex_queue *q, struct futex_waiter *w)
{
	(void)q;
	list_del(&w->link);
}

u32 futex_queue_wake(struct futex_queue *q, const struct futex_key *key, u32 count, u32 bits,
		     u64 cpus[ABI_MAX_CPUS / 64])
{
	struct list *head = head_of(q, key);
	struct futex_waiter *w, *next;
	u32 woken = 0;

	list_for_each_safe(w, next, head, link) {
		if (woken >= count)
			break;
		if (!same(&w->key, key) || !(w->bits & bits))
			continue;
		list_del(&w->link);
		cpus[w->place / 64] |= 1UL << (w->place % 64);
		woken++;
		/* Last: the waiter's stack may be gone after this. */
		__atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
	}
	return woken;
}

u32 futex_queue_move(struct futex_queue *q, const struct futex_key *from,
		     const struct futex_key *to, u32 count)
{
	struct list *head = head_of(q, from);
	struct futex_waiter *w, *next;
	struct list moved;
	u32 n = 0;

	/* Aside first: both keys may have the same head. */
	list_init(&moved);
	list_for_each_safe(w, next, head, link) {
		if (n >= count)
			break;
		if (!same(&w->key, from))
			continue;
		list_del(&w->link);
		list_add_tail(&moved, &w->link);
		n++;
	}
	list_for_each_safe(w, next, &moved, link) {
		list_del(&w->link);
		w->key = *to;
		list_add_tail(head_of(q, to), &w->link);
	}
	return n;
}

/* Twelve bits, signed. */
static s32 operand(u32 bits)
{
	return (s32)(bits << 20) >> 20;
}

static int changed(u32 kind, u32 old, u32 by, u32 *value)
{
	switch (kind) {
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

static int compared(u32 kind, s32 old, s32 with, bool *holds)
{
	switch (kind) {
	case 0:
		*holds = old == with;
		return 0;
	case 1:
		*holds = old != with;
		return 0;
	case 2:
		*holds = old < with;
		return 0;
	case 3:
		*holds = old <= with;
		return 0;
	case 4:
		*holds = old > with;
		return 0;
	case 5:
		*holds = old >= with;
		return 0;
	}
	return -ENOSYS;
}

int futex_op_apply(u32 *word, u32 op, bool *holds)
{
	u32 kind = op >> 28 & 7, test = op >> 24 & 15;
	s32 by = operand(op >> 12 & 0xfff), with = operand(op & 0xfff);
	u32 old = __atomic_load_n(word, __ATOMIC_RELAXED), value;
	int err;

	if (op >> 31)
		by = (s32)(1U << (by & 31));
	do {
		err = changed(kind, old, (u32)by, &value);
		if (err)
			return err;
	} while (!__atomic_compare_exchange_n(word, &old, value, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return compared(test, (s32)old, with, holds);
}
