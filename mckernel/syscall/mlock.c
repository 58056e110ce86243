/* SPDX-License-Identifier: GPL-2.0-only */
/* mlock and its kin: memory is never paged out here, so they fault in and keep the accounts. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/mman.h"
#include "mck/sys_memory.h"
#include "mck/task.h"

/* RLIMIT_MEMLOCK on `pages` more; root stands for CAP_IPC_LOCK. */
static int check_limit(u64 pages)
{
	struct thread *t = current_thread();
	const struct kpage *k = t->kpage;
	u64 limit = READ_ONCE(k->rlimit_memlock);

	if (k->euid == 0)
		return 0;
	if (!limit)
		return -EPERM;
	return t->space->locked_pages + pages > limit >> PAGE_SHIFT ? -ENOMEM : 0;
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
	}
	return pages;
}

/* The whole pages that [start, start + size) touches. False: it wraps. */
static bool page_range(u64 start, u64 size, u64 *first, u64 *end)
{
	*first = ALIGN_DOWN(start, PAGE_SIZE);
	*end = ALIGN_UP(start + size, PAGE_SIZE);
	return *end >= *first && start + size >= start;
}

static s64 lock_range(u64 start, u64 size, bool populate)
{
	struct space *s = current_thread()->space;
	u64 end;
	int err;

	if (!page_range(start, size, &start, &end))
		return -EINVAL;
	if (start == end)
		return 0;
	err = check_limit(((end - start) >> PAGE_SHIFT) - locked_already(s, start, end));
	if (!err)
		err = space_set_flags(s, start, end, REGION_LOCKED, 0);
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

	if (!page_range(arg[0], arg[1], &start, &end))
		return -EINVAL;
	if (start == end)
		return 0;
	return space_set_flags(current_thread()->space, start, end, 0, REGION_LOCKED);
}

/* Every region in turn; pages that cannot be had are no error, as on Linux. */
static void for_all_regions(struct space *s, u32 set, u32 clear, bool populate)
{
	struct region r;

	for (u64 at = 0; at < SHADOW_END;) {
		u64 length = space_piece(s, at, &r);

		if (!length) {
			at += space_hole(s, at);
			continue;
		}
		space_set_flags(s, at, at + length, set, clear);
		if (populate)
			space_populate(s, at, at + length);
		at += length;
	}
}

s64 sys_mlockall(const u64 arg[6])
{
	struct space *s = current_thread()->space;
	u64 flags = arg[0];
	int err;

	if (!flags || (flags & ~(u64)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	err = check_limit((flags & MCL_CURRENT) ? s->total_pages - s->locked_pages : 0);
	if (err)
		return err;
	s->lock_future = flags & MCL_FUTURE;
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
