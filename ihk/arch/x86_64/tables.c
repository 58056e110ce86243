// SPDX-License-Identifier: GPL-2.0-only
/* The page tables on which LWK CPUs start. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "abi/pte.h"
#include "arch/arch.h"

#define ENTRY_FLAGS (PTE_PRESENT | PTE_WRITE)

static u64 *table_new(struct ihk_tables *tables, gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	if (!page)
		return NULL;
	list_add(&page->lru, &tables->pages);
	return page_address(page);
}

/* The entry for `va` at `level`, with the tables above it made where they miss. */
static u64 *entry_make(struct ihk_tables *tables, u64 va, int level)
{
	u64 *table = tables->root;
	int at;

	for (at = PT_LEVELS; at > level; at--) {
		u64 *entry = &table[pt_index(va, at)];

		if (*entry & PTE_HUGE)
			return entry;
		if (!*entry) {
			u64 *next = table_new(tables, GFP_KERNEL);

			if (!next)
				return NULL;
			*entry = virt_to_phys(next) | ENTRY_FLAGS;
		}
		table = phys_to_virt(*entry & PTE_ADDR_MASK);
	}
	return &table[pt_index(va, level)];
}

static int map(struct ihk_tables *tables, u64 va, u64 pa, u64 size, int level)
{
	u64 span = pt_span(level);
	u64 done;

	for (done = 0; done < size; done += span) {
		u64 *entry = entry_make(tables, va + done, level);

		if (!entry)
			return -ENOMEM;
		if (!(*entry & PTE_PRESENT))
			*entry = (pa + done) | ENTRY_FLAGS | (level > 1 ? PTE_HUGE : 0);
	}
	return 0;
}

int ihk_tables_map_large(struct ihk_tables *tables, u64 va, u64 pa, u64 size)
{
	return map(tables, va, pa, size, 2);
}

int ihk_tables_map(struct ihk_tables *tables, u64 va, u64 pa, u64 size)
{
	return map(tables, va, pa, size, 1);
}

int ihk_tables_make(struct ihk_tables *tables)
{
	INIT_LIST_HEAD(&tables->pages);
	/* CR3 is loaded in 32-bit mode. */
	tables->root = table_new(tables, GFP_KERNEL | GFP_DMA32);
	return tables->root ? 0 : -ENOMEM;
}

void ihk_tables_free(struct ihk_tables *tables)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &tables->pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	tables->root = NULL;
}
