// SPDX-License-Identifier: GPL-2.0-only
/* OS instances: the table of them, their birth, their state and their end. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "partition.h"

/* Changed under ihk_machine_lock and table_lock, so that either of them is enough to read it. */
static struct ihk_os *table[ABI_MAX_OS];
/* For lookups: opening a device must not wait for a reservation that takes seconds. */
static DEFINE_SPINLOCK(table_lock);

/* Linux goes to sleep: no instance is made. Under ihk_machine_lock. */
static bool sleeping;

/* Of this module, so that unloading waits for the last worker to have left its code. */
static struct workqueue_struct *death_queue;

static const char *const status_names[] = {
	[OS_INACTIVE] = "INACTIVE", [OS_BOOTING] = "BOOTING", [OS_RUNNING] = "RUNNING",
	[OS_SHUTDOWN] = "SHUTDOWN", [OS_PANIC] = "PANIC",     [OS_HUNGUP] = "HUNGUP",
	[OS_FREEZING] = "FREEZING", [OS_FROZEN] = "FROZEN",
};

const char *ihk_status_name(enum os_status status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "unknown";
}

enum os_status ihk_os_status(struct ihk_os *os)
{
	enum os_status status = READ_ONCE(os->status);
	enum os_status verdict = READ_ONCE(os->verdict);

	/* Condemned, but the worker that cleans up has not finished. */
	return status == OS_RUNNING && verdict ? verdict : status;
}

int ihk_os_need_inactive(struct ihk_os *os, const char *verb, char *msg)
{
	lockdep_assert_held(&os->lock);
	if (os->status == OS_INACTIVE)
		return 0;
	return ihk_refuse(msg, -EBUSY, "%s needs an INACTIVE instance, %d is %s", verb, os->index,
			  ihk_status_name(os->status));
}

struct ihk_os *ihk_os_get(int index)
{
	struct ihk_os *os;

	if (index < 0 || index >= ABI_MAX_OS)
		return NULL;
	spin_lock(&table_lock);
	os = table[index];
	if (os)
		kref_get(&os->ref);
	spin_unlock(&table_lock);
	return os;
}

static void os_free(struct kref *ref)
{
	struct ihk_os *os = container_of(ref, struct ihk_os, ref);

	ihk_os_unload(os);
	ihk_params_free(os);
	ihk_ikc_free(os);
	kfree(os);
	/* Last, and nothing sleeps behind it: see ihk_proc_exit(). */
	module_put(THIS_MODULE);
}

void ihk_os_put(struct ihk_os *os)
{
	kref_put(&os->ref, os_free);
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
	/* Dropped by os_free(): processes may hold an instance longer than its table does. */
	__module_get(THIS_MODULE);
	return os;
}

int ihk_os_create(char *msg)
{
	struct ihk_os *os;
	int index = 0;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	if (sleeping) {
		index = ihk_refuse(msg, -EBUSY, "the machine is about to sleep");
		goto out;
	}
	while (index < ABI_MAX_OS && table[index])
		index++;
	if (index == ABI_MAX_OS) {
		index = ihk_refuse(msg, -ENOSPC, "there are %d instances already", ABI_MAX_OS);
		goto out;
	}
	os = os_alloc(index);
	if (!os) {
		index = ihk_refuse(msg, -ENOMEM, "out of memory");
		goto out;
	}
	os->device = ihk_os_dev_add(os);
	if (IS_ERR(os->device)) {
		index = ihk_refuse(msg, PTR_ERR(os->device), "no device /dev/mcos%d", index);
		ihk_os_put(os);
		goto out;
	}
	spin_lock(&table_lock);
	table[index] = os;
	spin_unlock(&table_lock);
out:
	mutex_unlock(&ihk_machine_lock);
	return index;
}

/* Why the instance may not go away now. Context: os->lock held. */
static int destroy_check(struct ihk_os *os, char *msg)
{
	if (table[os->index] != os)
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
	spin_lock(&table_lock);
	err = destroy_check(os, msg);
	if (!err)
		table[index] = NULL;
	spin_unlock(&table_lock);
	if (!err)
		ihk_os_dev_remove(os);
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

u32 ihk_os_list(u32 *list, u32 max)
{
	u32 count = 0;
	u32 index;

	spin_lock(&table_lock);
	for (index = 0; index < ABI_MAX_OS; index++) {
		if (!table[index])
			continue;
		if (count < max)
			list[count] = index;
		count++;
	}
	spin_unlock(&table_lock);
	return count;
}

void *ihk_os_mem(struct ihk_os *os, u64 pa, u64 size)
{
	u32 low = 0, high = os->chunk_count;

	/* The last chunk that starts at or below pa. */
	while (low < high) {
		u32 middle = (low + high) / 2;

		if (os->chunks[middle].start <= pa)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	pa -= os->chunks[low - 1].start;
	if (size > os->chunks[low - 1].size || pa > os->chunks[low - 1].size - size)
		return NULL;
	return phys_to_virt(os->chunks[low - 1].start + pa);
}
