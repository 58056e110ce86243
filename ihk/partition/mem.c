// SPDX-License-Identifier: GPL-2.0-only
/* Memory: ranges taken from Linux at run time, given to instances, and given back. */
#include <linux/gfp.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"

/* Neighbours join when the LWK is told of them. */
#define LARGEST_RANGE (128UL << 20)
/*
 * Linux zeroes what it hands out, without a pause in what is asked for at once:
 * more would hold a CPU for too long where it is slow, as in a virtual machine
 * that shares its own with others.
 */
#define PAGES_AT_ONCE ((32UL << 20) >> PAGE_SHIFT)
#define BLOCK_PAGES (IHK_MEM_UNIT >> PAGE_SHIFT)
/* What Linux keeps at least, however much is asked for: this, or a 32nd of the machine. */
#define LINUX_KEEPS (128UL << 20)

/*
 * The reserved ranges that no instance has, ascending. Under ihk_machine_lock,
 * as are all ranges' owners and the counters.
 */
static LIST_HEAD(free_ranges);

static struct {
	u64 reserved, returned, late, held;
} pages;

static void range_insert(struct list_head *ranges, struct ihk_range *range)
{
	struct ihk_range *at;

	list_for_each_entry(at, ranges, node)
		if (at->start > range->start)
			break;
	list_add_tail(&range->node, &at->node);
}

/* ---- taking from Linux ---- */

/* True if all of it is ordinary memory of this zone, with no holes. */
static bool is_in_zone(struct zone *zone, unsigned long pfn, unsigned long count)
{
	unsigned long at;

	for (at = pfn; at < pfn + count; at += BLOCK_PAGES / 4) {
		struct page *page = pfn_to_online_page(at);

		if (!page || page_zone(page) != zone)
			return false;
	}
	return true;
}

/* All of it, or nothing. Linux migrates away what is movable, and what is not ends it, at once within a step. */
static int pages_take(unsigned long pfn, unsigned long count)
{
	unsigned long done, step = min(count, PAGES_AT_ONCE);
	int err;

	for (done = 0; done < count; done += step) {
		err = alloc_contig_range(pfn + done, pfn + done + step, MIGRATE_MOVABLE,
					 GFP_KERNEL | __GFP_NOWARN);
		if (err)
			goto undo;
		cond_resched();
	}
	return 0;
undo:
	while (done--) {
		__free_page(pfn_to_page(pfn + done));
		if (!(done % BLOCK_PAGES))
			cond_resched();
	}
	return err;
}

static int range_take(struct list_head *taken, int nid, unsigned long pfn, unsigned long count)
{
	struct ihk_range *range = kzalloc(sizeof(*range), GFP_KERNEL);
	int err;

	if (!range)
		return -ENOMEM;
	err = pages_take(pfn, count);
	if (err) {
		kfree(range);
		return err;
	}
	range->start = (u64)pfn << PAGE_SHIFT;
	range->whole = range->start;
	range->size = (u64)count << PAGE_SHIFT;
	range->nid = nid;
	range_insert(taken, range);
	return 0;
}

static u64 linux_keeps(void)
{
	return max_t(u64, LINUX_KEEPS, ((u64)totalram_pages() << PAGE_SHIFT) / 32);
}

/* Take ranges of exactly `size` out of a zone, from its top, while `left` has room for one. */
static u64 zone_take(struct list_head *taken, struct zone *zone, int nid, u64 size, u64 left)
{
	unsigned long count = size >> PAGE_SHIFT;
	unsigned long pfn = ALIGN_DOWN(zone_end_pfn(zone), count);

	while (left >= size && pfn >= zone->zone_start_pfn + count) {
		pfn -= count;
		if ((u64)si_mem_available() << PAGE_SHIFT < size + linux_keeps())
			break;
		if (fatal_signal_pending(current))
			break;
		if (is_in_zone(zone, pfn, count) && !range_take(taken, nid, pfn, count))
			left -= size;
		cond_resched();
	}
	return left;
}

