// SPDX-License-Identifier: GPL-2.0-only
/* Birth and death of twins, seen exactly once by the scheduler's tracepoints. */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "space/space.h"
#include "twin/twin.h"

/* Found by name at init: their variables are not exported. */
static struct tracepoint *fork_point, *exit_point;

/* ---- death ---- */

/* Still in do_exit, before any parent can see the end; may sleep. */
static void exit_work(struct callback_head *work)
{
	ihk_twin_end(container_of(work, struct ihk_twin, exit_work), THREAD_EXITED);
}

/* In the dying task, its mm is gone; must not sleep. */
static void probe_exit(void *data, struct task_struct *task)
{
	struct ihk_twin *twin = ihk_twin_of(task);

	if (!twin || task != current)
		return;
	WRITE_ONCE(twin->k->dead, THREAD_EXITED);
	/* Before the look at the state of the LWK's CPU, in ihk_ring_lwk(). */
	smp_mb();
	ihk_twin_ring(twin);
	init_task_work(&twin->exit_work, exit_work);
	/* Cannot fail here: exit_task_work() comes later. */
	WARN_ON(task_work_add(current, &twin->exit_work, TWA_NONE));
}

/* ---- birth ---- */

/* In the parent, after success, before the child's first instruction. */
static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct ihk_twin *twin = ihk_twin_of(parent);
	struct ihk_twin *born = twin ? twin->child : NULL;

	if (!born)
		return;
	/* The proxy did another clone than was asked for: such a child has no twin. */
	if ((child->mm == parent->mm) != (born->space == twin->space))
		return;
	twin->child = NULL;
	ihk_twin_bind(born, child);
	ihk_signal_block_child(child);
}

static struct ihk_space *fork_space(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	struct ihk_space *space = ihk_space_new(twin->procs);
	struct file *program;
	int err;

	if (IS_ERR(space))
		return space;
	err = ihk_space_set_lwk(space, k->child_space, k->child_root, k->child_epoch);
	program = ihk_space_program(twin->space);
	if (!err && program)
		err = ihk_space_deny_write(space, program);
	if (program)
		fput(program);
	if (err) {
		ihk_space_retire(space);
		ihk_space_put(space);
		return ERR_PTR(err);
	}
	return space;
}

/* A process or thread on the same space, with a slot of its own there. */
static struct ihk_twin *new_sharing(struct ihk_twin *twin)
{
	struct ihk_twin *born = ihk_twin_new(twin->space, -1);

	if (IS_ERR(born))
		return born;
	/* The LWK cannot know it; it writes this half only while no request is in flight. */
	WRITE_ONCE(twin->slot->child_slot, born->slot_number);
	return born;
}

/* A process on a copy: its slot has the number that its stacks have. */
static struct ihk_twin *new_forked(struct ihk_twin *twin)
{
	struct ihk_space *space = fork_space(twin);
	struct ihk_twin *born;

	if (IS_ERR(space))
		return ERR_CAST(space);
	born = ihk_twin_new(space, twin->slot_number);
	if (IS_ERR(born))
		ihk_space_retire(space);
	ihk_space_put(space);
	return born;
}

int ihk_life_prepare(struct ihk_twin *twin)
{
	struct ihk_twin *born;
	int err;

	born = READ_ONCE(twin->k->child_space) ? new_forked(twin) : new_sharing(twin);
	if (IS_ERR(born))
		return PTR_ERR(born);
	/* It begins with everything blocked, and with its parent's mask in its first wait. */
	born->leaving = true;
	born->saved_mask = READ_ONCE(twin->k->mask);
	err = ihk_twin_attach(born, READ_ONCE(twin->k->child_thread));
	if (err) {
		/* The LWK drops what it has prepared when it reads the refusal. */
		born->thread = 0;
		ihk_twin_end(born, THREAD_UNBORN);
		return err;
	}
	twin->child = born;
	return 0;
}

void ihk_life_settle(struct ihk_twin *twin)
{
	struct ihk_twin *unborn = twin->child;

	twin->child = NULL;
	if (unborn)
		ihk_twin_end(unborn, THREAD_UNBORN);
}

/* ---- the probes ---- */

static void find_point(struct tracepoint *point, void *data)
{
	if (!strcmp(point->name, "sched_process_fork"))
		fork_point = point;
	else if (!strcmp(point->name, "sched_process_exit"))
		exit_point = point;
}

int ihk_life_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_point, NULL);
	if (!fork_point || !exit_point) {
		pr_err("ihk: this kernel has no sched_process_fork and sched_process_exit\n");
		return -ENOENT;
	}
	err = tracepoint_probe_register(exit_point, probe_exit, NULL);
	if (err)
		return err;
	err = tracepoint_probe_register(fork_point, probe_fork, NULL);
	if (err)
		tracepoint_probe_unregister(exit_point, probe_exit, NULL);
	return err;
}

void ihk_life_exit(void)
{
	tracepoint_probe_unregister(fork_point, probe_fork, NULL);
	tracepoint_probe_unregister(exit_point, probe_exit, NULL);
	tracepoint_synchronize_unregister();
}
