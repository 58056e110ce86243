// SPDX-License-Identifier: GPL-2.0-only
/* The shadow: a mapping that shows the program's own pages to Linux. */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "object/object.h"
#include "space/space.h"

/* Pages inserted at once, from the faulting one upwards. */
#define FAULT_AROUND 16

static unsigned int shadow_mib = 64;
module_param(shadow_mib, uint, 0644);
MODULE_PARM_DESC(shadow_mib, "MiB of a program's memory that its proxy may show at once (0: any)");

/*
 * The mapping's own vm_page_prot is read-only where ->page_mkwrite exists;
 * insertion takes the permission from a copy.
 */
int ihk_insert_pages(struct vm_area_struct *vma, unsigned long addr, struct page **pages,
		     unsigned long *count, bool write)
{
	struct vm_area_struct copy = *vma;

	copy.vm_page_prot = vm_get_page_prot(write ? vma->vm_flags : vma->vm_flags & ~VM_SHARED);
	return vm_insert_pages(&copy, addr, pages, count);
}

/*
 * Linux counts what is shown as the proxy's resident memory, by which its OOM
 * killer chooses: a proxy would look large, and its death frees nothing of
 * Linux's. So all of it goes when it is much, and what is still needed comes
 * back. Needs no lock: those who insert meanwhile are counted for the next time.
 */
static void bound_shown(struct ihk_space *space, struct file *file, unsigned int n)
{
	unsigned long limit = READ_ONCE(shadow_mib) * (unsigned long)(SZ_1M >> PAGE_SHIFT);

	if ((unsigned int)atomic_add_return(n, &space->shown) <= limit || !limit)
		return;
	atomic_set(&space->shown, n);
	/* From 0: that of a program that may map below SHADOW_START begins there. */
	unmap_mapping_pages(file->f_mapping, 0, SHADOW_END >> PAGE_SHIFT, true);
}

/* 0: the sequence number has changed, look again. */
static vm_fault_t insert_checked(struct ihk_space *space, struct vm_fault *vmf, u64 seq,
				 struct page **pages, unsigned long n, bool writable)
{
	int err;

