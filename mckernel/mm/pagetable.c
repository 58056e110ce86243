/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks over page tables of four levels (abi/pte.h). */
#include "mck/mm.h"

static u64 *table_at(u64 entry)
{
	return pa_to_va(entry & PTE_ADDR_MASK);
}

static u64 load(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

/* Hang an empty table below *entry. The module's walkers see it zeroed. */
static bool table_add(u64 *entry)
{
	u64 pa = page_alloc_zero(0, -1);

	if (!pa)
		return false;
	__atomic_store_n(entry, pa | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED,
			 __ATOMIC_RELEASE);
	return true;
}

u64 *pt_entry(u64 root_pa, u64 va, int level, bool create)
{
	u64 *entry = table_at(root_pa) + pt_index(va, PT_LEVELS);

	for (int l = PT_LEVELS; l > level; l--) {
		u64 e = load(entry);

		/* A large leaf, or an entry that is busy, has no table below it. */
		if ((e & PTE_HUGE) || (!(e & PTE_PRESENT) && e))
			return NULL;
		if (!e && (!create || !table_add(entry)))
			return NULL;
		entry = table_at(load(entry)) + pt_index(va, l - 1);
	}
	return entry;
}

u64 *pt_leaf(u64 root_pa, u64 va, int *level)
{
	u64 *entry = table_at(root_pa) + pt_index(va, PT_LEVELS);

	for (int l = PT_LEVELS;; l--) {
		u64 e = load(entry);

		if (!(e & PTE_PRESENT))
			return NULL;
		if (l == 1 || (e & PTE_HUGE)) {
			*level = l;
			return entry;
		}
		entry = table_at(e) + pt_index(va, l - 1);
	}
}
