// SPDX-License-Identifier: GPL-2.0-only
/* Start and stop of all processes: of the module's, and of an instance's. */
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "file/file.h"
#include "space/space.h"
#include "twin/twin.h"
#include "proc/proc.h"

/* How long a stop waits for killed proxies. One that Linux itself holds longer harms nobody. */
#define STOP_SECONDS 10

int ihk_proc_os_init(struct ihk_os *os)
{
	struct ihk_procs *procs;
	int err = ihk_pseudo_pin();

	if (err)
		return err;
	procs = ihk_procs_new(os);
	if (IS_ERR(procs)) {
		ihk_pseudo_release();
		return PTR_ERR(procs);
	}
	ihk_news_begin(procs);
	ihk_cputime_os_begin(procs);
	rcu_assign_pointer(os->procs, procs);
	ihk_quarantine_adopt(os);
	return 0;
}

static void kill_twins(struct ihk_procs *procs)
{
	struct task_struct *task;
	struct ihk_twin *twin;
	unsigned long i = 0;

	do {
		rcu_read_lock();
		twin = xa_find(&procs->twins, &i, ULONG_MAX, XA_PRESENT);
		/* Pairs with the release in ihk_twin_bind(): the reference is taken. */
		task = twin ? smp_load_acquire(&twin->task) : NULL;
		if (task)
			send_sig(SIGKILL, task, 1);
		rcu_read_unlock();
		i++;
		cond_resched();
	} while (twin);
}

/*
 * Kill and wait, until no twin is left, the time is over, or the caller is
 * killed: one that was just being made is killed the next time round.
 */
static unsigned int end_twins(struct ihk_procs *procs, unsigned int seconds)
{
	unsigned long end = jiffies + seconds * HZ;

	do
		kill_twins(procs);
	while (!wait_event_timeout(procs->gone, !atomic_read(&procs->twin_count), HZ / 4) &&
	       time_before(jiffies, end) && !fatal_signal_pending(current));
	return atomic_read(&procs->twin_count);
}

unsigned int ihk_proc_end_all(struct ihk_os *os, unsigned int seconds)
{
	struct ihk_procs *procs = ihk_procs_get(os);
	unsigned int left;

	if (!procs)
		return 0;
	left = end_twins(procs, seconds);
	ihk_procs_put(procs);
	return left;
}

void ihk_proc_os_stop(struct ihk_os *os)
{
	struct ihk_procs *procs = rcu_dereference_protected(os->procs, 1);
	unsigned int left;

	if (!procs)
		return;
	/* No new twins from launches, no words from the doorbell. */
	rcu_assign_pointer(os->procs, NULL);
	synchronize_rcu();
	WRITE_ONCE(procs->stopped, true);
	left = end_twins(procs, STOP_SECONDS);
	if (left)
		pr_warn("ihk: os %d: %u proxies do not die, Linux holds them\n", os->index, left);
	/* Whoever is inside does not stay: nothing there waits for the LWK any more. */
	synchronize_srcu(&procs->inside);
	ihk_cputime_os_end(procs);
	ihk_space_retire_all(procs);
	ihk_zap_instance(procs);
	ihk_news_end(procs);
	ihk_file_forget_all(procs);
	ihk_pseudo_release();
	ihk_procs_put(procs);
}

/*
 * One twin of each process: that of its first thread that has one, since the
 * leader may end before the others. Context: RCU.
 */
static bool speaks_for_process(const struct ihk_twin *twin)
{
	struct task_struct *task = READ_ONCE(twin->task), *t;

	/* A process that is being made. */
	if (!task)
		return true;
	for_each_thread(task, t) {
		if (ihk_twin_of(t))
			return t == task;
	}
	return false;
}

unsigned int ihk_proc_count(struct ihk_os *os)
{
	struct ihk_procs *procs;
	struct ihk_twin *twin;
	unsigned int count = 0;
	unsigned long i;

	rcu_read_lock();
	procs = rcu_dereference(os->procs);
	if (procs) {
		xa_for_each(&procs->twins, i, twin)
			if (speaks_for_process(twin))
				count++;
	}
	rcu_read_unlock();
	return count;
}

s64 ihk_lcall(struct ihk_os *os, u32 op, const u64 *arg)
{
	struct ihk_procs *procs = ihk_procs_get(os);
	s64 ret = 0;

	if (!procs)
		return -EIO;
	switch (op) {
	case LCALL_ZAP:
		ret = ihk_zap(procs, arg);
		break;
	case LCALL_FILE_IDLE:
		ihk_file_idle(procs, arg[0], arg[1]);
		break;
	case LCALL_FILE_FORGET:
		ihk_file_forget(procs, arg[0]);
		break;
	default:
		ret = -ENOSYS;
	}
	ihk_procs_put(procs);
	return ret;
}

int ihk_proc_init(void)
{
	int err = ihk_proxy_init();

	if (err)
		return err;
	err = ihk_version_init();
	if (err)
		goto proxy;
	err = ihk_quarantine_init();
	if (err)
		goto version;
	err = ihk_twin_init();
	if (err)
		goto quarantine;
	err = ihk_life_init();
	if (err)
		goto twin;
	__register_binfmt(&ihk_binfmt, 1);
	return 0;

twin:
	ihk_twin_exit();
quarantine:
	ihk_quarantine_exit();
version:
	ihk_version_exit();
proxy:
	ihk_proxy_exit();
	return err;
}

/* No mm has our format any more: it pins the module. */
void ihk_proc_exit(void)
{
	unregister_binfmt(&ihk_binfmt);
	ihk_life_exit();
	/*
	 * A proxy's last work lets go of its instance, and may let go of the last
	 * reference of this module, for its file and its mm have gone before. It
	 * does not sleep from there on, so this waits until it has left our code.
	 */
	synchronize_rcu_tasks();
	/* Those of launches are freed by our code, after their mm has let go of it. */
	mmu_notifier_synchronize();
	ihk_twin_exit();
	ihk_quarantine_exit();
	ihk_version_exit();
	ihk_proxy_exit();
}
