/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes to a CPU: what it has to look at, in a list that many add to and the CPU alone takes from. */
#ifndef ABI_NOTE_H
#define ABI_NOTE_H

#include "abi.h"

/*
 * A note is about one thing: two words in it, `queued` and `next`, say that it is
 * in a list, and what is behind it there. The list is named by its newest member.
 * Numbers stand for the things: what they mean is the taker's own affair, and who
 * adds never follows one. So what stands in a list cannot hurt who adds to it.
 *
 * Whoever changes a thing does so before it adds the note. A thing is in one list
 * at most, once: the taker ends its note (note_end()) before it looks at the
 * thing. Who finds a note that has not ended needs none of its own: its change is
 * seen at that look. The thing stays where it is while a note is about it, and
 * `next` belongs to whoever has set `queued`.
 */

/* For whoever has `queued`: at the head of the list. */
static inline void note_link(abi_u64 *list, abi_u64 *next, abi_u64 thing)
{
	abi_u64 first = __atomic_load_n(list, __ATOMIC_RELAXED);

	do
		__atomic_store_n(next, first, __ATOMIC_RELAXED);
	/* Pairs with the acquire in note_take(): `next` is there. */
	while (!__atomic_compare_exchange_n(list, &first, thing, 0, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED));
}

static inline void note_add(abi_u64 *list, abi_u32 *queued, abi_u64 *next, abi_u64 thing)
{
	if (!__atomic_exchange_n(queued, 1, __ATOMIC_SEQ_CST))
		note_link(list, next, thing);
}

/* All of the list, the newest first; 0: there are none. Whoever added one rings the CPU afterwards. */
static inline abi_u64 note_take(abi_u64 *list)
{
	if (!__atomic_load_n(list, __ATOMIC_RELAXED))
		return 0;
	return __atomic_exchange_n(list, 0, __ATOMIC_SEQ_CST);
}

/* From here on there may be another note. A full fence: looks come behind it. */
static inline void note_end(abi_u32 *queued)
{
	__atomic_exchange_n(queued, 0, __ATOMIC_SEQ_CST);
}

#endif
