// SPDX-License-Identifier: GPL-2.0-only
/* The LWK's log, read from Linux while the LWK lives and after it has died. */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "partition.h"

/* The text of the log, without trusting the LWK's own idea of its size. */
#define LOG_TEXT_SIZE (1UL << 20)

/* Copy bytes [from, to) of all that was ever written, which lie in one ring's length. */
static int copy_text(const struct log_ring *log, u64 from, u64 to, char __user *user)
{
	while (from < to) {
		u64 offset = from & (LOG_TEXT_SIZE - 1);
		u64 count = min(to - from, LOG_TEXT_SIZE - offset);

		if (copy_to_user(user, log->text + offset, count))
			return -EFAULT;
		user += count;
		from += count;
	}
	return 0;
}

ssize_t ihk_kmsg_read(struct ihk_os *os, void __user *to, size_t room)
{
	u64 total, from, count;

	lockdep_assert_held(&os->lock);
	if (!os->log)
		return 0;
	total = smp_load_acquire(&os->log->total);
	from = os->log_cleared;
	/* What has been overwritten is lost; what does not fit, the oldest, is left out. */
	count = min3(total - from, (u64)room, (u64)LOG_TEXT_SIZE);
	if (total < from)
		count = 0;
	return copy_text(os->log, total - count, total, to) ?: (ssize_t)count;
}

void ihk_kmsg_clear(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	if (os->log)
		os->log_cleared = smp_load_acquire(&os->log->total);
}
