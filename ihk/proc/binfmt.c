// SPDX-License-Identifier: GPL-2.0-only
/* The module as a binary format: execve by tagged tasks and by twins. */
#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "arch/arch.h"
#include "object/object.h"
#include "space/space.h"
#include "twin/twin.h"
#include "proc/proc.h"

/*
 * Whose execve is it? mm->binfmt is the first mark: set by the launcher's
 * ioctl, inherited by fork, gone when a format of Linux's takes over.
 */
static int find_instance(struct ihk_exec *x)
{
	struct mm_struct *mm = current->mm;
	struct ihk_twin *twin;

	if (!mm || mm->binfmt != &ihk_binfmt)
		return -ENOEXEC;
	x->lwk_cpu = -1;
	twin = ihk_twin_of(current);
	x->procs = ihk_launch_find(mm, &x->lwk_cpu);
	if (!x->procs) {
		if (!twin)
			return -ENOEXEC;
		x->procs = ihk_procs_ref(twin->procs);
	}
	/* An execve from one instance to another is a launch there. */
	if (twin && twin->procs == x->procs)
		x->old = twin;
	if (ihk_procs_alive(x->procs))
		return 0;
	ihk_procs_put(x->procs);
	return -ENODEV;
}

/* The old program's thread has ended before the new one does anything. */
static void leave_old(struct mm_struct *old_mm)
{
	struct ihk_twin *old = ihk_twin_of(current);

	ihk_launch_drop(old_mm);
	if (old)
		ihk_twin_end(old, THREAD_EXECED);
}

static int map_window(struct ihk_space *space)
{
	struct file *control = ihk_control_file(space->procs->os);
	int err;

	if (IS_ERR(control))
		return PTR_ERR(control);
	err = ihk_window_map_exec(space, ihk_proxy_file(), control);
	fput(control);
	return err;
}

/* From begin_new_exec on, an error ends the process. */
static int second_phase(struct ihk_exec *x)
{
	struct linux_binprm *bprm = x->bprm;
	struct mm_struct *old_mm = current->mm;
	int err;

	mmgrab(old_mm);
	err = begin_new_exec(bprm);
	if (!err)
		leave_old(old_mm);
	mmdrop(old_mm);
	if (err)
		return err;
	err = ihk_exec_permit(x);
	if (err)
		return err;
	ihk_program_native();
	setup_new_exec(bprm);
	/* Pins the module as long as this mm, or a copy that a fork makes of it, lives. */
	set_binfmt(&ihk_binfmt);
	current->mm->get_unmapped_area = ihk_get_unmapped_area;
	err = setup_arg_pages(bprm, PROXY_ARG_TOP, EXSTACK_DISABLE_X);
	if (err)
		return err;
	x->space->stack_top = PAGE_ALIGN(x->string_top);
	err = map_window(x->space);
	if (err)
		return err;
	err = ihk_exec_commit(x);
	if (err)
		return err;
	ihk_twin_bind(x->twin, current);
	finalize_exec(bprm);
	ihk_program_start(ihk_proxy_header()->entry, round_down(bprm->p - 128, 16));
	/* The twin is its task's now, and has its own reference of the space. */
	x->twin = NULL;
	ihk_space_put(x->space);
	x->space = NULL;
	return 0;
}

/*
 * Headers that nothing can be made of. As on Linux the old program ends before
 * anybody sees it: the error that is returned then becomes a SIGSEGV.
 */
static int end_old(struct linux_binprm *bprm, int err)
{
	struct mm_struct *old_mm = current->mm;

	mmgrab(old_mm);
	if (!begin_new_exec(bprm))
		leave_old(old_mm);
	mmdrop(old_mm);
	return err;
}

static int load_binary(struct linux_binprm *bprm)
{
	struct ihk_exec x = { .bprm = bprm };
	int err;

	if (memcmp(bprm->buf, ELFMAG, SELFMAG))
		return -ENOEXEC;
	err = find_instance(&x);
	if (err)
		return err;
	err = ihk_exec_read(&x);
	if (!err)
		err = ihk_exec_prepare(&x);
	if (!err)
		err = second_phase(&x);
	else if (x.unmappable)
		err = end_old(bprm, err);
	ihk_exec_release(&x);
	/* Ours, and not runnable: blanks make no other format take it, nor ask for a module. */
	if (err == -ENOEXEC)
		memset(bprm->buf, ' ', 8);
	return err;
}

struct linux_binfmt ihk_binfmt = {
	.module = THIS_MODULE,
	.load_binary = load_binary,
};
