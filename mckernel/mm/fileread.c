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

/* The reader was called away. */
static bool tells_nothing(s64 n)
{
	return n == -EINTR || n == -ERESTARTSYS;
}

int file_read_around(struct file *f, u64 index, u64 pa)
{
	u64 frames[KPAGE_LIST];
	u32 count, filled = 0, wanted;
	u64 first = file_fill_around(f, index, pa, frames, &count);
	s64 n = up_read_file(file_id(f), first, frames, count);

	wanted = (u32)(index - first);
	if (n > 0)
		filled = (u32)n;
	fileread_report(f, first, frames, 0, filled, 0);
	if (filled > wanted) {
		fileread_report(f, first, frames, filled, count, -EIO);
		return 0;
	}
	/*
	 * Fewer than asked: the end of the file, or an error somewhere, perhaps
	 * of another page than the one that is needed. Only asking for the page
	 * alone tells which. -EINTR and its kin: nothing is known, the fault
	 * begins again. So it does if the twin has left since: who else needs
	 * the page must not wait for its return.
	 */
	fileread_report(f, first, frames, filled, wanted, -EIO);
	fileread_report(f, first, frames, wanted + 1, count, -EIO);
	/* -ESRCH: the thread has to end, and its hold with it; asked again it would ask for ever. */
	if (count > 1 && !tells_nothing(n) && n != -ESRCH)
		n = up_is_held() ? -EINTR : up_read_file(file_id(f), index, &frames[wanted], 1);
	fileread_report(f, first, frames, wanted, wanted + 1, n == 1 ? 0 : -EIO);
	if (n == 1 || tells_nothing(n))
		return 0;
	return n < 0 ? (int)n : -EIO;
}
