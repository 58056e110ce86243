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
 * PTE_MIRROR: a page of Linux's, where Linux's own mapping is mirrored (see
 * below). Such entries are the module's: the LWK reads them only.
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
	/*
	 * CPUs (bits by place) that may hold TLB entries of the space. Written by the
	 * LWK: a bit is set, with a full barrier, before the CPU loads the tables, and
	 * cleared when it has left them. Who has changed an entry, and behind a full
	 * barrier does not see the bit, need not ask that CPU.
	 */
	abi_u64 cpus[ABI_MAX_CPUS / 64];
};

/*
 * Mirrored ranges. Where the program maps what is Linux's (a file, shared), the
 * proxy has that mapping at the same address, and the LWK's tables show the same
 * pages: the module writes the leaves, by compare-and-swap from PTE_NONE or an
 * entry with PTE_MIRROR, when a thread has asked for one (REQ_MIRROR_FAULT), and
 * takes them out again when Linux takes back the page. For each CPU in `cpus` it
 * raises boot_cpu.flush_request then and waits for the answer, before Linux goes
 * on. The LWK makes the tables, and keeps them until Linux's mapping has gone
 * (REQ_MIRROR_CLOSE) or the last thread of the space has ended, before which the
 * module has taken out all that it had put in.
 */

#endif
