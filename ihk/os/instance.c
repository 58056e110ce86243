// SPDX-License-Identifier: GPL-2.0-only
/* OS instances: their birth, their death and their end. */
#include <linux/module.h>
#include <linux/slab.h>

#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"

/* Linux goes to sleep: no instance is made. Under ihk_machine_lock. */
static bool sleeping;

/* Of this module, so that unloading waits for the last worker to have left its code. */
static struct workqueue_struct *death_queue;

void ihk_os_free(struct ihk_os *os)
{
	ihk_os_unload(os);
	ihk_params_free(os);
	ihk_ikc_free(os);
	kfree(os);
	/* Last, and nothing sleeps behind it: see ihk_proc_exit(). */
	module_put(THIS_MODULE);
}

/* Carries out the verdict of ihk_os_condemn(), which could not sleep. */
static void death_work(struct work_struct *work)
{
	struct ihk_os *os = container_of(work, struct ihk_os, death);

	/* Before the lock: its holder may be one of those who wait for the LWK. */
	ihk_ikc_wake(os);
	mutex_lock(&os->lock);
	/* A shutdown or a failing boot may have been faster. */
	if (os->status == OS_RUNNING && !ihk_os_alive(os)) {
		pr_err("ihk: instance %d: %s\n", os->index, ihk_status_name(os->verdict));
		ihk_os_stop(os, os->verdict);
	}
	mutex_unlock(&os->lock);
	ihk_os_put(os);
}

void ihk_os_condemn(struct ihk_os *os, enum os_status verdict)
{
	cmpxchg(&os->verdict, OS_INACTIVE, verdict);
	WRITE_ONCE(os->running, false);
	kref_get(&os->ref);
	if (!queue_work(death_queue, &os->death))
		ihk_os_put(os);
}

int ihk_os_init(void)
{
	death_queue = alloc_workqueue("ihk_death", WQ_UNBOUND, 0);
	return death_queue ? 0 : -ENOMEM;
}

void ihk_os_exit(void)
{
	destroy_workqueue(death_queue);
}

static struct ihk_os *os_alloc(int index)
{
	struct ihk_os *os = kzalloc(sizeof(*os), GFP_KERNEL);

	if (!os)
		return NULL;
	os->index = index;
	kref_init(&os->ref);
	mutex_init(&os->lock);
	INIT_LIST_HEAD(&os->ranges);
	INIT_LIST_HEAD(&os->doorbells);
	INIT_LIST_HEAD(&os->clock_node);
	INIT_WORK(&os->death, death_work);
	if (ihk_ikc_make(os)) {
		kfree(os);
		return NULL;
	}
	/* Dropped by ihk_os_free(): processes may hold an instance longer than its table does. */
	__module_get(THIS_MODULE);
	return os;
}

int ihk_os_create(char *msg)
{
	struct ihk_os *os;
	int index;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	if (sleeping) {
		index = ihk_refuse(msg, -EBUSY, "the machine is about to sleep");
		goto out;
	}
	index = ihk_os_free_index();
	if (index < 0) {
		index = ihk_refuse(msg, -ENOSPC, "there are %d instances already", ABI_MAX_OS);
		goto out;
	}
	os = os_alloc(index);
	if (!os) {
		index = ihk_refuse(msg, -ENOMEM, "out of memory");
		goto out;
	}
	os->device = ihk_up.device_add(os);
	if (IS_ERR(os->device)) {
		index = ihk_refuse(msg, PTR_ERR(os->device), "no device /dev/mcos%d", index);
		ihk_os_put(os);
		goto out;
	}
	ihk_os_list_as(index, os);
out:
	mutex_unlock(&ihk_machine_lock);
	return index;
}

/* Why the instance may not go away now. Context: os->lock and ihk_machine_lock held. */
static int destroy_check(struct ihk_os *os, char *msg)
{
	if (!ihk_os_is_listed(os))
		return ihk_refuse(msg, -ENOENT, "there is no instance %d", os->index);
	if (os->status != OS_INACTIVE && os->status != OS_PANIC && os->status != OS_HUNGUP)
		return ihk_refuse(msg, -EBUSY, "instance %d is %s: shut it down first", os->index,
				  ihk_status_name(os->status));
	return 0;
}

/* os->lock and ihk_machine_lock, or -EINTR. */
static int lock_both(struct ihk_os *os)
{
	if (mutex_lock_killable(&os->lock))
		return -EINTR;
	if (!mutex_lock_killable(&ihk_machine_lock))
		return 0;
	mutex_unlock(&os->lock);
	return -EINTR;
}

int ihk_os_destroy(int index, char *msg)
{
	struct ihk_os *os = ihk_os_get(index);
	int err;

	if (!os)
		return ihk_refuse(msg, -ENOENT, "there is no instance %d", index);
	err = lock_both(os);
	if (err) {
		ihk_os_put(os);
		return err;
	}
	err = destroy_check(os, msg);
	if (!err) {
		ihk_os_list_as(index, NULL);
		ihk_up.device_remove(os);
	}
	mutex_unlock(&ihk_machine_lock);
	if (!err) {
		ihk_cpu_unassign_all(os);
		ihk_mem_unassign_all(os);
		WRITE_ONCE(os->status, OS_INACTIVE);
		WRITE_ONCE(os->destroyed, true);
	}
	mutex_unlock(&os->lock);
	if (!err)
		ihk_os_put(os);
	ihk_os_put(os);
	return err;
}

int ihk_os_sleep_begin(void)
{
	int count;

	mutex_lock(&ihk_machine_lock);
	count = ihk_os_list(NULL, 0);
	sleeping = !count;
	mutex_unlock(&ihk_machine_lock);
	return count;
}

void ihk_os_sleep_end(void)
{
	mutex_lock(&ihk_machine_lock);
	sleeping = false;
	mutex_unlock(&ihk_machine_lock);
}
