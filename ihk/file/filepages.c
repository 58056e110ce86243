// SPDX-License-Identifier: GPL-2.0-only
/* The registry of files that the LWK maps privately or keeps pages of. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "object/object.h"
#include "file/file.h"

/* Files without opens whose id may still serve again. */
#define IDLE_MAX 1024

/*
 * A version of a file: pages read under one id belong together. Under
 * ihk_procs.file_lock, but for what is fixed at its making.
 */
struct ihk_file {
	u64 id; /* fixed */
	unsigned long opens; /* mappings' references, given back by the LWK */
	/* With a reference while opens > 0: written under xa_lock too, so that readers need no more. */
	struct file *real;
	/*
	 * May the id be handed out again? Then the file is in the hash, and the
	 * version is that of its making.
	 */
	bool again;
	struct ihk_version version;
	struct ihk_mark *marks[IHK_FILE_MARKS]; /* on, for life */
	u64 made, told; /* what they had counted at the making, and when the LWK was told last, */
	u64 told_at; /* with these news */
	struct hlist_node hash;
	struct list_head queue; /* in files_open while opens; in files_idle while again && !opens */
};

static void set_real(struct ihk_procs *procs, struct ihk_file *f, struct file *real)
{
	struct file *before;

	xa_lock(&procs->files);
	before = f->real;
	f->real = real;
	xa_unlock(&procs->files);
	if (before)
		fput(before);
}

static void idle_remove(struct ihk_procs *procs, struct ihk_file *f)
{
	if (!f->opens && !list_empty(&f->queue)) {
		list_del_init(&f->queue);
		procs->files_idle_count--;
	}
}

/* The id does not serve again. */
static void retire(struct ihk_procs *procs, struct ihk_file *f)
{
	if (!f->again)
		return;
	f->again = false;
	hash_del(&f->hash);
	idle_remove(procs, f);
}

static void drop(struct ihk_procs *procs, struct ihk_file *f)
{
	retire(procs, f);
	list_del(&f->queue);
	ihk_marks_put(f->marks);
	set_real(procs, f, NULL);
	xa_erase(&procs->files, f->id);
	kfree(f);
}

/* No opens any more: the file itself is let go, so that it can be unmounted. */
static void become_idle(struct ihk_procs *procs, struct ihk_file *f)
{
	if (!f->again) {
		drop(procs, f);
		return;
	}
	set_real(procs, f, NULL);
	list_move_tail(&f->queue, &procs->files_idle);
	if (++procs->files_idle_count > IDLE_MAX)
		drop(procs, list_first_entry(&procs->files_idle, struct ihk_file, queue));
}

/* A file whose pages, as far as they were read, are those of this version. */
static struct ihk_file *find_same(struct ihk_procs *procs, const struct ihk_version *now)
{
	struct hlist_node *next;
	struct ihk_file *f;

	hash_for_each_possible_safe(procs->file_hash, f, next, hash, now->ino) {
		if (f->version.sb != now->sb || f->version.ino != now->ino)
			continue;
		if (ihk_marks_changes(f->marks) == f->made && ihk_version_same(&f->version, now))
			return f;
		/* Another version of it, or another file by now. */
		if (f->opens)
			retire(procs, f);
		else
			drop(procs, f);
	}
	return NULL;
}

/*
 * The order is that of the rule: sample, marks, writers, and only then pages.
 * Whether the pages were read in between of changes is asked when the id is
 * to serve again: then the sample is the same, the marks are quiet, and there
 * is no writer.
 */
static struct ihk_file *make(struct ihk_procs *procs, struct file *outer, struct file *real,
			     const struct ihk_version *now)
{
	struct ihk_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->id = ++procs->file_next;
	f->version = *now;
	INIT_LIST_HEAD(&f->queue);
	if (!ihk_marks_get(outer, real, f->marks))
		goto nomem;
	f->made = f->told = ihk_marks_changes(f->marks);
	if (xa_err(xa_store(&procs->files, f->id, f, GFP_KERNEL)))
		goto nomem;
	/* The marks before the look at writers: who comes later is seen by them. */
	if (now->young || ihk_version_writers(outer, real))
		return f;
	f->again = true;
	hash_add(procs->file_hash, &f->hash, now->ino);
	return f;

nomem:
	ihk_marks_put(f->marks);
	kfree(f);
	return ERR_PTR(-ENOMEM);
}

