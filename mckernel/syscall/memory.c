/* SPDX-License-Identifier: GPL-2.0-only */
/* mmap and its kin: Linux's checks, then the space does the work. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/mm.h"
#include "mck/mman.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

#define FILE_SIZE_MAX (~0UL >> 1) /* loff_t */
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

static struct space *my_space(void)
{
	return current_thread()->space;
}

/* By the thread's personality, what may be read may be executed, unless its file system says no. */
static u32 implied_exec(u32 prot, u32 max_prot)
{
	if (!current_thread()->read_implies_exec || !(prot & PROT_READ))
		return prot;
	return prot | (max_prot & PROT_EXEC);
}

/* ---- mmap ---- */

/* How a file is to be mapped: as a version of it whose pages we cache, by Linux itself, or not at all (/dev/zero). */
struct file_answer {
	struct file *file; /* with a reference, or NULL */
	u64 page_size; /* of Linux's mapping, or 0 */
	u32 max_prot;
};

/* Ask Linux whether this file may be mapped so. */
static s64 open_file(u64 fd, u32 prot, u64 flags, struct file_answer *answer)
{
	const abi_u64 *kout = current_thread()->kpage->kout;
	u64 karg[6] = { fd, prot, (flags & MAP_TYPE) != MAP_PRIVATE, flags };
	struct offload_result res;
	u64 id;

	offload_kernel(REQ_FILE_OPEN, karg, &res);
	if (res.ended)
		return -EINTR;
	if (res.value < 0)
		return res.value;
	id = kout[0];
	answer->max_prot = PROT_ALL & ~(u32)kout[2];
	answer->page_size = kout[3];
	if (!id)
		return 0;
	answer->file = file_open(id, kout[1], 0);
	if (!answer->file) {
		u64 idle[IKC_LCALL_ARGS] = { id, 1 };

		ikc_lcall(LCALL_FILE_IDLE, idle);
		return -ENOMEM;
	}
	return 0;
}

/* Memory of no file knows two types, and does not grow when it is shared. */
static bool is_anonymous_type(u64 flags)
{
	u64 type = flags & MAP_TYPE;

	return type == MAP_PRIVATE || (type == MAP_SHARED && !(flags & MAP_GROWSDOWN));
}

static s64 map_anonymous(struct map_args *a, bool shared)
{
	s64 ret;

	a->prot = implied_exec(a->prot, a->max_prot);
	if (!shared)
		return space_map(my_space(), a);
	a->shm = shmobj_create(a->length >> PAGE_SHIFT);
	a->reserve = !(a->region_flags & REGION_NORESERVE);
	if (!a->shm)
		return -ENOMEM;
	ret = space_map(my_space(), a);
	if (ret < 0)
		shmobj_put(a->shm);
	return ret;
}

/* Linux's own mapping, of which it judges all but the place. */
static s64 map_mirror(struct map_args *a, u64 page_size, u64 fd, u64 flags, u64 offset)
{
	struct mirror_call call = {
		.nr = NR_mmap,
		.arg = { 0, a->length, a->prot,
			 (flags & ~(u64)(MAP_FIXED_NOREPLACE | MAP_32BIT)) | MAP_FIXED, fd,
			 offset },
	};

	/* As Linux counts huge pages: the call has the length as it was given. */
	a->length = ALIGN_UP(a->length, page_size);
	a->pgoff = offset >> PAGE_SHIFT;
	if (a->length < page_size)
		return -ENOMEM;
	if (a->fixed && a->addr % page_size)
		return -EINVAL;
	if (offset + a->length < offset)
		return -EOVERFLOW;
	return space_mirror(my_space(), a, &call, page_size);
}

