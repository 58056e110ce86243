// SPDX-License-Identifier: GPL-2.0-only
/* What mcexec asked for, remembered for its mm until it executes. */
#include <linux/binfmts.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "object/object.h"
#include "proc/proc.h"

/*
 * A tagged mm. It hangs on the mm as a notifier, whose ->release drops it:
 * mm_structs are reused at once. Linux keeps it one per mm.
 */
struct launch {
	struct mmu_notifier notifier;
	struct list_head node; /* in `launches`; under launch_lock */
	struct mm_struct *mm;
	struct ihk_procs *procs; /* with a reference, or NULL: dropped; under launch_lock */
	int lwk_cpu; /* under launch_lock */
};

static LIST_HEAD(launches);
static DEFINE_SPINLOCK(launch_lock);

static struct mmu_notifier *launch_alloc(struct mm_struct *mm)
{
	struct launch *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->mm = mm;
	INIT_LIST_HEAD(&l->node);
	return &l->notifier;
}

static void launch_free(struct mmu_notifier *notifier)
{
	kfree(container_of(notifier, struct launch, notifier));
}

/* Take it off the list; true for the one caller who has to let go of the notifier. */
static bool launch_unlist(struct launch *l, struct ihk_procs **procs)
{
	bool mine;

	spin_lock(&launch_lock);
	mine = l->procs != NULL;
	*procs = l->procs;
	l->procs = NULL;
	list_del_init(&l->node);
	spin_unlock(&launch_lock);
	return mine;
}

static void launch_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct launch *l = container_of(notifier, struct launch, notifier);
	struct ihk_procs *procs;

	if (launch_unlist(l, &procs)) {
		ihk_procs_put(procs);
		mmu_notifier_put(notifier);
	}
}

static const struct mmu_notifier_ops launch_ops = {
	.release = launch_release,
	.alloc_notifier = launch_alloc,
	.free_notifier = launch_free,
};

/* Context: the mm is current's, or held. */
static struct launch *launch_lookup(struct mm_struct *mm)
{
	struct launch *l;

	list_for_each_entry(l, &launches, node)
		if (l->mm == mm)
			return l;
	return NULL;
}

struct ihk_procs *ihk_launch_find(struct mm_struct *mm, int *lwk_cpu)
{
	struct ihk_procs *procs = NULL;
	struct launch *l;

	spin_lock(&launch_lock);
	l = launch_lookup(mm);
	if (l) {
		procs = ihk_procs_ref(l->procs);
		*lwk_cpu = l->lwk_cpu;
	}
	spin_unlock(&launch_lock);
	return procs;
}

void ihk_launch_drop(struct mm_struct *mm)
{
	struct ihk_procs *procs = NULL;
	struct launch *l;

	spin_lock(&launch_lock);
	l = launch_lookup(mm);
	if (l) {
		procs = l->procs;
		l->procs = NULL;
		list_del_init(&l->node);
	}
	spin_unlock(&launch_lock);
	if (!procs)
		return;
	ihk_procs_put(procs);
	mmu_notifier_put(&l->notifier);
}

/*
 * Threads may tag their mm at the same time, and set_binfmt() is made for one
 * that is alone: it puts the old format's module and takes a reference of the
 * new one's, of which each mm has one. Context: launch_lock.
 */
static void set_format(void)
{
	lockdep_assert_held(&launch_lock);
	if (current->mm->binfmt != &ihk_binfmt)
		set_binfmt(&ihk_binfmt);
}

long ihk_proc_launch(struct ihk_os *os, int lwk_cpu)
{
	struct mmu_notifier *notifier;
	struct ihk_procs *procs, *before;
	struct launch *l;

	if (!current->mm)
		return -EINVAL;
	if (lwk_cpu < -1 || lwk_cpu >= READ_ONCE(os->cpu_count))
		return -EINVAL;
	procs = ihk_procs_get(os);
	if (!procs)
		return -ENODEV;
	notifier = mmu_notifier_get(&launch_ops, current->mm);
	if (IS_ERR(notifier)) {
		ihk_procs_put(procs);
		return PTR_ERR(notifier);
	}
	l = container_of(notifier, struct launch, notifier);
	spin_lock(&launch_lock);
	before = l->procs;
	l->procs = procs;
	l->lwk_cpu = lwk_cpu;
	if (!before)
		list_add(&l->node, &launches);
	set_format();
	spin_unlock(&launch_lock);
	/* Tagged a second time: one reference of the notifier is enough. */
	if (before) {
		mmu_notifier_put(notifier);
		ihk_procs_put(before);
	}
	return 0;
}
