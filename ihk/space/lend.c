// SPDX-License-Identifier: GPL-2.0-only
/* Walking the LWK's page tables, and marking what the shadow is about to show. */
#include <linux/mm.h>

#include "object/object.h"
#include "space/space.h"

/* A leaf found by a walk. */
struct leaf {
	u64 *entry; /* in LWK memory; valid between ihk_walk_begin() and ihk_walk_end() only */
	u64 value; /* as read, PTE_WRITE without the permission of a level above it */
	int level;
	unsigned int index; /* of the entry in its table */
};

/*
 * Tables that the LWK has unlinked stay what they were until all walkers that
 * may still look at them are gone. Preemption is off, so that it is soon.
 */
unsigned int ihk_walk_begin(struct ihk_space *space)
{
	unsigned int epoch;

	preempt_disable();
	epoch = READ_ONCE(space->epoch->epoch) & 1;
	atomic_inc((atomic_t *)&space->epoch->walkers[epoch]);
	/* The count before any look at a table; pairs with the barrier of the LWK's flip. */
	smp_mb__after_atomic();
	return epoch;
}

void ihk_walk_end(struct ihk_space *space, unsigned int epoch)
{
	/* All looks before the count. */
	smp_mb__before_atomic();
	atomic_dec((atomic_t *)&space->epoch->walkers[epoch]);
	preempt_enable();
}

u64 *ihk_walk_table(struct ihk_space *space, u64 va)
{
	u64 table_pa = space->root;
	u64 *table = NULL;
	int level;

	for (level = PT_LEVELS; level > 0; level--) {
		table = ihk_os_mem(space->procs->os, table_pa, PAGE_SIZE);
		if (!table)
			return NULL;
		table_pa = READ_ONCE(table[pt_index(va, level)]);
		if (level > 1 && (!(table_pa & PTE_PRESENT) || (table_pa & PTE_HUGE)))
			return NULL;
		table_pa &= PTE_ADDR_MASK;
	}
	return table;
}

/* False: nothing is present at va. A table outside of the instance's memory is nothing. */
static bool walk(struct ihk_space *space, u64 va, struct leaf *leaf)
{
	u64 allowed = PTE_WRITE | PTE_USER;
	u64 table_pa = space->root;
	u64 *table;
	int level;

	for (level = PT_LEVELS; level > 0; level--) {
		table = ihk_os_mem(space->procs->os, table_pa, PAGE_SIZE);
		if (!table)
			return false;
		leaf->index = pt_index(va, level);
		leaf->entry = &table[leaf->index];
		leaf->value = READ_ONCE(*leaf->entry);
		if (!(leaf->value & PTE_PRESENT))
			return false;
		allowed &= leaf->value;
		if (level == 1 || (level <= 3 && (leaf->value & PTE_HUGE)))
			break;
		table_pa = leaf->value & PTE_ADDR_MASK;
	}
	/* What is Linux's is shown to nobody: Linux has it. */
	if (leaf->value & PTE_MIRROR)
		return false;
	leaf->level = level;
	leaf->value = (leaf->value & ~PTE_WRITE) | (allowed & PTE_WRITE);
	return level > 0 && (allowed & PTE_USER);
}

/*
 * Set the mark on the entry as it is now, if it is still what the walk saw in
 * all that matters here (the LWK's CPUs set accessed and dirty bits).
 */
static bool mark(struct leaf *leaf)
{
	const u64 same = PTE_PRESENT | PTE_USER | PTE_HUGE | PTE_ADDR_MASK;
	u64 old = READ_ONCE(*leaf->entry), seen;

	for (;;) {
		if ((old ^ leaf->value) & same)
			return false;
		/* A lost permission above shows as a missing PTE_WRITE in value only. */
		if (leaf->value & ~old & (PTE_WRITE | PTE_OWN))
			return false;
		if (old & PTE_LENT)
			return true;
		/* A full barrier: the mark is visible before the page is shown to anyone. */
		seen = cmpxchg(leaf->entry, old, old | PTE_LENT);
		if (seen == old)
			return true;
		old = seen;
	}
}

static struct page *leaf_page(struct ihk_space *space, const struct leaf *leaf, u64 va)
{
	u64 within = pt_span(leaf->level) - 1;
	u64 pa = ((leaf->value & PTE_ADDR_MASK) & ~within) | (va & within & PAGE_MASK);

	return ihk_os_mem(space->procs->os, pa, PAGE_SIZE) ? pfn_to_page(pa >> PAGE_SHIFT) : NULL;
}

/* The leaf after this one in the same table, if it may be shown together with it. */
static bool next_leaf(struct leaf *leaf)
{
	u64 value;

	if (leaf->level != 1 || leaf->index == PT_ENTRIES - 1)
		return false;
	value = READ_ONCE(leaf->entry[1]);
	if (!(value & PTE_PRESENT) || !(value & PTE_USER) || (value & PTE_MIRROR) ||
	    ((value ^ leaf->value) & PTE_WRITE))
		return false;
	leaf->entry++;
	leaf->index++;
	leaf->value = value;
	return true;
}

static bool suffices(const struct leaf *leaf, enum fault_access access)
{
	switch (access) {
	case FAULT_READ:
		return true;
	case FAULT_FORCE:
		return leaf->value & (PTE_WRITE | PTE_OWN);
	default:
		return leaf->value & PTE_WRITE;
	}
}

unsigned int ihk_lend(struct ihk_space *space, u64 va, enum fault_access access,
		      struct page **pages, unsigned int max, bool *writable)
{
	unsigned int epoch, n = 0;
	struct leaf leaf;
	u64 end;

	/* The tables, and the epoch itself, are there as long as the space is not dead. */
	down_read(&space->insert);
	if (space->dead) {
		up_read(&space->insert);
		return 0;
	}
	epoch = ihk_walk_begin(space);
	if (!walk(space, va, &leaf) || !suffices(&leaf, access) || !mark(&leaf))
		goto out;
	*writable = leaf.value & PTE_WRITE;
	end = (va | (pt_span(leaf.level) - 1)) + 1;
	for (;;) {
		pages[n] = leaf_page(space, &leaf, va);
		if (!pages[n])
			break;
		n++;
		va += PAGE_SIZE;
		if (n == max)
			break;
		if (va < end)
			continue; /* in the same large leaf */
		end += PAGE_SIZE;
		if (!next_leaf(&leaf) || !mark(&leaf))
			break;
	}
out:
	ihk_walk_end(space, epoch);
	up_read(&space->insert);
	return n;
}

struct page *ihk_translate(struct ihk_space *space, u64 va, bool write)
{
	unsigned int epoch = ihk_walk_begin(space);
	struct page *page = NULL;
	struct leaf leaf;

	if (walk(space, va, &leaf) && (!write || (leaf.value & PTE_WRITE)))
		page = leaf_page(space, &leaf, va);
	ihk_walk_end(space, epoch);
	return page;
}
