/* SPDX-License-Identifier: GPL-2.0-only */
/* mlock and its kin: memory is never paged out here, so they fault in and keep the accounts. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/mman.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

bool may_lock_any(void)
{
	const struct kpage *k = current_thread()->kpage;

	return READ_ONCE(k->rlimit_memlock) || (READ_ONCE(k->caps) & KPAGE_CAP_IPC_LOCK);
}

static u64 locked_already(struct space *s, u64 start, u64 end)
{
	struct region r;
	u64 pages = 0;

	while (start < end) {
		u64 length = space_piece(s, start, &r);

		if (!length)
			break;
		if (r.flags & REGION_LOCKED)
			pages += (MIN(end, start + length) - start) >> PAGE_SHIFT;
		start += length;
		if (!sched_turn())
			break;
	}
	return pages;
}

/* The whole pages that [start, start + size) touches, by Linux's arithmetic. False: they wrap. */
static bool page_range(u64 start, u64 size, u64 *first, u64 *end)
{
	*first = ALIGN_DOWN(start, PAGE_SIZE);
	*end = *first + ALIGN_UP(size + (start - *first), PAGE_SIZE);
	return *end >= *first;
}

/* What is Linux's is locked there too, in pieces; our accounts have it already, or not any more. */
static s64 lock_in_linux(struct space *s, u64 start, u64 end, u64 nr, u64 flags)
{
	struct region r;
	s64 err = 0;

	while (start < end && !err) {
		u64 length = MIN(space_piece(s, start, &r), end - start);
		const u64 arg[6] = { start, length, flags };

		if (!length)
			break;
		if (r.flags & REGION_MIRROR)
			err = offload_syscall(nr, arg);
		start += length;
		if (!sched_turn())
			return -EINTR;
	}
	return err;
}

static s64 lock_range(u64 start, u64 size, bool populate)
{
	struct space *s = current_thread()->space;
	u64 end, pages;
	bool good;
	int err;

	if (!may_lock_any())
		return -EPERM;
	good = page_range(start, size, &start, &end);
	pages = (end - start) >> PAGE_SHIFT;
	/* The limit is looked at first, and the range is walked only where that may help. */
	if (!space_may_lock(s, pages) && !space_may_lock(s, pages - locked_already(s, start, end)))
		return -ENOMEM;
	if (!good)
		return -EINVAL;
	if (start == end)
		return 0;
	err = space_set_flags(s, start, end, REGION_LOCKED, 0);
	if (!err)
		err = (int)lock_in_linux(s, start, end, NR_mlock2, populate ? 0 : MLOCK_ONFAULT);
	if (!err && populate)
		err = space_populate(s, start, end);
	/* As mlock reports a fault that it could not make. */
	return err == -EFAULT ? -ENOMEM : err;
}

s64 sys_mlock(const u64 arg[6])
{
	return lock_range(arg[0], arg[1], true);
}

s64 sys_mlock2(const u64 arg[6])
{
	if (arg[2] & ~(u64)MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(arg[0], arg[1], !arg[2]);
}

s64 sys_munlock(const u64 arg[6])
{
	u64 start, end;
	s64 err;

	if (!page_range(arg[0], arg[1], &start, &end))
		return -EINVAL;
	if (start == end)
		return 0;
	err = space_set_flags(current_thread()->space, start, end, 0, REGION_LOCKED);
	return err ? err : lock_in_linux(current_thread()->space, start, end, NR_munlock, 0);
}

/* Every region in turn; pages that cannot be had are no error, as on Linux. */
static void for_all_regions(struct space *s, u32 set, u32 clear, bool populate)
{
	u64 nr = set ? NR_mlock2 : NR_munlock;
	struct region r;

	for (u64 at = 0; at < SHADOW_END;) {
		u64 length = space_piece(s, at, &r);

		if (!length) {
			at += space_hole(s, at);
			continue;
		}
		space_set_flags(s, at, at + length, set, clear);
		lock_in_linux(s, at, at + length, nr, set && !populate ? MLOCK_ONFAULT : 0);
		if (populate)
			space_populate(s, at, at + length);
		at += length;
		if (!sched_turn())
			break;
	}
}

s64 sys_mlockall(const u64 arg[6])
{
	struct space *s = current_thread()->space;
	u64 flags = arg[0];

	if (!flags || (flags & ~(u64)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_any())
		return -EPERM;
	if ((flags & MCL_CURRENT) && !space_may_lock(s, s->total_pages - s->locked_pages))
		return -ENOMEM;
	s->lock_future = flags & MCL_FUTURE;
	s->lock_onfault = flags & MCL_ONFAULT;
	if (flags & MCL_CURRENT)
		for_all_regions(s, REGION_LOCKED, 0, !(flags & MCL_ONFAULT));
	return 0;
}

s64 sys_munlockall(const u64 arg[6])
{
	struct space *s = current_thread()->space;

	(void)arg;
	s->lock_future = false;
	for_all_regions(s, 0, REGION_LOCKED, false);
	return 0;
}
