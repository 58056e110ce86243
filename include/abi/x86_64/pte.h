/* SPDX-License-Identifier: GPL-2.0-only */
/* The LWK's page tables as x86-64 has them; who may write what is in abi/pte.h. */
#ifndef ABI_X86_64_PTE_H
#define ABI_X86_64_PTE_H

#include "abi/abi.h"

/*
 * Four levels; a leaf is at level 1 (4 KiB), or an entry with PTE_HUGE at
 * level 2 (2 MiB) or 3 (1 GiB).
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
#define PTE_OWN (1UL << 52) /* software: this entry alone maps the frame */
#define PTE_MIRROR (1UL << 54) /* software: Linux's page, and the module's entry */
#define PTE_NX (1UL << 63)
#define PTE_ADDR_MASK 0x000ffffffffff000UL

/* Of entries that are not present. */
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

#endif
