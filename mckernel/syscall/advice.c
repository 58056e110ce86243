/* SPDX-License-Identifier: GPL-2.0-only */
/* madvise. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/mman.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

#define WILLNEED_MAX (2UL << 20)

struct advice {
	struct space *space;
	u64 start, end; /* inside of one region */
	struct region region; /* a copy, without references */
	int behavior;
};

/* Memory that is Linux's: it judges and does all of it. What a fork has to know stands in our region too. */
static int advise_linux(const struct advice *a)
{
	const u64 arg[6] = { a->start, a->end - a->start, (u64)a->behavior };
	s64 ret = offload_syscall(NR_madvise, arg);

	if (ret)
		return (int)ret;
	if (a->behavior == MADV_DONTFORK)
		return space_set_flags(a->space, a->start, a->end, REGION_DONTFORK, 0);
	if (a->behavior == MADV_DOFORK)
		return space_set_flags(a->space, a->start, a->end, 0, REGION_DONTFORK);
	return 0;
}

static int advice_set(const struct advice *a, u32 flags, u32 clear)
{
	int err = space_set_flags(a->space, a->start, a->end, flags, clear);

	/* There is no hole; madvise has a word of its own for what cannot be had now. */
	return err == -ENOMEM ? -EAGAIN : err;
}

static bool is_private_anonymous(const struct region *r)
{
	return !r->file && !r->shm;
}

static int advice_discard(const struct advice *a)
{
	if ((a->region.flags & REGION_LOCKED) && a->behavior != MADV_DONTNEED_LOCKED)
		return -EINVAL;
	/* Its pages come from nowhere a second time; Linux's are the same afterwards. */
	if (a->region.flags & REGION_VDSO)
		return 0;
	return space_discard(a->space, a->start, a->end);
}

/* A private mapping makes no hole in its file. */
static int advice_remove(const struct advice *a)
{
	const struct region *r = &a->region;

	if ((r->flags & (REGION_LOCKED | REGION_VDSO)) || is_private_anonymous(r))
		return -EINVAL;
	if (r->file)
		return -EACCES;
	space_punch(a->space, a->start, a->end);
	return 0;
}

static int populate(const struct advice *a, u32 prot)
{
	int err;

	if (!(a->region.prot & prot))
		return -EINVAL;
	err = space_populate(a->space, a->start, a->end);
	return err == -EAGAIN ? -ENOMEM : err;
}

/* One region. MADV_FREE may discard at once: pages are freed "at some time" after the call. */
static int advise_piece(const struct advice *a)
{
	const struct region *r = &a->region;

	if (r->flags & REGION_MIRROR)
		return advise_linux(a);
	switch (a->behavior) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return advice_discard(a);
	case MADV_FREE:
		return is_private_anonymous(r) ? advice_discard(a) : -EINVAL;
	case MADV_DONTFORK:
		return advice_set(a, REGION_DONTFORK, 0);
	case MADV_DOFORK:
		return advice_set(a, 0, REGION_DONTFORK);
	case MADV_WIPEONFORK:
		return is_private_anonymous(r) ? advice_set(a, REGION_WIPEONFORK, 0) : -EINVAL;
	case MADV_KEEPONFORK:
		return advice_set(a, 0, REGION_WIPEONFORK);
	case MADV_HUGEPAGE:
		return advice_set(a, 0, REGION_NOHUGE);
	case MADV_NOHUGEPAGE:
		return advice_set(a, REGION_NOHUGE, 0);
	case MADV_WILLNEED:
		/*
		 * A hint: what cannot be had is faulted in, or refused, later. As
		 * much is read ahead as Linux does for one call, roughly.
		 */
		if (r->file && (r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) == PROT_READ)
			space_populate(a->space, a->start, MIN(a->end, a->start + WILLNEED_MAX));
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		/* Nothing is paged out here, but what is locked is not to be named. */
		return r->flags & REGION_LOCKED ? -EINVAL : 0;
	case MADV_REMOVE:
		return advice_remove(a);
	case MADV_POPULATE_READ:
		return populate(a, PROT_READ | PROT_WRITE | PROT_EXEC);
	case MADV_POPULATE_WRITE:
		return populate(a, PROT_WRITE);
	default:
		/* Hints about order, age and dumps: nothing is paged out, merged or dumped here. */
		return 0;
	}
}

static bool is_known(int behavior)
{
	switch (behavior) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
		return true;
	default:
		return false;
	}
}

s64 sys_madvise(const u64 arg[6])
{
	struct advice a = { .space = current_thread()->space,
			    .start = arg[0],
			    .behavior = (int)arg[2] };
	u64 end = a.start + ALIGN_UP(arg[1], PAGE_SIZE);
	bool hole = false;

	if (!is_known(a.behavior) || (a.start & ~PAGE_MASK))
		return -EINVAL;
	if ((arg[1] && end == a.start) || end < a.start)
		return -EINVAL;
	/* Holes are reported at the end; the rest is done. */
	while (a.start < end) {
		u64 length = space_piece(a.space, a.start, &a.region);
		int err;

		if (!length) {
			hole = true;
			length = space_hole(a.space, a.start);
		} else {
			a.end = MIN(end, a.start + length);
			err = advise_piece(&a);
			if (err)
				return err;
		}
		if (length > end - a.start)
			break;
		a.start += length;
		if (!sched_turn())
			return -EINTR;
	}
	return hole ? -ENOMEM : 0;
}
