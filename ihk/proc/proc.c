// SPDX-License-Identifier: GPL-2.0-only
/* The process part as a whole: at module load, at the start and at the stop of an instance. */
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "proc.h"

/* How long a stop waits for killed proxies. One that Linux itself holds longer harms nobody. */
#define STOP_SECONDS 10

static void procs_free(struct kref *ref)
{
	struct ihk_procs *procs = container_of(ref, struct ihk_procs, ref);
	struct ihk_os *os = procs->os;
	struct ihk_box *box, *next;

	list_for_each_entry_safe(box, next, &procs->boxes, node) {
		__free_page(box->slot);
		__free_page(box->kpage);
		kfree(box);
	}
	xa_destroy(&procs->spaces);
	xa_destroy(&procs->files);
	cleanup_srcu_struct(&procs->inside);
	kvfree(procs);
	/* Perhaps the last reference of the module: nothing sleeps behind it. */
	ihk_os_put(os);
}

void ihk_procs_put(struct ihk_procs *procs)
{
	kref_put(&procs->ref, procs_free);
}

struct ihk_procs *ihk_procs_get(struct ihk_os *os)
{
	struct ihk_procs *procs;

	rcu_read_lock();
	procs = rcu_dereference(os->procs);
	if (procs && (!ihk_os_alive(os) || !kref_get_unless_zero(&procs->ref)))
		procs = NULL;
	rcu_read_unlock();
	return procs;
}

int ihk_procs_call(struct ihk_procs *procs, int place, struct ihk_call *c)
{
	int token = ihk_enter(procs);
	int err;

	if (token < 0)
		return token;
	err = ihk_call(procs->os, place, c, false);
	ihk_leave(procs, token);
	return err;
}

int ihk_proc_os_init(struct ihk_os *os)
{
	struct ihk_procs *procs = kvzalloc(sizeof(*procs), GFP_KERNEL);
	int err;

	if (!procs)
		return -ENOMEM;
	err = ihk_pseudo_pin();
	if (err)
		goto free;
	err = init_srcu_struct(&procs->inside);
	if (err)
		goto unpin;
	kref_init(&procs->ref);
	kref_get(&os->ref);
	procs->os = os;
	procs->boot_gen = os->boot_gen;
	raw_spin_lock_init(&procs->lock);
	init_waitqueue_head(&procs->gone);
	mutex_init(&procs->box_lock);
	INIT_LIST_HEAD(&procs->boxes);
	xa_init_flags(&procs->spaces, XA_FLAGS_ALLOC1);
	mutex_init(&procs->file_lock);
	xa_init(&procs->files);
	hash_init(procs->file_hash);
	INIT_LIST_HEAD(&procs->files_idle);
	INIT_LIST_HEAD(&procs->files_open);
	ihk_news_begin(procs);
	rcu_assign_pointer(os->procs, procs);
	ihk_quarantine_adopt(os);
	return 0;

unpin:
	ihk_pseudo_release();
free:
	kvfree(procs);
	return err;
}

static void kill_twins(struct ihk_procs *procs)
{
	struct task_struct *task;
	struct ihk_twin *twin;
	unsigned int i;

	for (i = 0; i < ABI_MAX_TWINS; i++) {
		rcu_read_lock();
		twin = rcu_dereference(procs->twin[i]);
		/* Pairs with the release in ihk_twin_bind(): the reference is taken. */
		task = twin ? smp_load_acquire(&twin->task) : NULL;
		if (task)
			send_sig(SIGKILL, task, 1);
		rcu_read_unlock();
	}
}

static void kill_shadows(struct ihk_procs *procs)
{
	struct ihk_space *space;
	unsigned long index;

	for (;;) {
		xa_lock(&procs->spaces);
		index = 0;
		space = xa_find(&procs->spaces, &index, ULONG_MAX, XA_PRESENT);
		if (space)
			kref_get(&space->ref);
		xa_unlock(&procs->spaces);
		if (!space)
			return;
		ihk_space_retire(space);
		ihk_space_put(space);
	}
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
	while (!wait_event_timeout(procs->gone, !READ_ONCE(procs->twins), HZ / 4) &&
	       time_before(jiffies, end) && !fatal_signal_pending(current));
	return READ_ONCE(procs->twins);
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
	kill_shadows(procs);
	ihk_zap_instance(procs);
	ihk_news_end(procs);
	ihk_file_forget_all(procs);
	ihk_pseudo_release();
	ihk_procs_put(procs);
}

unsigned int ihk_proc_count(struct ihk_os *os)
{
	unsigned int i, count = 0;
	struct ihk_procs *procs;
	struct ihk_twin *twin;

	rcu_read_lock();
	procs = rcu_dereference(os->procs);
	for (i = 0; procs && i < ABI_MAX_TWINS; i++) {
		twin = rcu_dereference(procs->twin[i]);
		/* An unbound one is a process that is being made. */
		if (twin && (!READ_ONCE(twin->task) || thread_group_leader(twin->task)))
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
