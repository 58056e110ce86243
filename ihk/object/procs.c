// SPDX-License-Identifier: GPL-2.0-only
/* The processes of one boot of an instance, as an object: made, found, kept, freed. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "object/object.h"

struct ihk_procs *ihk_procs_new(struct ihk_os *os)
{
	struct ihk_procs *procs = kvzalloc(sizeof(*procs), GFP_KERNEL);
	int err;

	if (!procs)
		return ERR_PTR(-ENOMEM);
	err = init_srcu_struct(&procs->inside);
	if (err) {
		kvfree(procs);
		return ERR_PTR(err);
	}
	kref_init(&procs->ref);
	kref_get(&os->ref);
	procs->os = os;
	procs->boot_gen = os->boot_gen;
	xa_init_flags(&procs->twins, XA_FLAGS_ALLOC);
	init_waitqueue_head(&procs->gone);
	mutex_init(&procs->box_lock);
	INIT_LIST_HEAD(&procs->boxes);
	xa_init_flags(&procs->spaces, XA_FLAGS_ALLOC1);
	mutex_init(&procs->file_lock);
	xa_init(&procs->files);
	hash_init(procs->file_hash);
	INIT_LIST_HEAD(&procs->files_idle);
	INIT_LIST_HEAD(&procs->files_open);
	return procs;
}

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
	xa_destroy(&procs->twins);
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
	err = ihk_up.call(procs->os, place, c, false);
	ihk_leave(procs, token);
	return err;
}
