// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a thread group: the first of its twins that comes here tells the LWK
 * of all of them by one message, and those that come later find it told.
 *
 * A group that ends gets no new thread, as Linux refuses a clone with a fatal signal
 * pending. One that the message comes too early or too late for, or not at all as
 * its instance has died, is held and ended by itself, as if it were alone.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>

#include "object/object.h"
#include "os/os.h"
#include "space/space.h"
#include "twin/twin.h"

/* The task of the group that executes; its own end is not near. */
static struct task_struct *executes(void)
{
	return READ_ONCE(current->signal->group_exec_task);
}

bool ihk_group_ends(void)
{
	struct task_struct *task = executes();

	if (thread_group_empty(current))
		return false;
	/* What its threads leave in memory as they end is none of the core file's: they are held. */
	if (READ_ONCE(current->signal->core_state))
		return false;
	return (READ_ONCE(current->signal->flags) & SIGNAL_GROUP_EXIT) || (task && task != current);
}

/* The thread that is to stay, 0: none. */
static u64 staying(struct ihk_twin *twin)
{
	struct task_struct *task;
	struct ihk_twin *other;
	u64 thread = 0;

	if (READ_ONCE(current->signal->flags) & SIGNAL_GROUP_EXIT)
		return 0;
	rcu_read_lock();
	task = executes();
	other = task ? ihk_twin_of(task) : NULL;
	if (other && other->space == twin->space)
		thread = other->thread;
	rcu_read_unlock();
	return thread;
}

static bool is_told(const struct ihk_twin *twin)
{
	return READ_ONCE(twin->k->end_state) != END_NOT;
}

/* Context: ihk_space.group, so that what is found told has been answered, too. */
static void tell(struct ihk_twin *twin)
{
	struct ihk_call c = { .op = CALL_GROUP_END, .arg = { twin->thread, staying(twin) } };

	WRITE_ONCE(twin->space->kept, true);
	ihk_procs_call(twin->procs, ihk_twin_place(twin), &c);
}

bool ihk_group_stop(struct ihk_twin *twin)
{
	bool told;

	if (!ihk_group_ends())
		return false;
	mutex_lock(&twin->space->group);
	if (!is_told(twin))
		tell(twin);
	told = is_told(twin);
	mutex_unlock(&twin->space->group);
	return told;
}

void ihk_group_space_end(struct ihk_space *space)
{
	struct ihk_call c = { .op = CALL_SPACE_END, .arg = { space->lwk_id } };

	if (!READ_ONCE(space->kept))
		return;
	/* Memory for it is short for a moment: threads have just given theirs back. */
	while (!ihk_procs_call(space->procs, -1, &c) && c.ret == -ENOMEM)
		msleep(10);
}
