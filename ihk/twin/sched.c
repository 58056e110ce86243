// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scheduling of LWK threads: Linux has it, for each twin, and tells the LWK in
 * kpage.sched. A twin says its own in each wait. What others change for it while
 * it waits is told when their call is over, if they are of the instance too; what
 * anybody else changes, by chrt or renice, at the next look at running threads.
 */
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/unistd.h>

#include "object/object.h"
#include "twin/twin.h"

u32 ihk_sched_word(struct task_struct *task)
{
	return KPAGE_SCHED(READ_ONCE(task->policy), READ_ONCE(task->rt_priority), task_nice(task));
}

/*
 * Several may be at it, and the last one to store may have looked first: but then
 * it sees that the task has changed since. True: the LWK has to be told.
 */
bool ihk_sched_publish(struct kpage *k, struct task_struct *task)
{
	u32 before = READ_ONCE(k->sched), word;

	do {
		word = ihk_sched_word(task);
		WRITE_ONCE(k->sched, word);
		/* The store before the second look. */
		smp_mb();
	} while (word != ihk_sched_word(task));
	return word != before;
}

/* Context: RCU. */
static void follow_one(u64 pid)
{
	struct task_struct *task = pid ? pid_task(find_vpid(pid), PIDTYPE_PID) : NULL;

	/* Our own comes with the wait. */
	if (task && task != current)
		ihk_twin_sched(task);
}

/* Context: RCU. */
static void follow_all(struct ihk_procs *procs)
{
	struct task_struct *task;
	struct ihk_twin *twin;
	unsigned long index;

	xa_for_each(&procs->twins, index, twin) {
		task = smp_load_acquire(&twin->task);
		if (task && task != current)
			ihk_twin_sched(task);
	}
}

void ihk_sched_called(struct ihk_twin *twin)
{
	const struct slot *slot = twin->slot;

	/* The proxy's word: whatever it says, what is told is so. */
	switch (READ_ONCE(slot->nr)) {
	case __NR_sched_setscheduler:
	case __NR_sched_setparam:
	case __NR_sched_setattr:
		rcu_read_lock();
		follow_one((u32)READ_ONCE(slot->arg[0]));
		rcu_read_unlock();
		break;
	case __NR_setpriority:
		rcu_read_lock();
		if ((u32)READ_ONCE(slot->arg[0]) == PRIO_PROCESS)
			follow_one((u32)READ_ONCE(slot->arg[1]));
		else
			follow_all(twin->procs);
		rcu_read_unlock();
		break;
	}
}
