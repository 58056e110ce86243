// SPDX-License-Identifier: GPL-2.0-only
/* Pages of instances that Linux still references: kept until the last reference goes. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "object/object.h"
#include "partition/partition.h"

/* How often the counts are looked at. */
#define LOOK_EVERY (HZ / 20)

/* CALL_PAGES_BACK takes so many. */
#define BACK_MAX (IKC_CALL_ARGS - 1)

/* One page. The owner changes when another boot gets the memory, under `lock`. */
struct entry {
	u64 pa; /* fixed */
	struct ihk_os *os; /* with a reference */
	u32 boot_gen; /* the boot that had the page, or was told of it */
};

/*
 * All of them by page frame number. Written under `lock`; presence is read
 * anywhere. Whoever takes an entry out frees it.
 */
static DEFINE_XARRAY(pages);
static DEFINE_MUTEX(lock);
static struct delayed_work look_work;

static bool free_of_linux(u64 pa)
{
	return page_count(pfn_to_page(pa >> PAGE_SHIFT)) == 1;
}

/* Context: lock. */
static void take_out(struct entry *e)
{
	xa_erase(&pages, e->pa >> PAGE_SHIFT);
	ihk_os_put(e->os);
	kfree(e);
}

/*
 * The boot that waits for this page: *procs with a reference, or NULL while it
 * does not run yet. False: none does, the page is reserved memory again.
 */
static bool find_owner(const struct entry *e, struct ihk_procs **procs)
{
	if (e->boot_gen != READ_ONCE(e->os->boot_gen) || !rcu_access_pointer(e->os->procs))
		return false;
	*procs = ihk_procs_get(e->os);
	if (!*procs || (*procs)->boot_gen == e->boot_gen)
		return true;
	ihk_procs_put(*procs);
	return false;
}

/*
 * The next pages of one boot that Linux has let go of, into `c`; *procs is
 * that boot, with a reference. Returns how many.
 */
static unsigned int collect(struct ihk_call *c, struct ihk_procs **procs)
{
	struct ihk_procs *owner;
	unsigned int n = 0;
	struct entry *e;
	unsigned long index;

	mutex_lock(&lock);
	xa_for_each(&pages, index, e) {
		if (!free_of_linux(e->pa))
			continue;
		if (!find_owner(e, &owner)) {
			take_out(e);
			continue;
		}
		if (!owner)
			continue;
		if (!n)
			*procs = ihk_procs_ref(owner);
		ihk_procs_put(owner);
		if (owner != *procs)
			continue;
		c->arg[++n] = e->pa;
		take_out(e);
		if (n == BACK_MAX)
			break;
	}
	mutex_unlock(&lock);
	return n;
}

/* A page on its way back belongs to the LWK again, or to the reserved memory if that has died. */
static void look(struct work_struct *work)
{
	struct ihk_procs *procs;
	struct ihk_call c;
	unsigned int n;

	for (;;) {
		memset(&c, 0, sizeof(c));
		c.op = CALL_PAGES_BACK;
		n = collect(&c, &procs);
		if (!n)
			break;
		c.arg[0] = n;
		ihk_procs_call(procs, -1, &c);
		ihk_procs_put(procs);
	}
	if (!xa_empty(&pages))
		queue_delayed_work(system_unbound_wq, &look_work, LOOK_EVERY);
}

/* Context: lock. */
static void give_to(struct entry *e, struct ihk_os *os)
{
	if (e->os != os) {
		if (e->os)
			ihk_os_put(e->os);
		kref_get(&os->ref);
		e->os = os;
	}
	e->boot_gen = READ_ONCE(os->boot_gen);
}

/*
 * The entry of a page, made if there is none, becomes that of the instance as it
 * is booted now. Looked up and made under one hold of the lock: an entry that was
 * there a moment ago may have gone with Linux's last reference.
 */
static int own(struct ihk_os *os, u64 pa, gfp_t gfp)
{
	struct entry *fresh = kmalloc(sizeof(*fresh), gfp), *e;
	unsigned long index = pa >> PAGE_SHIFT;

	if (fresh)
		*fresh = (struct entry){ .pa = pa };
	mutex_lock(&lock);
	e = xa_load(&pages, index);
	if (!e && fresh && !xa_err(xa_store(&pages, index, fresh, gfp)))
		swap(e, fresh);
	if (e)
		give_to(e, os);
	mutex_unlock(&lock);
	kfree(fresh);
	queue_delayed_work(system_unbound_wq, &look_work, LOOK_EVERY);
	return e ? 0 : -ENOMEM;
}

int ihk_quarantine_try(struct ihk_os *os, u64 pa)
{
	return own(os, pa, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
}

void ihk_quarantine_add(struct ihk_os *os, u64 pa)
{
	own(os, pa, GFP_KERNEL | __GFP_NOFAIL);
}

/* Those that Linux has let go of since the list was made are entered again. */
void ihk_quarantine_adopt(struct ihk_os *os)
{
	u64 i;

	for (i = 0; i < os->params->quarantine_count; i++)
		ihk_quarantine_add(os, os->quarantine[i]);
}

bool ihk_quarantine_has(u64 pa)
{
	return xa_load(&pages, pa >> PAGE_SHIFT) != NULL;
}

u64 ihk_quarantine_count(struct ihk_os *os)
{
	unsigned long index;
	struct entry *e;
	u64 count = 0;

	mutex_lock(&lock);
	xa_for_each(&pages, index, e)
		if (e->os == os)
			count++;
	mutex_unlock(&lock);
	return count;
}

u64 ihk_quarantine_list(u64 start, u64 size, u64 *list, u64 max)
{
	unsigned long index;
	struct entry *e;
	u64 count = 0;

	mutex_lock(&lock);
	xa_for_each_range(&pages, index, e, start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT) {
		if (count < max)
			list[count] = e->pa;
		count++;
	}
	mutex_unlock(&lock);
	return count;
}

void ihk_quarantine_disown(u64 start, u64 size)
{
	unsigned long index;
	struct entry *e;

	mutex_lock(&lock);
	xa_for_each_range(&pages, index, e, start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT) {
		take_out(e);
		/* Our reference; whoever holds the last one frees the page. */
		__free_page(pfn_to_page(index));
	}
	mutex_unlock(&lock);
}

int ihk_quarantine_init(void)
{
	INIT_DELAYED_WORK(&look_work, look);
	return 0;
}

/* All memory has been released, and its pages disowned. */
void ihk_quarantine_exit(void)
{
	cancel_delayed_work_sync(&look_work);
	xa_destroy(&pages);
}