/* Of a file whose pages we cache: a reference of it has been taken. */
static s64 map_cached(struct map_args *a, u64 flags, u64 offset)
{
	s64 ret;

	a->pgoff = offset >> PAGE_SHIFT;
	if (flags & (MAP_GROWSDOWN | MAP_HUGETLB))
		ret = -EINVAL;
	else if (offset > FILE_SIZE_MAX - a->length)
		ret = -EOVERFLOW; /* no file reaches so far */
	else
		ret = space_map(my_space(), a);
	if (ret < 0)
		file_put(a->file);
	return ret;
}

static s64 map_file(struct map_args *a, u64 fd, u64 flags, u64 offset)
{
	u64 type = flags & MAP_TYPE;
	bool shared = type != MAP_PRIVATE;
	struct file_answer answer = { 0 };
	s64 ret;

	if (type == 0 || type > MAP_SHARED_VALIDATE)
		return -EINVAL;
	ret = open_file(fd, a->prot, flags, &answer);
	if (ret)
		return ret;
	a->max_prot = answer.max_prot;
	a->prot = implied_exec(a->prot, a->max_prot);
	a->file = answer.file;
	if (answer.page_size)
		return map_mirror(a, answer.page_size, fd, flags, offset);
	if (a->file)
		return map_cached(a, flags, offset);
	/* /dev/zero; its driver knows no flag of its own. */
	if (type == MAP_SHARED_VALIDATE && (flags & ~MAP_VALIDATED))
		return -EOPNOTSUPP;
	return flags & (MAP_GROWSDOWN | MAP_HUGETLB) ? -EINVAL : map_anonymous(a, shared);
}

/* What is mapped from now on has its pages at once: MCL_FUTURE. */
static bool locks_new(const struct space *s)
{
	return s->lock_future && !s->lock_onfault;
}

/* What the flags ask of the region; MAP_STACK and the like are hints that need nothing here. */
static void map_flags(struct map_args *a, u64 flags)
{
	a->fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	a->noreplace = flags & MAP_FIXED_NOREPLACE;
	a->low32 = flags & MAP_32BIT;
	a->populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE ||
		      (flags & MAP_LOCKED);
	a->populate |= locks_new(my_space());
	if (flags & MAP_GROWSDOWN)
		a->region_flags |= REGION_GROWSDOWN;
	if ((flags & MAP_NORESERVE) && !commit_is_strict())
		a->region_flags |= REGION_NORESERVE;
	if (flags & MAP_LOCKED)
		a->region_flags |= REGION_LOCKED;
}

/* RLIMIT_MEMLOCK on what is locked from the start, by MAP_LOCKED or MCL_FUTURE; what it replaces counts too. */
static s64 lock_check(u64 flags, u64 pages)
{
	if (!((flags & MAP_LOCKED) || my_space()->lock_future))
		return 0;
	if ((flags & MAP_LOCKED) && !may_lock_any())
		return -EPERM;
	return space_may_lock(my_space(), pages) ? 0 : -EAGAIN;
}

