// SPDX-License-Identifier: GPL-2.0-only
/* Where the LWK has asked for mappings of Linux's: nowhere else is anything mirrored. */
#include <linux/maple_tree.h>
#include <linux/xarray.h>

#include "space/space.h"

/*
 * What the proxy's mm has mapped is not enough to go by: a program may bring its proxy
 * to map what the LWK knows nothing of. Written by the twins that open and close
 * ranges, and by who prepares a fork, when the child has no twin yet; read at each
 * fault, under the tree's own lock.
 */
int ihk_ranges_open(struct ihk_space *space, u64 start, u64 end)
{
	return mtree_store_range(&space->ranges, start, end - 1, xa_mk_value(1), GFP_KERNEL);
}

int ihk_ranges_close(struct ihk_space *space, u64 start, u64 end)
{
	return mtree_store_range(&space->ranges, start, end - 1, NULL, GFP_KERNEL);
}

int ihk_ranges_inherit(struct ihk_space *child, struct ihk_space *parent)
{
	MA_STATE(mas, &parent->ranges, 0, 0);
	int err = 0;
	void *entry;

	mas_lock(&mas);
	while (!err && (entry = mas_find(&mas, SHADOW_END - 1))) {
		u64 start = mas.index, end = mas.last + 1;

		mas_pause(&mas);
		mas_unlock(&mas);
		err = ihk_ranges_open(child, start, end);
		mas_lock(&mas);
	}
	mas_unlock(&mas);
	return err;
}

bool ihk_ranges_at(struct ihk_space *space, u64 va, u64 *start, u64 *end)
{
	MA_STATE(mas, &space->ranges, va, va);
	bool found;

	mas_lock(&mas);
	found = mas_walk(&mas) != NULL;
	*start = mas.index;
	*end = mas.last + 1;
	mas_unlock(&mas);
	return found;
}

void ihk_ranges_init(struct ihk_space *space)
{
	mt_init(&space->ranges);
}

void ihk_ranges_free(struct ihk_space *space)
{
	mtree_destroy(&space->ranges);
}
