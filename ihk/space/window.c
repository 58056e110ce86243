// SPDX-License-Identifier: GPL-2.0-only
/* What is mapped into a proxy: text, control, slots, stacks, and the shadow below. */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "base/base.h"
#include "space/space.h"

/*
 * What is mapped here is not the program's memory: neither in the size that Linux
 * tells of the process nor under its limit. No limit needs lifting for that: those
 * belong to the whole process, other threads obey them, and a fork by one of them
 * would copy what it finds.
 */
static int map_at(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		  unsigned long flags, unsigned long offset)
{
	unsigned long at;

	if (!(flags & MAP_FIXED))
		flags |= MAP_FIXED_NOREPLACE;
	at = vm_mmap(file, addr, len, prot, flags, offset);
	if (IS_ERR_VALUE(at))
		return at;
	return at == addr ? 0 : -ENOMEM;
}

/*
 * The pages are taken out of the sum before they come in (it wraps in between), so
 * that RLIMIT_AS is compared with what the sum was.
 */
static int map_beside(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, unsigned long offset)
{
	struct mm_struct *mm = current->mm;
	int err;

	mmap_write_lock(mm);
	mm->total_vm -= len >> PAGE_SHIFT;
	mmap_write_unlock(mm);
	err = map_at(file, addr, len, prot, flags, offset);
	if (!err)
		return 0;
	mmap_write_lock(mm);
	mm->total_vm += len >> PAGE_SHIFT;
	mmap_write_unlock(mm);
	return err;
}

/*
 * The limit may be lower by now than what is there, and a fork's child starts all the
 * same: the sum is nothing meanwhile, and then what it was.
 *
 * Context: nobody else runs in this mm: it is that of an exec, or that of a
 * fork's child before its first wait. So nobody maps or forks by the sum as it
 * is meanwhile; and what strangers read of it for that moment harms nobody.
 */
static int map_alone(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		     unsigned long flags, unsigned long offset)
{
	struct mm_struct *mm = current->mm;
	unsigned long sum;
	int err;

	mmap_write_lock(mm);
	sum = mm->total_vm;
	mm->total_vm = -(len >> PAGE_SHIFT);
	mmap_write_unlock(mm);
	err = map_at(file, addr, len, prot, flags, offset);
	mmap_write_lock(mm);
	mm->total_vm = sum;
	mmap_write_unlock(mm);
	return err;
}

/*
 * Mapped read-only, and made writable by hand: RLIMIT_DATA and, where Linux
 * promises no more memory than it has, the promise for all of them are not
 * asked for; few are ever used. No large page for the sake of one stack.
 */
static int map_stack_range(unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	int err;

	err = map_alone(NULL, start, end - start, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
	if (err)
		return err;
	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, start);
	vma->vm_flags |= VM_WRITE | VM_NOHUGEPAGE;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	mmap_write_unlock(current->mm);
	return 0;
}

/*
 * The stacks of all slots, in two pieces, which are not one when the second is
 * mapped: it is not writable yet. A fork copies the page tables of those only
 * that have been written to.
 */
static int map_stacks(void)
{
	unsigned long far = PROXY_STACKS + PROXY_NEAR_STACKS * PROXY_STACK_STRIDE;
	int err;

	BUILD_BUG_ON(!IS_ALIGNED(PROXY_STACKS + PROXY_NEAR_STACKS * PROXY_STACK_STRIDE, SZ_1G));
	err = map_stack_range(PROXY_STACKS, far);
	return err ? err
		   : map_stack_range(far, PROXY_STACKS + PROXY_SLOT_COUNT * PROXY_STACK_STRIDE);
}

/* What the program may map, its system calls must reach. As the LWK decides: kpage.caps. */
unsigned long ihk_lowest_address(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_RAWIO) ? 0 : SHADOW_START;
}

#define SHADOW_PROT (PROT_READ | PROT_WRITE)
#define SHADOW_FLAGS (MAP_SHARED | MAP_NORESERVE)

/* The shadow from `start` to `end`, where a fork's child has not inherited what is Linux's. */
static int map_around(struct file *file, unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long stop, next;
	int err = 0;

	for (; start < end && !err; start = next) {
		mmap_read_lock(mm);
		vma = find_vma(mm, start);
		stop = vma ? min(vma->vm_start, end) : end;
		next = vma ? vma->vm_end : end;
		mmap_read_unlock(mm);
		if (stop > start)
			err = map_alone(file, start, stop - start, SHADOW_PROT, SHADOW_FLAGS,
					start);
	}
	return err;
}

