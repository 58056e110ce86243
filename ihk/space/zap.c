// SPDX-License-Identifier: GPL-2.0-only
/* Taking lent pages back, and telling which of them Linux still references. */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "object/object.h"
#include "partition/partition.h"
#include "space/space.h"

/*
 * Does Linux hold more references than its page tables show? A page that
 * nobody may map any more must have our one reference only: what is still
 * mapped elsewhere counts too then. Transient references (a flush of another
 * process that is under way) read as referenced: the safe side.
 */
static bool referenced(struct page *page, bool free)
{
	int mapped = free ? 0 : page_mapcount(page), count;

	/* The mappings before the references: an insert raises them in the other order. */
	smp_rmb();
	count = page_count(page);
	/* And again: a mapping that has gone since could stand for a reference. */
	smp_rmb();
	return count > 1 + mapped || (!free && page_mapcount(page) != mapped);
}

static s64 look_at_pages(struct ihk_procs *procs, u64 list_pa, u64 count)
{
	u64 *words, i, word, found = 0;
	bool free;

	if (!count)
		return 0;
	words = count <= PAGE_SIZE / sizeof(u64) && IS_ALIGNED(list_pa, PAGE_SIZE)
			? ihk_os_mem(procs->os, list_pa, PAGE_SIZE)
			: NULL;
	if (!words)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		word = READ_ONCE(words[i]);
		if (!ihk_os_mem(procs->os, word & ZAP_ADDR_MASK, PAGE_SIZE))
			return -EINVAL;
		free = word & ZAP_FREE;
		if (!referenced(pfn_to_page((word & ZAP_ADDR_MASK) >> PAGE_SHIFT), free))
			continue;
		/*
		 * Not entered for want of memory, it never comes back to this
		 * boot; when the instance stops, all counts are looked at again.
		 */
		if (free && ihk_quarantine_try(procs->os, word & ZAP_ADDR_MASK))
			pr_warn_ratelimited(
				"ihk: os %d: no memory to watch a page, it is out of use\n",
				procs->os->index);
		WRITE_ONCE(words[i], word | ZAP_REFERENCED);
		found++;
	}
	return found;
}

static s64 zap_inside(struct ihk_procs *procs, const u64 *arg)
{
	u64 start = arg[1], end = arg[2];
	struct ihk_space *space;
	struct file *file;

	if (start < end) {
		if (!IS_ALIGNED(start | end, PAGE_SIZE) || end > SHADOW_END)
			return -EINVAL;
		space = ihk_space_find(procs, arg[0]);
		if (!space)
			return -ESRCH;
		/* Late inserts first, then what is there. No mmap_lock is needed for either. */
		ihk_space_bump(space, false);
		file = ihk_space_file(space);
		if (file) {
			unmap_mapping_pages(file->f_mapping, start >> PAGE_SHIFT,
					    (end - start) >> PAGE_SHIFT, true);
			fput(file);
		}
		ihk_space_put(space);
	}
	return look_at_pages(procs, arg[3], arg[4]);
}

s64 ihk_zap(struct ihk_procs *procs, const u64 *arg)
{
	int token = ihk_enter(procs);
	s64 ret;

	if (token < 0)
		return token;
	ret = zap_inside(procs, arg);
	ihk_leave(procs, token);
	if (ret < 0)
		pr_warn_ratelimited("ihk: os %d: a bad zap of %#llx-%#llx, %llu pages: %lld\n",
				    procs->os->index, arg[1], arg[2], arg[4], ret);
	return ret;
}

/* Pages [pa, pa + SZ_4M) into the quarantine if Linux references them; how many. */
static u64 quarantine_block(struct ihk_os *os, u64 pa)
{
	struct page *page = pfn_to_page(pa >> PAGE_SHIFT);
	u64 end = pa + SZ_4M, found = 0;

	/* Single pages, as they were taken from Linux: each has a count of its own. */
	for (; pa < end; pa += PAGE_SIZE, page++) {
		if (likely(page_ref_count(page) == 1))
			continue;
		ihk_quarantine_add(os, pa);
		found++;
	}
	return found;
}

/* Context: under os->lock, nobody is inside, all shadows are empty. */
void ihk_zap_instance(struct ihk_procs *procs)
{
	struct ihk_range *range;
	u64 pa, found = 0;

	list_for_each_entry(range, &procs->os->ranges, node) {
		for (pa = range->start; pa < range->start + range->size; pa += SZ_4M) {
			found += quarantine_block(procs->os, pa);
			cond_resched();
		}
	}
	if (found)
		pr_info("ihk: os %d: Linux still references %llu pages\n", procs->os->index, found);
}
