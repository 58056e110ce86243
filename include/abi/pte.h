/* SPDX-License-Identifier: GPL-2.0-only */
/* Page-table entries of the LWK, which the module reads, and marks as lent. */
#ifndef ABI_PTE_H
#define ABI_PTE_H

#include "abi.h"

/*
 * Who writes: the LWK, by atomic exchange or compare-and-swap only, looking
 * at the mark of the old value. The module changes one bit only, by
 * compare-and-swap: it sets PTE_LENT on a present leaf before it inserts the
 * page into a shadow. The LWK clears PTE_LENT after the module has replied
 * that the range is zapped.
 *
 * Four levels; a leaf is at level 1 (4 KiB), or an entry with PTE_HUGE at
 * level 2 (2 MiB) or 3 (1 GiB). The mark of a large leaf covers all of it.
 */
#define PTE_PRESENT (1UL << 0)
#define PTE_WRITE (1UL << 1)
#define PTE_USER (1UL << 2)
#define PTE_PWT (1UL << 3)
#define PTE_PCD (1UL << 4)
#define PTE_ACCESSED (1UL << 5)
#define PTE_DIRTY (1UL << 6)
#define PTE_HUGE (1UL << 7)
#define PTE_GLOBAL (1UL << 8)
#define PTE_LENT (1UL << 9) /* software: some shadow may show this leaf */
/*
 * This entry alone maps the frame, and always has since the frame was last
 * shared or filled. Taken from a lent entry only as PTE_WRITE is: not present,
 * then zapped. So Linux may write to the page while it may insert it.
 */
#define PTE_OWN (1UL << 52)
#define PTE_NX (1UL << 63)
#define PTE_ADDR_MASK 0x000ffffffffff000UL

/*
 * Entries that are not present. PTE_NONE: nothing was ever there, or the
 * answer needs the LWK's regions. PTE_BUSY: a change is under way and ends
 * without a wait for mmap_lock; ask again. Both are answered by CALL_FAULT;
 * the walker treats every entry without PTE_PRESENT as a miss.
 */
#define PTE_NONE 0UL
#define PTE_BUSY (1UL << 10)

#define PT_LEVELS 4
#define PT_ENTRIES 512

/* Index into the table of `level` (1 is the lowest) for address `va`. */
static inline unsigned int pt_index(abi_u64 va, int level)
{
	return (va >> (ABI_PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

/* Bytes that one entry of `level` covers. */
static inline abi_u64 pt_span(int level)
{
	return 1UL << (ABI_PAGE_SHIFT + 9 * (level - 1));
}

/*
 * Lives in LWK memory, one per space; its physical address is told when the
 * space is made. A walker of the module runs with preemption off between
 * the increment and the decrement of walkers[epoch & 1]. The LWK unlinks table pages, then
 * twice: flips the epoch (full barrier) and waits until the other counter is
 * zero; then it frees them.
 */
struct space_epoch {
	abi_u32 epoch; /* written by the LWK */
	abi_u32 walkers[2]; /* atomically changed by the module */
	abi_u32 reserved;
};

#endif