	bound_shown(space, vmf->vma->vm_file, n);
	down_read(&space->insert);
	if (space->seq != seq || space->dead) {
		up_read(&space->insert);
		return 0;
	}
	err = ihk_insert_pages(vmf->vma, vmf->address & PAGE_MASK, pages, &n, writable);
	up_read(&space->insert);
	if (err == -ENOMEM)
		return VM_FAULT_OOM;
	/* Somebody else was quicker, with the first page or with a later one. */
	return err && err != -EBUSY ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

/*
 * Not a task of the program: one that looks at its memory through /proc, as ps
 * does at the arguments, or a tracer. Such a look is made with the program's
 * mmap_lock held and no way to drop it. The program can have mapped there what
 * a file server of its own never brings: a stranger gets what is in memory, and
 * what a disk brings. The program itself waits as it would on Linux.
 */
static bool is_stranger(struct ihk_space *space)
{
	return current->mm != space->mm;
}

/* No memory in the instance: the program dies alone; a foreign reader gets an error. */
static void out_of_memory(struct ihk_space *space)
{
	if (is_stranger(space))
		return;
	pr_info_ratelimited("ihk: os %d: out of memory, killing %s (%d)\n", space->procs->os->index,
			    current->comm, task_tgid_nr(current));
	send_sig(SIGKILL, current, 1);
}

/*
 * Wait for the LWK without mmap_lock. The fault is repeated whatever the
 * answer was; then FAULT_FLAG_TRIED is set, and a refusal can be told.
 */
static vm_fault_t resolve_unlocked(struct ihk_fault *fault, struct vm_fault *vmf, bool asked,
				   int answer)
{
	mmap_read_unlock(vmf->vma->vm_mm);
	if (asked)
		ihk_fault_serve(fault, answer);
	else
		ihk_fault_resolve(fault);
	return VM_FAULT_RETRY;
}

/* The table has no answer. 0: look again. */
static vm_fault_t ask(struct ihk_space *space, struct vm_fault *vmf, bool write)
{
	struct ihk_fault fault = {
		.space = space,
		.va = vmf->address & PAGE_MASK,
		.access = write ? FAULT_WRITE : FAULT_READ,
	};
	bool may_drop = vmf->flags & FAULT_FLAG_ALLOW_RETRY;
	int answer;

	if (may_drop && (vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return VM_FAULT_RETRY;
	if (may_drop && !(vmf->flags & FAULT_FLAG_TRIED))
		return resolve_unlocked(&fault, vmf, false, 0);
	if (!may_drop) {
		/* Safe under mmap_lock: a zap does not need it. */
		fault.briefly = is_stranger(space);
		answer = ihk_fault_resolve(&fault);
	} else {
		answer = ihk_fault_ask(&fault);
	}
	switch (answer) {
	case FAULT_OK:
		return 0;
	case FAULT_FILL:
	case FAULT_FILLING:
	case FAULT_WAIT:
		return resolve_unlocked(&fault, vmf, true, answer);
	case FAULT_OOM:
		out_of_memory(space);
		return VM_FAULT_SIGBUS;
	default:
		return VM_FAULT_SIGBUS;
	}
}

/* What the table has, into the shadow. 0: nothing (*is_miss), or not any more. */
static vm_fault_t show(struct ihk_space *space, struct vm_fault *vmf, bool write, bool *is_miss)
{
	unsigned long room = (vmf->vma->vm_end - (vmf->address & PAGE_MASK)) >> PAGE_SHIFT;
	struct page *pages[FAULT_AROUND];
	vm_fault_t ret = VM_FAULT_SIGBUS;
	int token = ihk_enter(space->procs);
	unsigned int n;
	bool writable;
	u64 seq;

	if (token < 0)
		return VM_FAULT_SIGBUS;
	/* Pairs with the release in ihk_space_bump(). */
	seq = smp_load_acquire(&space->seq);
	if (!READ_ONCE(space->dead)) {
		n = ihk_lend(space, vmf->address & PAGE_MASK, write ? FAULT_WRITE : FAULT_READ,
			     pages, min_t(unsigned long, room, FAULT_AROUND), &writable);
		*is_miss = !n;
		ret = n ? insert_checked(space, vmf, seq, pages, n, writable) : 0;
	}
	ihk_leave(space->procs, token);
	return ret;
}

/*
 * Inside is only who looks: an answer may take as long as a file server likes.
 * An LWK that answers and takes back for ever keeps nobody who is killed.
 */
static vm_fault_t show_or_ask(struct ihk_space *space, struct vm_fault *vmf)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE, is_miss = false;
	vm_fault_t ret;

	do {
		ret = show(space, vmf, write, &is_miss);
		if (!ret && is_miss)
			ret = ask(space, vmf, write);
		cond_resched();
	} while (!ret && !fatal_signal_pending(current));
	return ret ?: VM_FAULT_SIGBUS;
}

static vm_fault_t shadow_fault(struct vm_fault *vmf)
{
	struct ihk_space *space = vmf->vma->vm_private_data;
	struct ihk_procs *procs;
	vm_fault_t ret;

	if (!space || vmf->vma->vm_mm != space->mm)
		return VM_FAULT_SIGBUS;
	procs = space->procs;
	/* mmap_lock may be dropped on the way, and the mapping with it. */
	kref_get(&space->ref);
	ihk_procs_ref(procs);
	ret = show_or_ask(space, vmf);
	ihk_space_put(space);
	ihk_procs_put(procs);
	return ret;
}

/*
 * A write to a page shown read-only. Waiting is not possible here: the page
 * goes, and the access comes back as a write fault.
 */
static vm_fault_t shadow_mkwrite(struct vm_fault *vmf)
{
	struct ihk_space *space = vmf->vma->vm_private_data;

	if (!space || vmf->vma->vm_mm != space->mm)
		return VM_FAULT_SIGBUS;
	unmap_mapping_pages(vmf->vma->vm_file->f_mapping, vmf->pgoff, 1, true);
	return VM_FAULT_NOPAGE;
}

/*
 * One piece of a tracer's access, if the page is there for it: bytes, 0 if it
 * is not, -EAGAIN to look again. The copy is an insert of a kind: a zap that
 * follows it finds it done. Context: inside.
 */
static int access_page(struct ihk_space *space, unsigned long addr, void *buf, int len,
		       enum fault_access access)
{
	struct page *page;
	bool writable;
	void *at;
	u64 seq = smp_load_acquire(&space->seq); /* pairs with ihk_space_bump() */

	len = min_t(int, len, PAGE_SIZE - offset_in_page(addr));
	if (!ihk_lend(space, addr & PAGE_MASK, access, &page, 1, &writable))
		return 0;
	down_read(&space->insert);
	if (space->seq != seq || space->dead) {
		up_read(&space->insert);
		return space->dead ? -EFAULT : -EAGAIN;
	}
	at = page_address(page) + offset_in_page(addr);
	if (access == FAULT_FORCE)
		memcpy(at, buf, len);
	else
		memcpy(buf, at, len);
	up_read(&space->insert);
	return len;
}

/*
 * Linux comes here where the ordinary access was refused: a debugger reads or
 * writes what the program itself may not, or ->fault could not be brief. It
 * waits under mmap_lock, which a zap does not need.
 */
static int access_or_ask(struct ihk_space *space, unsigned long addr, void *buf, int len,
			 enum fault_access access)
{
	struct ihk_fault fault = {
		.space = space,
		.va = addr & PAGE_MASK,
		.access = access,
		.briefly = is_stranger(space),
	};
	int token, ret;

	for (;;) {
		token = ihk_enter(space->procs);
		if (token < 0)
			return token;
		ret = access_page(space, addr, buf, len, access);
		ihk_leave(space->procs, token);
		if (ret && ret != -EAGAIN)
			return ret;
		if (!ret && ihk_fault_resolve(&fault) != FAULT_OK)
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static int shadow_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			 int write)
{
	struct ihk_space *space = vma->vm_private_data;

	if (!space || vma->vm_mm != space->mm)
		return -EFAULT;
	return access_or_ask(space, addr, buf, len, write ? FAULT_FORCE : FAULT_READ);
}

/*
 * The file keeps the space, so pieces need no references. A fork after
 * MADV_DOFORK gets a mapping that shows nothing.
 */
static void shadow_open(struct vm_area_struct *vma)
{
	struct ihk_space *space = vma->vm_private_data;

	if (space && vma->vm_mm != space->mm) {
		vma->vm_private_data = NULL;
		vma->vm_flags |= VM_WIPEONFORK | VM_DONTCOPY;
	}
}

static int shadow_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

const struct vm_operations_struct ihk_shadow_ops = {
	.open = shadow_open,
	.fault = shadow_fault,
	.page_mkwrite = shadow_mkwrite,
	.access = shadow_access,
	.mremap = shadow_mremap,
};
