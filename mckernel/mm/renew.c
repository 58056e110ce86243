/* SPDX-License-Identifier: GPL-2.0-only */
/* When a file has changed: nobody sees what was read of it before. */
#include "internal.h"

/*
 * First nothing old can be found in the cache any more, then it is taken out of
 * the spaces. Who has found it before may map it behind the scan's back, or in
 * a fork's child that the scan has passed: then it is not single, and the
 * spaces are looked at again. This ends: old pages are not found any more, and a
 * space that has none can have them only from a fork of another.
 */
void file_changed(u64 id)
{
	struct file *f = file_age(id);

	assert_no_lock();
	if (!f)
		return;
	while (!file_drop_old(f)) {
		spaces_take_old(f);
		mm_turn();
	}
	file_put(f);
}
