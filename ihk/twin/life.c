// SPDX-License-Identifier: GPL-2.0-only
/* Birth and death of twins, seen exactly once by the scheduler's tracepoints. */
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
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

/*
 * A fork's child shows its memory before its parent knows its pid: the parent
 * waits for the child's first step in the kernel, which maps it. Linux takes
 * that step before the child obeys any signal, a debugger's stop included.
 *
 * One reference is the parent's, one the child's work's.
 */
struct ihk_birth {
	refcount_t refs;
	struct completion shown;
	struct callback_head work;
};

static struct ihk_birth *birth_new(void)
{
	struct ihk_birth *birth = kmalloc(sizeof(*birth), GFP_KERNEL_ACCOUNT);

	if (!birth)
		return NULL;
	refcount_set(&birth->refs, 1);
	init_completion(&birth->shown);
	return birth;
}

static void birth_put(struct ihk_birth *birth)
{
	if (refcount_dec_and_test(&birth->refs))
		kfree(birth);
}

/* In the child. What fails here is tried again, and told, when the child enters its wait. */
static void birth_work(struct callback_head *work)
{
	struct ihk_birth *birth = container_of(work, struct ihk_birth, work);
	struct ihk_twin *twin = ihk_twin_of(current);

	/* Else it dies before it has run. */
	if (twin && current->mm)
		ihk_window_map_child(twin->space);
	complete(&birth->shown);
	birth_put(birth);
}

/* In the parent, must not sleep. The child does not run yet. */
static void birth_begin(struct ihk_birth *birth, struct task_struct *child)
{
	init_task_work(&birth->work, birth_work);
	refcount_inc(&birth->refs);
	if (!task_work_add(child, &birth->work, TWA_RESUME))
		return;
	refcount_dec(&birth->refs);
	complete(&birth->shown);
}

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
	if (twin->birth)
		birth_begin(twin->birth, child);
}

static struct ihk_space *fork_space(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	struct ihk_space *space = ihk_space_new(twin->procs);
	struct file *program;
	int err;

	if (IS_ERR(space))
		return space;
	space->stack_top = twin->space->stack_top;
	err = ihk_ranges_inherit(space, twin->space);
	if (!err)
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

/* The LWK drops what it has prepared when it reads the refusal. */
static int discard(struct ihk_twin *born, int err)
{
	born->thread = 0;
	ihk_twin_end(born, THREAD_UNBORN);
	return err;
}

/*
 * While one thread of a process executes, Linux refuses its siblings' clones by
 * EAGAIN. There that is a moment, and few programs have met it; here an execve
 * lasts longer. It ends soon, by ending us; but not if it reads from a file server
 * that wants this clone: so not for ever.
 */
static void await_sibling_exec(void)
{
	unsigned long end = jiffies + HZ;

	while (READ_ONCE(current->fs->in_exec) && !signal_pending(current) &&
	       time_before(jiffies, end))
		schedule_timeout_interruptible(1);
}

int ihk_life_prepare(struct ihk_twin *twin)
{
	struct ihk_twin *born;
	int err;

	if (!READ_ONCE(twin->k->child_space))
		await_sibling_exec();
	born = READ_ONCE(twin->k->child_space) ? new_forked(twin) : new_sharing(twin);
	if (IS_ERR(born))
		return PTR_ERR(born);
	if (born->space != twin->space) {
		twin->birth = birth_new();
		if (!twin->birth)
			return discard(born, -ENOMEM);
	}
	/* It begins with everything blocked, and with its parent's mask in its first wait. */
	born->leaving = true;
	born->saved_mask = READ_ONCE(twin->k->mask);
	err = ihk_twin_attach(born, READ_ONCE(twin->k->child_thread));
	if (err) {
		ihk_life_forget(twin);
		return discard(born, err);
	}
	twin->child = born;
	return 0;
}

void ihk_life_forget(struct ihk_twin *twin)
{
	if (twin->birth)
		birth_put(twin->birth);
	twin->birth = NULL;
}

void ihk_life_settle(struct ihk_twin *twin)
{
	struct ihk_twin *unborn = twin->child;

	twin->child = NULL;
	if (unborn)
		ihk_twin_end(unborn, THREAD_UNBORN);
	else if (twin->birth)
		/* Nothing is held. A kill ends it; the child needs nobody but a CPU. */
		wait_for_completion_killable(&twin->birth->shown);
	ihk_life_forget(twin);
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
