// SPDX-License-Identifier: GPL-2.0-only
/* Spaces: what a program's address space is to the module. */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "base/base.h"
#include "object/object.h"
#include "space/space.h"

/* Ids of the module: index in the low half, a generation above. */
#define SPACE_INDEX(id) ((unsigned long)((id)&0xffffffff))

static void space_free(struct kref *ref)
{
	struct ihk_space *space = container_of(ref, struct ihk_space, ref);

	xa_destroy(&space->slots);
	ihk_ranges_free(space);
	ihk_procs_put(space->procs);
	kfree(space);
}

void ihk_space_put(struct ihk_space *space)
{
	kref_put(&space->ref, space_free);
}

static int give_id(struct ihk_space *space)
{
	struct ihk_procs *procs = space->procs;
	u32 index;
	int err;

	xa_lock(&procs->spaces);
	err = __xa_alloc_cyclic(&procs->spaces, &index, space, XA_LIMIT(1, INT_MAX),
				&procs->space_next, GFP_KERNEL);
	if (err >= 0) {
		space->id = (u64)++procs->space_gen << 32 | index;
		kref_get(&space->ref);
	}
	xa_unlock(&procs->spaces);
	return err < 0 ? err : 0;
}

struct ihk_space *ihk_space_new(struct ihk_procs *procs)
{
	struct ihk_space *space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	int err;

	if (!space)
		return ERR_PTR(-ENOMEM);
	kref_init(&space->ref);
	space->procs = ihk_procs_ref(procs);
	init_rwsem(&space->insert);
	mutex_init(&space->lock);
	xa_init_flags(&space->slots, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	ihk_mirror_init(space);
	ihk_ranges_init(space);
	/* The file's reference, dropped by its ->release. */
	kref_get(&space->ref);
	space->file = ihk_pseudo_file("mckernel", &ihk_space_fops, space);
	if (IS_ERR(space->file)) {
		err = PTR_ERR(space->file);
		ihk_space_put(space);
		ihk_space_put(space);
		return ERR_PTR(err);
	}
	err = give_id(space);
	if (err) {
		fput(space->file);
		ihk_space_put(space);
		return ERR_PTR(err);
	}
	return space;
}

int ihk_space_set_lwk(struct ihk_space *space, u64 lwk_id, u64 root, u64 epoch)
{
	struct ihk_os *os = space->procs->os;
	bool good;
	/* The next boot may have other memory. */
	int token = ihk_enter(space->procs);

	if (token < 0)
		return token;
	space->lwk_id = lwk_id;
	space->root = root;
	space->epoch = IS_ALIGNED(epoch, 8) ? ihk_os_mem(os, epoch, sizeof(*space->epoch)) : NULL;
	good = space->epoch && IS_ALIGNED(root, PAGE_SIZE) && ihk_os_mem(os, root, PAGE_SIZE);
	ihk_leave(space->procs, token);
	if (!good) {
		pr_warn_ratelimited("ihk: os %d: a space outside of the instance's memory\n",
				    os->index);
		return -EIO;
	}
	return 0;
}

int ihk_space_deny_write(struct ihk_space *space, struct file *program)
{
	int err = deny_write_access(program);

	if (!err)
		space->program = get_file(program);
	return err;
}

struct ihk_space *ihk_space_find(struct ihk_procs *procs, u64 id)
{
	struct ihk_space *space;

	xa_lock(&procs->spaces);
	space = xa_load(&procs->spaces, SPACE_INDEX(id));
	if (space && space->id == id)
		kref_get(&space->ref);
	else
		space = NULL;
	xa_unlock(&procs->spaces);
	return space;
}

void ihk_space_bump(struct ihk_space *space, bool dead)
{
	down_write(&space->insert);
	/* Pairs with the acquire in the fault path: who sees the old number has looked before. */
	smp_store_release(&space->seq, space->seq + 1);
	if (dead)
		WRITE_ONCE(space->dead, true);
	up_write(&space->insert);
}

static struct file *get_under_insert(struct ihk_space *space, struct file **which)
{
	struct file *file;

	down_read(&space->insert);
	file = *which ? get_file(*which) : NULL;
	up_read(&space->insert);
	return file;
}

struct file *ihk_space_file(struct ihk_space *space)
{
	return get_under_insert(space, &space->file);
}

struct file *ihk_space_program(struct ihk_space *space)
{
	return get_under_insert(space, &space->program);
}

bool ihk_space_retire(struct ihk_space *space)
{
	struct ihk_procs *procs = space->procs;
	struct file *file, *program;

	ihk_space_bump(space, true);
	down_write(&space->insert);
	file = space->file;
	space->file = NULL;
	program = space->program;
	space->program = NULL;
	up_write(&space->insert);
	if (program) {
		allow_write_access(program);
		fput(program);
	}
	if (!file)
		return false;
	ihk_mirror_end(space);
	/* Foreign readers may keep the mm, and the shadow's pages in it, for long. */
	unmap_mapping_pages(file->f_mapping, 0, 0, true);
	xa_erase(&procs->spaces, SPACE_INDEX(space->id));
	fput(file);
	ihk_space_put(space);
	return true;
}

void ihk_space_retire_all(struct ihk_procs *procs)
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
		/* Another is at it: the space is found until its shadow shows nothing any more. */
		if (!ihk_space_retire(space))
			msleep(1);
		ihk_space_put(space);
	}
}

int ihk_space_add_slot(struct ihk_space *space, int want, struct page *page)
{
	u32 number = want;
	int err;

	mutex_lock(&space->lock);
	if (want < 0)
		err = xa_alloc(&space->slots, &number, page, XA_LIMIT(0, PROXY_SLOT_COUNT - 1),
			       GFP_KERNEL);
	else
		err = xa_insert(&space->slots, number, page, GFP_KERNEL);
	if (!err) {
		space->twins++;
		space->living++;
	}
	mutex_unlock(&space->lock);
	return err ? (err == -EBUSY && want < 0 ? -EAGAIN : err) : number;
}

void ihk_space_leave(struct ihk_space *space)
{
	bool last;

	mutex_lock(&space->lock);
	last = --space->living == 0;
	mutex_unlock(&space->lock);
	if (!last)
		return;
	ihk_mirror_close(space);
	ihk_space_bump(space, true);
}

/*
 * The page must not be seen by this program any more when it becomes another's,
 * nor by the next owner of the number. First nobody finds it, then no entry
 * shows it, and only then is the number free: until there it is reserved.
 */
void ihk_space_drop_slot(struct ihk_space *space, unsigned int number)
{
	struct file *file;
	bool last;

	mutex_lock(&space->lock);
	down_write(&space->insert);
	/* In the place of an entry: allocates nothing, and cannot fail. */
	xa_store(&space->slots, number, XA_ZERO_ENTRY, GFP_KERNEL);
	up_write(&space->insert);
	mutex_unlock(&space->lock);
	file = ihk_space_file(space);
	if (file) {
		unmap_mapping_pages(file->f_mapping, (PROXY_SLOTS >> PAGE_SHIFT) + number, 1, true);
		fput(file);
	}
	mutex_lock(&space->lock);
	down_write(&space->insert);
	xa_erase(&space->slots, number);
	up_write(&space->insert);
	last = --space->twins == 0;
	mutex_unlock(&space->lock);
	if (last)
		ihk_space_retire(space);
}
