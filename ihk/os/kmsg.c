// SPDX-License-Identifier: GPL-2.0-only
/* The LWK's log, read from Linux while the LWK lives and after it has died. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "object/object.h"
#include "os/os.h"

/* The text of the log, without trusting the LWK's own idea of its size. */
#define LOG_TEXT_SIZE (1UL << 20)

/* Copy bytes [from, to) of all that was ever written, which lie in one ring's length. */
static void copy_text(const struct log_ring *log, u64 from, u64 to, void *text)
{
	while (from < to) {
		u64 offset = from & (LOG_TEXT_SIZE - 1);
		u64 count = min(to - from, LOG_TEXT_SIZE - offset);

		memcpy(text, log->text + offset, count);
		text += count;
		from += count;
	}
}

ssize_t ihk_kmsg_read(struct ihk_os *os, size_t room, void **text)
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
	*text = kvmalloc(count, GFP_KERNEL);
	if (!*text)
		return -ENOMEM;
	copy_text(os->log, total - count, total, *text);
	return count;
}

void ihk_kmsg_clear(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	if (os->log)
		os->log_cleared = smp_load_acquire(&os->log->total);
}