/* Take `want` bytes of a node, in ranges as large as can be had. Returns what is missing. */
static u64 node_take(struct list_head *taken, int nid, u64 want)
{
	u64 size;
	int i;

	for (size = LARGEST_RANGE; want && size >= IHK_MEM_UNIT; size /= 2) {
		/* ZONE_MOVABLE would be pinned for good, ZONE_DMA is for devices. */
		for (i = ZONE_NORMAL; i > ZONE_DMA && want >= size; i--) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[i];

			if (populated_zone(zone))
				want = zone_take(taken, zone, nid, size, want);
		}
	}
	return want;
}

/* ---- giving back ---- */

/*
 * Note in `kept` the pages of the range that the quarantine goes on holding.
 * Our extra reference pins each there: the quarantine lets go of a page only
 * when its count has fallen to one, and looks under the lock that listing
 * takes too. (ihk_quarantine_has() takes none.)
 */
static u64 quarantine_hold(const struct ihk_range *range, u64 *kept, u64 max)
{
	u64 count = ihk_quarantine_list(range->start, range->size, kept, max);
	u64 i, held = 0;

	for (i = 0; i < min(count, max); i++) {
		struct page *page = pfn_to_page(kept[i] >> PAGE_SHIFT);

		get_page(page);
		if (ihk_quarantine_list(kept[i], PAGE_SIZE, NULL, 0))
			kept[held++] = kept[i];
		else
			put_page(page);
	}
	return held;
}

/*
 * Give a range back page by page: a page that somebody still references is
 * freed by its last holder, which free_contig_range() would complain about.
 */
static void range_return(struct ihk_range *range)
{
	u64 count = range->size >> PAGE_SHIFT;
	/* No page of a range without an owner comes to the quarantine: there will be no more. */
	u64 max = ihk_quarantine_list(range->start, range->size, NULL, 0);
	u64 *kept = max ? kvmalloc_array(max, sizeof(*kept), GFP_KERNEL | __GFP_NOFAIL) : NULL;
	u64 held = quarantine_hold(range, kept, max);
	u64 next = 0, i;

	ihk_quarantine_disown(range->start, range->size);
	for (i = 0; i < count; i++) {
		u64 pa = range->start + (i << PAGE_SHIFT);
		struct page *page = pfn_to_page(pa >> PAGE_SHIFT);

		if (next < held && kept[next] == pa) {
			next++;
			pages.late++;
			continue;
		}
		if (page_count(page) == 1)
			pages.returned++;
		else
			pages.late++;
		__free_page(page);
		if (!(i % BLOCK_PAGES))
			cond_resched();
	}
	for (i = 0; i < held; i++)
		put_page(pfn_to_page(kept[i] >> PAGE_SHIFT));

	pages.held -= count;
	kvfree(kept);
	kfree(range);
	module_put(THIS_MODULE);
}

static void ranges_return(struct list_head *ranges)
{
	struct ihk_range *range, *next;

	list_for_each_entry_safe(range, next, ranges, node) {
		list_del(&range->node);
		range_return(range);
	}
}

/* ---- choosing among ranges ---- */

/* Pieces of one range of Linux's join again when they meet in a list. */
static void ranges_join(struct list_head *ranges)
{
	struct ihk_range *range, *next;

	list_for_each_entry_safe(range, next, ranges, node) {
		while (!list_entry_is_head(next, ranges, node) && next->whole == range->whole &&
		       next->start == range->start + range->size) {
			struct ihk_range *after = list_next_entry(next, node);

			range->size += next->size;
			list_del(&next->node);
			kfree(next);
			module_put(THIS_MODULE);
			next = after;
		}
	}
}

static void ranges_move(struct list_head *from, struct list_head *to, struct ihk_os *os)
{
	struct ihk_range *range, *next;

	list_for_each_entry_safe(range, next, from, node) {
		list_del(&range->node);
		range->os = os;
		range_insert(to, range);
	}
	ranges_join(to);
}

