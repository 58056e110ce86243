// SPDX-License-Identifier: GPL-2.0-only
/* The instance as an object: the table of them, references, state, memory. */
#include <linux/io.h>
#include <linux/mm.h>

#include "base/base.h"
#include "object/object.h"

DEFINE_MUTEX(ihk_machine_lock);

/* Changed under ihk_machine_lock and table_lock, so that either of them is enough to read it. */
static struct ihk_os *table[ABI_MAX_OS];
/* For lookups: opening a device must not wait while memory is reserved, which takes seconds. */
static DEFINE_SPINLOCK(table_lock);

int ihk_os_free_index(void)
{
	int index;

	lockdep_assert_held(&ihk_machine_lock);
	for (index = 0; index < ABI_MAX_OS; index++)
		if (!table[index])
			return index;
	return -ENOSPC;
}

void ihk_os_list_as(int index, struct ihk_os *os)
{
	lockdep_assert_held(&ihk_machine_lock);
	spin_lock(&table_lock);
	table[index] = os;
	spin_unlock(&table_lock);
}

bool ihk_os_is_listed(const struct ihk_os *os)
{
	lockdep_assert_held(&ihk_machine_lock);
	return table[os->index] == os;
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

static void os_release(struct kref *ref)
{
	ihk_up.os_free(container_of(ref, struct ihk_os, ref));
}

void ihk_os_put(struct ihk_os *os)
{
	kref_put(&os->ref, os_release);
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