/* Consumes the reference of `real` on success. */
static s64 open_locked(struct ihk_procs *procs, struct file *outer, struct file *real,
		       const struct ihk_version *now)
{
	struct ihk_file *f;

	/* Set before the stop forgets all files, under this lock. */
	if (READ_ONCE(procs->stopped))
		return -EIO;
	f = find_same(procs, now);
	if (!f || ihk_version_writers(outer, real))
		f = make(procs, outer, real, now);
	if (IS_ERR(f))
		return PTR_ERR(f);
	idle_remove(procs, f);
	if (f->opens++ == 0) {
		list_add_tail(&f->queue, &procs->files_open);
		set_real(procs, f, real);
	} else {
		fput(real);
	}
	return f->id;
}

bool ihk_file_noexec(const struct file *file)
{
	return (file->f_path.mnt->mnt_flags & MNT_NOEXEC) ||
	       (file->f_path.mnt->mnt_sb->s_iflags & SB_I_NOEXEC);
}

int ihk_file_open(struct ihk_procs *procs, struct file *file, unsigned long prot,
		  struct ihk_file_info *info)
{
	struct file *real = ihk_real_file(file, prot);
	struct ihk_version now;
	s64 id;

	memset(info, 0, sizeof(*info));
	if (IS_ERR_OR_NULL(real))
		return PTR_ERR_OR_ZERO(real);
	info->size = i_size_read(file_inode(real));
	/* Without the lock, since a file system may ask its server for the attributes. */
	id = ihk_version_sample(real, &now);
	if (!id) {
		mutex_lock(&procs->file_lock);
		id = open_locked(procs, file, real, &now);
		mutex_unlock(&procs->file_lock);
	}
	if (id < 0) {
		fput(real);
		return id;
	}
	info->id = id;
	return 0;
}

void ihk_file_idle(struct ihk_procs *procs, u64 id, u64 count)
{
	struct ihk_file *f;

	mutex_lock(&procs->file_lock);
	f = xa_load(&procs->files, id);
	if (READ_ONCE(procs->stopped)) {
		/* All are forgotten, or will be. */
	} else if (!f || count > f->opens) {
		pr_warn_ratelimited("ihk: os %d: %llu opens given back of file %llu, it has %lu\n",
				    procs->os->index, count, id, f ? f->opens : 0);
	} else if (count) {
		f->opens -= count;
		if (!f->opens)
			become_idle(procs, f);
	}
	mutex_unlock(&procs->file_lock);
}

/* Nothing of it is cached: the next open starts afresh. An unknown id was dropped here before. */
void ihk_file_forget(struct ihk_procs *procs, u64 id)
{
	struct ihk_file *f;

	mutex_lock(&procs->file_lock);
	f = xa_load(&procs->files, id);
	if (f && !f->opens)
		drop(procs, f);
	mutex_unlock(&procs->file_lock);
}

void ihk_file_forget_all(struct ihk_procs *procs)
{
	struct ihk_file *f;
	unsigned long id;

	mutex_lock(&procs->file_lock);
	xa_for_each(&procs->files, id, f)
		drop(procs, f);
	mutex_unlock(&procs->file_lock);
}

unsigned int ihk_files_changed(struct ihk_procs *procs, u64 news, u64 *id, unsigned int max)
{
	unsigned int count = 0;
	struct ihk_file *f;

	mutex_lock(&procs->file_lock);
	list_for_each_entry(f, &procs->files_open, queue) {
		u64 changes = ihk_marks_changes(f->marks);

		if (count == max)
			break;
		if (changes == f->told || f->told_at == news)
			continue;
		f->told = changes;
		f->told_at = news;
		id[count++] = f->id;
	}
	mutex_unlock(&procs->file_lock);
	return count;
}

void ihk_file_untold(struct ihk_procs *procs, u64 id)
{
	struct ihk_file *f;

	mutex_lock(&procs->file_lock);
	f = xa_load(&procs->files, id);
	if (f)
		f->told = f->told_at = 0; /* no count of marks, and no news */
	mutex_unlock(&procs->file_lock);
}

struct file *ihk_file_real(struct ihk_procs *procs, u64 id)
{
	struct file *real = NULL;
	struct ihk_file *f;

	xa_lock(&procs->files);
	f = xa_load(&procs->files, id);
	if (f && f->real)
		real = get_file(f->real);
	xa_unlock(&procs->files);
	return real;
}