/* The sizes that the machine has; 0 is Linux's default. */
static bool is_huge_size(u64 flags)
{
	u64 shift = (flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;

	return shift == 0 || shift == 21 || shift == 30;
}

s64 sys_mmap(const u64 arg[6])
{
	u64 flags = arg[3];
	struct map_args a = { .addr = arg[0],
			      .prot = (u32)arg[2] & PROT_ALL,
			      .max_prot = PROT_ALL };
	s64 err;

	if (arg[5] & ~PAGE_MASK)
		return -EINVAL;
	if (!arg[1])
		return -EINVAL;
	a.length = ALIGN_UP(arg[1], PAGE_SIZE);
	if (!a.length || a.length > SHADOW_END)
		return -ENOMEM;
	map_flags(&a, flags);
	if (a.fixed && (a.addr & ~PAGE_MASK))
		return -EINVAL;
	if (!a.fixed && a.addr)
		a.addr = MAX(ALIGN_DOWN(a.addr, PAGE_SIZE), SHADOW_START);
	err = lock_check(flags, a.length >> PAGE_SHIFT);
	if (err)
		return err;
	/* There is no pool of huge pages: as on a Linux that has none. */
	if ((flags & MAP_HUGETLB) && (flags & MAP_ANONYMOUS))
		return is_huge_size(flags) ? -ENOMEM : -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return is_anonymous_type(flags)
			       ? map_anonymous(&a, (flags & MAP_TYPE) == MAP_SHARED)
			       : -EINVAL;
	return map_file(&a, arg[4], flags, arg[5]);
}

s64 sys_munmap(const u64 arg[6])
{
	u64 start = arg[0], length = ALIGN_UP(arg[1], PAGE_SIZE);

	if ((start & ~PAGE_MASK) || !length || start > USER_END || length > USER_END - start)
		return -EINVAL;
	/* In the window is nothing of the program's. */
	if (start >= SHADOW_END)
		return 0;
	return space_unmap(my_space(), start, MIN(start + length, SHADOW_END));
}

/* ---- mprotect ---- */

/* What all of a range may become at most. */
static u32 range_max_prot(u64 start, u64 end)
{
	u32 max_prot = PROT_ALL;
	struct region r;
	u64 length;

	for (; start < end; start += length) {
		length = space_piece(my_space(), start, &r);
		if (!length || !sched_turn())
			break;
		max_prot &= r.max_prot;
	}
	return max_prot;
}

s64 sys_mprotect(const u64 arg[6])
{
	u64 start = arg[0], end, prot = arg[2];
	struct region r;

	if ((prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (!arg[1])
		return 0;
	end = start + ALIGN_UP(arg[1], PAGE_SIZE);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(u64)(PROT_ALL | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (end > SHADOW_END)
		return -ENOMEM;
	if (prot & PROT_GROWSDOWN) {
		/* From the start of a growing region; nothing here grows up. */
		if (!space_piece(my_space(), start, &r))
			return -ENOMEM;
		if (!(r.flags & REGION_GROWSDOWN))
			return -EINVAL;
		start = r.start;
	} else if (prot & PROT_GROWSUP) {
		return -EINVAL;
	}
	prot &= PROT_ALL;
	if (current_thread()->read_implies_exec)
		prot = implied_exec((u32)prot, range_max_prot(start, end));
	return space_protect(my_space(), start, end, (u32)prot);
}

/* No key can be had (pkey_alloc fails), so only "no key" is one. */
s64 sys_pkey_mprotect(const u64 arg[6])
{
	return (int)arg[3] == -1 ? sys_mprotect(arg) : -EINVAL;
}

/* ---- mremap ---- */

/* What has grown is there at once if it is locked; what cannot be had is no error any more. */
static void populate_locked(u64 start, u64 end)
{
	struct region r;

	if (space_piece(my_space(), start, &r) && (r.flags & REGION_LOCKED))
		space_populate(my_space(), start, end);
}

s64 sys_mremap(const u64 arg[6])
{
	u64 old = arg[0], old_size = ALIGN_UP(arg[1], PAGE_SIZE),
	    new_size = ALIGN_UP(arg[2], PAGE_SIZE);
	u64 flags = arg[3];
	s64 ret;

	if (flags & ~(u64)(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	/* As they are given, not by pages. */
	if ((flags & MREMAP_DONTUNMAP) && arg[1] != arg[2])
		return -EINVAL;
	if ((old & ~PAGE_MASK) || !new_size)
		return -EINVAL;
	ret = space_remap(my_space(), old, old_size, new_size, (u32)flags, arg[4]);
	if (ret >= 0 && new_size > old_size)
		populate_locked((u64)ret + old_size, (u64)ret + new_size);
	return ret;
}

/* ---- remap_file_pages ---- */

s64 sys_remap_file_pages(const u64 arg[6])
{
	u64 start = ALIGN_DOWN(arg[0], PAGE_SIZE), size = ALIGN_DOWN(arg[1], PAGE_SIZE);
	u64 end = start + size, pgoff = arg[3], pages = size >> PAGE_SHIFT;

	/* Linux takes no notice of flags but one. */
	if (arg[2] || end <= start || end > SHADOW_END || pgoff + pages < pgoff)
		return -EINVAL;
	if (pgoff + pages > FILE_SIZE_MAX >> PAGE_SHIFT)
		return -EOVERFLOW;
	return space_reorder(my_space(), start, end, pgoff, arg[4] & MAP_NONBLOCK);
}

/* ---- brk ---- */

s64 sys_brk(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 old = t->space->brk_end;
	u64 end = space_brk(t->space, arg[0], READ_ONCE(t->kpage->rlimit_data));
	u64 grown_from = ALIGN_UP(old, PAGE_SIZE), grown_to = ALIGN_UP(end, PAGE_SIZE);

	if (t->read_implies_exec && grown_to > grown_from)
		space_protect(t->space, grown_from, grown_to, PROT_ALL);
	if (grown_to > grown_from && locks_new(t->space))
		space_populate(t->space, grown_from, grown_to);
	return (s64)end;
}

/* ---- msync, mincore ---- */

/* The same call for a piece that is Linux's: what it says of it. */
static s64 in_linux(u64 nr, u64 start, u64 length, u64 third)
{
	const u64 arg[6] = { start, length, third };

	return offload_syscall(nr, arg);
}

/* What Linux does for each area. Private memory has nothing to be written. */
static s64 sync_piece(const struct region *r, u64 start, u64 length, u64 flags)
{
	if (r->flags & REGION_MIRROR)
		return in_linux(NR_msync, start, length, flags);
	return (flags & MS_INVALIDATE) && (r->flags & REGION_LOCKED) ? -EBUSY : 0;
}

s64 sys_msync(const u64 arg[6])
{
	u64 start = arg[0], end = start + ALIGN_UP(arg[1], PAGE_SIZE), flags = arg[2];
	bool hole = false;
	struct region r;
	s64 err;

	if ((flags & ~(u64)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & ~PAGE_MASK))
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	/* Holes are reported at the end; the rest is done. */
	while (start < end) {
		u64 length = space_piece(my_space(), start, &r);

		if (length) {
			length = MIN(length, end - start);
			err = sync_piece(&r, start, length, flags);
			if (err)
				return err;
		} else {
			hole = true;
			length = space_hole(my_space(), start);
		}
		if (length >= end - start)
			break;
		start += length;
		if (!sched_turn())
			return -EINTR;
	}
	return hole ? -ENOMEM : 0;
}

#define RESIDENT_PAGES 256UL /* looked at under one hold of the lock */

static s64 resident_piece(u64 start, u64 pages, u64 vec)
{
	u8 bytes[RESIDENT_PAGES];

	kassert(pages <= RESIDENT_PAGES);
	if (space_resident(my_space(), start, start + pages * PAGE_SIZE, bytes))
		return -ENOMEM;
	return copy_to_user(vec, bytes, pages) ? -EFAULT : 0;
}

s64 sys_mincore(const u64 arg[6])
{
	u64 start = arg[0], size = arg[1], vec = arg[2];
	struct region r;
	s64 err;

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (start > SHADOW_END || size > SHADOW_END - start)
		return -ENOMEM;
	for (u64 end = start + ALIGN_UP(size, PAGE_SIZE); start < end;) {
		u64 length = MIN(space_piece(my_space(), start, &r), end - start);
		bool mirror = length && (r.flags & REGION_MIRROR);

		if (!length)
			return -ENOMEM;
		if (!mirror)
			length = MIN(length, RESIDENT_PAGES * PAGE_SIZE);
		err = mirror ? in_linux(NR_mincore, start, length, vec)
			     : resident_piece(start, length >> PAGE_SHIFT, vec);
		if (err)
			return err;
		vec += length >> PAGE_SHIFT;
		start += length;
		if (!sched_turn())
			return -EINTR;
	}
	return 0;
}
