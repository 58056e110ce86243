/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading file pages by the twin of the thread that needs them. */
#include "mck/errno.h"
#include "abi/slot.h"
#include "internal.h"

static void fileread_report(struct file *f, u64 first, const u64 *frames, u32 from, u32 to, int err)
{
	for (u32 i = from; i < to; i++)
		file_filled(file_id(f), first + i, frames[i], err);
}

bool file_read_around(struct file *f, u64 index, u64 pa)
{
	u64 frames[KPAGE_LIST];
	u32 count, filled, wanted, alone = 0;
	u64 first = file_fill_around(f, index, pa, frames, &count);
	enum read_end end = up_read_file(file_id(f), first, frames, count, &filled);

	wanted = (u32)(index - first);
	fileread_report(f, first, frames, 0, filled, 0);
	if (filled > wanted) {
		fileread_report(f, first, frames, filled, count, -EIO);
		return true;
	}
	/*
	 * Fewer than asked: the end of the file, or an error somewhere, perhaps
	 * of another page than the one that is needed. Only asking for the page
	 * alone tells which. Where nothing is known, the fault begins again. So
	 * it does if the twin has left since: who else needs the page must not
	 * wait for its return.
	 */
	fileread_report(f, first, frames, filled, wanted, -EIO);
	fileread_report(f, first, frames, wanted + 1, count, -EIO);
	if (count > 1 && end == READ_DONE) {
		if (up_is_held())
			end = READ_AWAY;
		else
			end = up_read_file(file_id(f), index, &frames[wanted], 1, &alone);
	}
	fileread_report(f, first, frames, wanted, wanted + 1, alone ? 0 : -EIO);
	return alone || end == READ_AWAY;
}
