// SPDX-License-Identifier: GPL-2.0-only
/* The control mapping: nothing is in it, but msync on it is the wait of a twin. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "base/base.h"
#include "object/object.h"
#include "twin/twin.h"

/*
 * A fork's child: runs in the parent, with the child's mmap_lock. dup_mmap has
 * subtracted slots and shadow, which the sum did not contain, and walks
 * upwards: this mapping lies above them and sets the sum right. Nothing that
 * lies higher is subtracted.
 */
static void control_open(struct vm_area_struct *vma)
{
	/* Else it is a split. */
	if (vma->vm_mm != current->mm)
		vma->vm_mm->total_vm = current->mm->total_vm;
}

static vm_fault_t control_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct control_ops = {
	.open = control_open,
	.fault = control_fault,
};

static int control_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &control_ops;
	vma->vm_flags |= VM_DONTEXPAND | VM_DONTDUMP;
	return 0;
}

static int control_release(struct inode *inode, struct file *file)
{
	ihk_pseudo_release();
	return 0;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.mmap = control_mmap,
	.fsync = ihk_twin_wait,
	.release = control_release,
};

struct file *ihk_control_file(struct ihk_os *os)
{
	char name[24];

	/* What tells in /proc/PID/maps whose proxy this is. */
	snprintf(name, sizeof(name), "mccontrol%d", os->index);
	return ihk_pseudo_file(name, &control_fops, NULL);
}