/*
 * In two pieces, the first of which ends with the stack of the first thread, as
 * a mapping does on Linux: the C library finds the stack's size that way, from
 * /proc/self/maps and the limit. Linux does not merge such mappings.
 */
static int map_shadow(struct ihk_space *space, struct file *file)
{
	unsigned long start = ihk_lowest_address(), top = space->stack_top;
	int err;

	if (top <= start || top >= SHADOW_END)
		top = SHADOW_END;
	err = map_around(file, start, top);
	return err ? err : map_around(file, top, SHADOW_END);
}

static int map_slots_and_shadow(struct ihk_space *space)
{
	struct file *file = ihk_space_file(space);
	int err;

	/* Retired: the instance has ended. */
	if (!file)
		return -EIO;
	space->mm = current->mm;
	err = map_alone(file, PROXY_SLOTS, PROXY_SLOT_COUNT * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED, PROXY_SLOTS);
	if (!err)
		err = map_shadow(space, file);
	space->mapped = !err;
	fput(file);
	return err;
}

int ihk_window_map_exec(struct ihk_space *space, struct file *text, struct file *control)
{
	int err;

	err = map_alone(text, PROXY_TEXT, PROXY_TEXT_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	if (!err)
		err = map_alone(control, PROXY_CONTROL, PROXY_SLOT_COUNT * PAGE_SIZE,
				PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (!err)
		err = map_stacks();
	if (err)
		return err;
	mutex_lock(&space->lock);
	err = map_slots_and_shadow(space);
	mutex_unlock(&space->lock);
	return err;
}

int ihk_window_map_child(struct ihk_space *space)
{
	int err = 0;

	mutex_lock(&space->lock);
	if (!space->mapped)
		err = map_slots_and_shadow(space);
	mutex_unlock(&space->lock);
	return err;
}

/* ---- mappings of Linux's in the shadow ---- */

/* So many mappings, and pieces of the shadow become one again where they can. */
#define MANY_MAPPINGS 4096

static bool in_shadow(struct ihk_space *space, unsigned long start, unsigned long end)
{
	return current->mm == space->mm && PAGE_ALIGNED(start | end) && start < end &&
	       end <= SHADOW_END;
}

static bool is_shadow(const struct vm_area_struct *vma)
{
	return vma && vma->vm_ops == &ihk_shadow_ops;
}

/* Pages of the shadow in the range, which stand in no sum; see map_at(). Context: mmap_lock. */
static unsigned long shadow_pages(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long pages = 0;

	for (vma = find_vma(mm, start); vma && vma->vm_start < end; vma = find_vma(mm, vma->vm_end))
		if (is_shadow(vma))
			pages += (min(vma->vm_end, end) - max(vma->vm_start, start)) >> PAGE_SHIFT;
	return pages;
}

/*
 * What leaves is subtracted from a sum that did not contain it: so it is added
 * before. Others may see the larger sum for a moment, as if the new mapping were
 * there already; the LWK makes one change to the same range at a time.
 */
static int open_locked(unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	unsigned long pages;
	int err;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	pages = shadow_pages(mm, start, end);
	mm->total_vm += pages;
	mmap_write_unlock(mm);
	err = vm_munmap(start, end - start);
	if (!err)
		return 0;
	mmap_write_lock(mm);
	mm->total_vm -= pages;
	mmap_write_unlock(mm);
	return err;
}

int ihk_window_open(struct ihk_space *space, unsigned long start, unsigned long end)
{
	int err;

	if (!in_shadow(space, start, end))
		return -EINVAL;
	err = ihk_ranges_open(space, start, end);
	if (err)
		return err;
	mutex_lock(&space->lock);
	err = open_locked(start, end);
	mutex_unlock(&space->lock);
	if (err)
		ihk_ranges_close(space, start, end);
	return err;
}

/* A piece that is larger shows much, which would have to be inserted again. */
#define WIDEN_MOST SZ_1G

static bool joins(const struct vm_area_struct *vma, unsigned long edge, struct ihk_space *space)
{
	/* Not across the end of the stack: map_shadow(). */
	return is_shadow(vma) && edge != space->stack_top &&
	       vma->vm_end - vma->vm_start <= WIDEN_MOST;
}

/*
 * Such mappings never merge by themselves. Neighbours become one by a mapping over all
 * of it. Context: mmap_lock, and space->lock: else another might open a piece of what is
 * to be covered.
 */
static void widen(struct ihk_space *space, unsigned long *start, unsigned long *end)
{
	struct vm_area_struct *vma;

	if (current->mm->map_count < MANY_MAPPINGS)
		return;
	vma = *start ? find_vma(current->mm, *start - 1) : NULL;
	if (joins(vma, *start, space) && vma->vm_start < *start)
		*start = vma->vm_start;
	vma = find_vma(current->mm, *end);
	if (joins(vma, *end, space) && vma->vm_start == *end)
		*end = vma->vm_end;
}

static int close_locked(struct ihk_space *space, struct file *file, unsigned long start,
			unsigned long end)
{
	unsigned long from = start, to = end, pages;
	struct mm_struct *mm = current->mm;
	int err;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	widen(space, &from, &to);
	pages = shadow_pages(mm, from, to);
	mm->total_vm += pages;
	mmap_write_unlock(mm);
	err = map_beside(file, from, to - from, SHADOW_PROT, SHADOW_FLAGS | MAP_FIXED, from);
	if (!err)
		return 0;
	mmap_write_lock(mm);
	mm->total_vm -= pages;
	mmap_write_unlock(mm);
	if (err != -ENOMEM)
		return err;
	/* At a limit, of mappings or of size, there is room when the old one has gone. */
	err = open_locked(start, end);
	return err ? err : map_beside(file, start, end - start, SHADOW_PROT, SHADOW_FLAGS, start);
}

int ihk_window_close(struct ihk_space *space, unsigned long start, unsigned long end)
{
	struct file *file;
	int err;

	if (!in_shadow(space, start, end))
		return -EINVAL;
	file = ihk_space_file(space);
	if (!file)
		return -EINTR;
	mutex_lock(&space->lock);
	err = close_locked(space, file, start, end);
	mutex_unlock(&space->lock);
	fput(file);
	/* Nothing is entered for what is the shadow, so that it is closed late harms nobody. */
	return err ? err : ihk_ranges_close(space, start, end);
}

/*
 * Where Linux may map by itself: the spare part of the window. But what the LWK has
 * made room for goes there: some drivers (io_uring) take no address from a
 * program, and ask for one here. Context: mmap_lock for writing.
 */
unsigned long ihk_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
				    unsigned long pgoff, unsigned long flags)
{
	unsigned long at = WINDOW_SPARE_START, room;
	struct vm_area_struct *vma;

	if (flags & MAP_FIXED)
		return addr;
	room = ihk_up.room_of_current(len);
	vma = room ? find_vma(current->mm, room) : NULL;
	if (room && (!vma || vma->vm_start >= room + len))
		return room;
	while (at < WINDOW_SPARE_END && len <= WINDOW_SPARE_END - at) {
		vma = find_vma(current->mm, at);
		if (!vma || vma->vm_start >= at + len)
			return at;
		at = vma->vm_end;
	}
	return -ENOMEM;
}

/* ---- slots and shadow: mappings of the space's file ---- */

/*
 * Inserted here and not by our caller: a page that ihk_space_drop_slot() takes
 * away must not be mapped after it. An entry that is there already is this
 * number's own page. test_weave_space.c takes these steps.
 */
static vm_fault_t slot_fault(struct vm_fault *vmf)
{
	struct ihk_space *space = vmf->vma->vm_private_data;
	unsigned long count = 1;
	struct page *page;
	int err = -EFAULT;

	if (vmf->vma->vm_mm != space->mm)
		return VM_FAULT_SIGBUS;
	down_read(&space->insert);
	page = xa_load(&space->slots, vmf->pgoff - (PROXY_SLOTS >> PAGE_SHIFT));
	if (page)
		err = ihk_insert_pages(vmf->vma, vmf->address & PAGE_MASK, &page, &count, true);
	up_read(&space->insert);
	if (err == -ENOMEM)
		return VM_FAULT_OOM;
	return err && err != -EBUSY ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct slot_ops = {
	.fault = slot_fault,
};

static int space_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ihk_space *space = file->private_data;

	/* Its own mm only, at its own place: no one else gets a file to map, but remap_file_pages. */
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff != vma->vm_start >> PAGE_SHIFT ||
	    vma->vm_mm != space->mm)
		return -EINVAL;
	vma->vm_private_data = space;
	vma->vm_flags |= VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP | VM_NORESERVE;
	vma->vm_flags &= ~(VM_EXEC | VM_MAYEXEC);
	vma->vm_ops = vma->vm_start < SHADOW_END ? &ihk_shadow_ops : &slot_ops;
	return 0;
}

static int space_release(struct inode *inode, struct file *file)
{
	ihk_space_put(file->private_data);
	ihk_pseudo_release();
	return 0;
}

/* Nothing to write back: msync on program memory succeeds. */
static int space_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

const struct file_operations ihk_space_fops = {
	.owner = THIS_MODULE,
	.mmap = space_mmap,
	.fsync = space_fsync,
	.release = space_release,
};
