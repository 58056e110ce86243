/* SPDX-License-Identifier: GPL-2.0-only */
/* A bounded queue of 64-bit words between one producer and one consumer. */
#ifndef ABI_RING_H
#define ABI_RING_H

#include "abi.h"

/*
 * Several producers on one side serialize themselves by a lock of their own.
 * Indices run freely and are masked at use; each side writes only its own
 * cache line.
 *
 * To the LWK there are no more words under way than calls. To Linux there may be
 * one for each thread of the CPU: who finds the ring full waits for Linux's
 * interrupt, which takes words whatever else Linux does.
 */
#define RING_ENTRIES 8192 /* a power of two, at least 2 * IKC_CALLS */

struct ring {
	abi_u32 tail; /* written ONLY by the producer */
	abi_u32 pad0[15];
	abi_u32 head; /* written ONLY by the consumer */
	abi_u32 pad1[15];
	abi_u64 word[RING_ENTRIES]; /* written by the producer */
};

enum ring_push {
	RING_FULL = -1,
	RING_WAS_BUSY = 0, /* the consumer has not finished: it will see the word */
	RING_WAS_EMPTY = 1, /* the consumer must be rung */
};

/*
 * Append one word. The consumer's index is untrusted: a nonsensical one reads
 * as full.
 */
static inline enum ring_push ring_push(struct ring *r, abi_u64 word)
{
	abi_u32 tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	/* Pairs with the release of head in ring_pop(): the cell is free again. */
	abi_u32 head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

	if (tail - head >= RING_ENTRIES)
		return RING_FULL;
	r->word[tail & (RING_ENTRIES - 1)] = word;
	/* Pairs with the acquire of tail in ring_pop(): the word is there. */
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_RELEASE);
	/*
	 * Store of tail before load of head, against the consumer's store of
	 * head before its last load of tail: one of the two sees the other, so
	 * a word is never left behind an idle consumer.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	return head == tail ? RING_WAS_EMPTY : RING_WAS_BUSY;
}

/*
 * No producer gets that far ahead: the other side has written nonsense to its
 * index. Nothing more will come through this ring.
 */
static inline int ring_is_corrupt(const struct ring *r)
{
	return __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) -
		       __atomic_load_n(&r->head, __ATOMIC_RELAXED) >
	       RING_ENTRIES;
}

/* Take the oldest word; 0 when there is none. A consumer calls it until it returns 0. */
static inline int ring_pop(struct ring *r, abi_u64 *word)
{
	abi_u32 head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	abi_u32 tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

	/* See ring_is_corrupt(). */
	if (tail == head || tail - head > RING_ENTRIES)
		return 0;
	*word = r->word[head & (RING_ENTRIES - 1)];
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 1;
}

static inline int ring_empty(const struct ring *r)
{
	return __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&r->head, __ATOMIC_RELAXED);
}

#endif
