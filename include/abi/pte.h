/* SPDX-License-Identifier: GPL-2.0-only */
/* Page-table entries of the LWK, which the module reads, and marks as lent; their bits are the machine's. */
#ifndef ABI_PTE_H
#define ABI_PTE_H

#include "abi.h"
#include "abi/x86_64/pte.h"

/*
 * Who writes: the LWK, by atomic exchange or compare-and-swap only, looking
 * at the mark of the old value. The module changes one bit only, by
 * compare-and-swap: it sets PTE_LENT on a present leaf before it inserts the
 * page into a shadow. The LWK clears PTE_LENT after the module has replied
 * that the range is zapped. The mark of a large leaf covers all of it.
 *
 * PTE_OWN: this entry alone maps the frame, and always has since the frame was
 * last shared or filled. Taken from a lent entry only as PTE_WRITE is: not
 * present, then zapped. So Linux may write to the page while it may insert it.
 *
 * Entries that are not present. PTE_NONE: nothing was ever there, or the
 * answer needs the LWK's regions. PTE_BUSY: a change is under way and ends
 * without a wait for mmap_lock; ask again. Both are answered by CALL_FAULT;
 * the walker treats every entry without PTE_PRESENT as a miss.
 */

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