static u64 ranges_size(const struct list_head *ranges, int nid)
{
	const struct ihk_range *range;
	u64 size = 0;

	list_for_each_entry(range, ranges, node)
		if (nid < 0 || range->nid == nid)
			size += range->size;
	return size;
}

/* The largest range of the node with no more than `size` bytes. */
static struct ihk_range *range_find(struct list_head *ranges, int nid, u64 size)
{
	struct ihk_range *range, *best = NULL;

	list_for_each_entry(range, ranges, node)
		if (range->nid == nid && range->size <= size && (!best || range->size > best->size))
			best = range;
	return best;
}

/*
 * Move whole ranges that sum up to `size`, largest first, to `to`; returns
 * what is missing. Since ranges are powers of two where nothing was split,
 * largest first finds a sum wherever there is one.
 */
static u64 ranges_pick(struct list_head *from, struct list_head *to, int nid, u64 size)
{
	struct ihk_range *range;

	while (size && (range = range_find(from, nid, size))) {
		size -= range->size;
		list_del(&range->node);
		range_insert(to, range);
	}
	return size;
}

/* Cut `size` bytes off the smallest range of the node that has more. */
static int range_split(struct list_head *from, struct list_head *to, int nid, u64 size)
{
	struct ihk_range *range, *best = NULL, *piece;

	list_for_each_entry(range, from, node)
		if (range->nid == nid && range->size > size && (!best || range->size < best->size))
			best = range;
	if (!best)
		return -ENOSPC;
	piece = kmemdup(best, sizeof(*best), GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	piece->size = size;
	best->start += size;
	best->size -= size;
	range_insert(to, piece);
	return 0;
}

static int list_check(const struct ihk_mem *list, u32 count, char *msg)
{
	u32 i;

	if (!count)
		return ihk_refuse(msg, -EINVAL, "the list of memory is empty");
	for (i = 0; i < count; i++) {
		if (list[i].node >= ABI_MAX_NODES || !node_online(list[i].node))
			return ihk_refuse(msg, -EINVAL, "node %u does not exist", list[i].node);
		if (list[i].size != IHK_MEM_ALL && (!list[i].size || list[i].size % IHK_MEM_UNIT))
			return ihk_refuse(msg, -EINVAL,
					  "%llu@%u is not a positive multiple of 4 MiB",
					  (u64)list[i].size, list[i].node);
	}
	return 0;
}

int ihk_mem_reserve(const struct ihk_mem *list, u32 count, char *msg)
{
	struct ihk_range *range;
	LIST_HEAD(taken);
	int err;
	u32 i;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = list_check(list, count, msg);
	for (i = 0; i < count && !err; i++) {
		int nid = list[i].node;
		bool all = list[i].size == IHK_MEM_ALL;
		u64 present = (u64)node_present_pages(nid) << PAGE_SHIFT;
		u64 want = all ? ALIGN_DOWN(present, IHK_MEM_UNIT) : list[i].size;
		u64 before = ranges_size(&taken, nid);
		u64 missing = want <= present ? node_take(&taken, nid, want) : want;

		if (fatal_signal_pending(current))
			err = -EINTR;
		else if (all ? ranges_size(&taken, nid) == before : missing != 0)
			err = ihk_refuse(msg, -ENOMEM,
					 "node %d can give %llu MiB at most, %llu MiB were asked",
					 nid, (want > present ? present : want - missing) >> 20,
					 want >> 20);
	}
	list_for_each_entry(range, &taken, node) {
		__module_get(THIS_MODULE);
		pages.reserved += range->size >> PAGE_SHIFT;
		pages.held += range->size >> PAGE_SHIFT;
	}
	if (err)
		ranges_return(&taken);
	else
		ranges_move(&taken, &free_ranges, NULL);
	mutex_unlock(&ihk_machine_lock);
	return err;
}

/*
 * Move what the list asks for from `from` to `to`; all or nothing. May split
 * ranges if `split`. A refusal says what is there.
 */
static int ranges_select(struct list_head *from, struct list_head *to, const struct ihk_mem *list,
			 u32 count, bool split, char *msg)
{
	u32 i;
	int err;

	for (i = 0; i < count; i++) {
		int nid = list[i].node;
		u64 there = ranges_size(from, nid);
		u64 want = list[i].size == IHK_MEM_ALL ? there : list[i].size;
		u64 left;

		if (!want || want > there)
			return ihk_refuse(msg, -EINVAL,
					  "of node %d there are %llu MiB, %llu MiB were asked", nid,
					  there >> 20, want >> 20);
		left = ranges_pick(from, to, nid, want);
		if (left && !split)
			return ihk_refuse(msg, -EINVAL,
					  "%llu@%d is not a sum of whole ranges (see query mem)",
					  want, nid);
		err = left ? range_split(from, to, nid, left) : 0;
		if (err)
			return ihk_refuse(msg, err, "no range of node %d has %llu MiB more", nid,
					  left >> 20);
	}
	return 0;
}

int ihk_mem_release(const struct ihk_mem *list, u32 count, char *msg)
{
	LIST_HEAD(picked);
	int err;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = list_check(list, count, msg);
	if (!err)
		err = ranges_select(&free_ranges, &picked, list, count, false, msg);
	if (err)
		ranges_move(&picked, &free_ranges, NULL);
	else
		ranges_return(&picked);
	mutex_unlock(&ihk_machine_lock);
	return err;
}

static u32 ranges_query(const struct list_head *ranges, struct ihk_mem *list, u32 max)
{
	const struct ihk_range *range;
	u32 count = 0;

	list_for_each_entry(range, ranges, node) {
		if (count < max)
			list[count] = (struct ihk_mem){ .size = range->size, .node = range->nid };
		count++;
	}
	return count;
}

u32 ihk_mem_query(struct ihk_mem *list, u32 max)
{
	u32 count;

	if (mutex_lock_killable(&ihk_machine_lock))
		return 0;
	count = ranges_query(&free_ranges, list, max);
	mutex_unlock(&ihk_machine_lock);
	return count;
}

void ihk_mem_counters(struct ihk_machine_counters *counters)
{
	if (mutex_lock_killable(&ihk_machine_lock))
		return;
	counters->pages_reserved = pages.reserved;
	counters->pages_returned = pages.returned;
	counters->pages_late = pages.late;
	counters->pages_held = pages.held;
	mutex_unlock(&ihk_machine_lock);
}

/*
 * What the list asks for goes from the free ranges to an instance, whose ranges
 * may be split off, or whole from an instance to the free ones; all or nothing.
 */
static int ranges_pass(struct ihk_os *from, struct ihk_os *to, const struct ihk_mem *list,
		       u32 count, char *msg)
{
	struct list_head *source = from ? &from->ranges : &free_ranges;
	struct list_head *target = to ? &to->ranges : &free_ranges;
	LIST_HEAD(picked);
	int err;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = list_check(list, count, msg);
	if (!err)
		err = ranges_select(source, &picked, list, count, !from, msg);
	if (err)
		ranges_move(&picked, source, from);
	else
		ranges_move(&picked, target, to);
	mutex_unlock(&ihk_machine_lock);
	return err;
}

int ihk_mem_assign(struct ihk_os *os, const struct ihk_mem *list, u32 count, char *msg)
{
	lockdep_assert_held(&os->lock);
	return ranges_pass(NULL, os, list, count, msg);
}

int ihk_mem_unassign(struct ihk_os *os, const struct ihk_mem *list, u32 count, char *msg)
{
	lockdep_assert_held(&os->lock);
	return ranges_pass(os, NULL, list, count, msg);
}

void ihk_mem_unassign_all(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	mutex_lock(&ihk_machine_lock);
	ranges_move(&os->ranges, &free_ranges, NULL);
	mutex_unlock(&ihk_machine_lock);
}

u32 ihk_mem_query_os(struct ihk_os *os, struct ihk_mem *list, u32 max)
{
	lockdep_assert_held(&os->lock);
	return ranges_query(&os->ranges, list, max);
}

u64 ihk_mem_size_os(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	return ranges_size(&os->ranges, -1);
}
