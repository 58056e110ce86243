// SPDX-License-Identifier: GPL-2.0-only
/* Is a file still what it was? Attributes, writers, and marks that see changes. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/iversion.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/stat.h>

#include "file/file.h"

/*
 * One mark per inode. `changes` is raised by the event or the freeing, in any
 * context; who uses the mark compares it with what it was. Each user holds a
 * reference of it; `users` counts them, under mark_lock, and the last one takes
 * it off.
 */
struct ihk_mark {
	struct fsnotify_mark mark;
	unsigned int users;
	atomic64_t changes;
};

static struct fsnotify_group *group;
static DEFINE_MUTEX(mark_lock);

static struct ihk_mark *to_mark(struct fsnotify_mark *mark)
{
	return container_of(mark, struct ihk_mark, mark);
}

static int on_event(struct fsnotify_mark *mark, u32 mask, struct inode *inode, struct inode *dir,
		    const struct qstr *name, u32 cookie)
{
	atomic64_inc(&to_mark(mark)->changes);
	ihk_files_news();
	return 0;
}

/* The inode is evicted, its file system gone, or the mark taken off. */
static void on_freeing(struct fsnotify_mark *mark, struct fsnotify_group *of)
{
	atomic64_inc(&to_mark(mark)->changes);
}

static void on_free(struct fsnotify_mark *mark)
{
	kfree(to_mark(mark));
}

static const struct fsnotify_ops mark_ops = {
	.handle_inode_event = on_event,
	.freeing_mark = on_freeing,
	.free_mark = on_free,
};

int ihk_version_init(void)
{
	group = fsnotify_alloc_group(&mark_ops, FSNOTIFY_GROUP_NOFS);
	return PTR_ERR_OR_ZERO(group);
}

/* All marks are off: no file of any instance is left. */
void ihk_version_exit(void)
{
	fsnotify_put_group(group);
	fsnotify_wait_marks_destroyed();
}

/* Context: mark_lock. A fresh mark; marks keep no inode from being evicted. */
static struct ihk_mark *mark_add(struct inode *inode, u32 mask)
{
	struct ihk_mark *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	fsnotify_init_mark(&m->mark, group);
	m->mark.mask = mask;
	m->mark.flags |= FSNOTIFY_MARK_FLAG_NO_IREF;
	m->users = 1;
	atomic64_set(&m->changes, 1);
	if (!fsnotify_add_inode_mark(&m->mark, inode, 0))
		return m;
	fsnotify_put_mark(&m->mark);
	return NULL;
}

static struct ihk_mark *mark_get(struct inode *inode, u32 mask)
{
	struct fsnotify_mark *found;
	struct ihk_mark *m;

	mutex_lock(&mark_lock);
	found = fsnotify_find_mark(&inode->i_fsnotify_marks, group);
	if (found) {
		/* A group has one mark per inode. */
		m = to_mark(found);
		m->users++;
	} else {
		m = mark_add(inode, mask);
	}
	mutex_unlock(&mark_lock);
	return m;
}

static void mark_put(struct ihk_mark *m)
{
	mutex_lock(&mark_lock);
	if (--m->users == 0)
		fsnotify_destroy_mark(&m->mark, group);
	mutex_unlock(&mark_lock);
	fsnotify_put_mark(&m->mark);
}

bool ihk_marks_get(struct file *outer, struct file *real, struct ihk_mark *marks[IHK_FILE_MARKS])
{
	struct super_block *sb = file_inode(real)->i_sb;
	int i;

	marks[0] = mark_get(file_inode(real), FS_MODIFY | FS_CLOSE_WRITE);
	marks[1] = mark_get(file_inode(outer), FS_MODIFY | FS_CLOSE_WRITE);
	marks[2] = sb->s_root ? mark_get(d_inode(sb->s_root), FS_UNMOUNT) : NULL;
	for (i = 0; i < IHK_FILE_MARKS; i++)
		if (!marks[i])
			break;
	if (i == IHK_FILE_MARKS)
		return true;
	ihk_marks_put(marks);
	return false;
}

u64 ihk_marks_changes(struct ihk_mark *marks[IHK_FILE_MARKS])
{
	u64 sum = 0;
	int i;

	for (i = 0; i < IHK_FILE_MARKS; i++)
		sum += atomic64_read(&marks[i]->changes);
	return sum;
}

void ihk_marks_put(struct ihk_mark *marks[IHK_FILE_MARKS])
{
	int i;

	for (i = 0; i < IHK_FILE_MARKS; i++) {
		if (marks[i])
			mark_put(marks[i]);
		marks[i] = NULL;
	}
}

static int get_attributes(struct file *real, struct kstat *stat)
{
	struct inode *inode = file_inode(real);
	struct path path = { .mnt = real->f_path.mnt, .dentry = file_dentry(real) };

	/* An overlay has copied it up since: the path leads to another inode now. */
	if (d_inode(path.dentry) != inode) {
		generic_fillattr(&init_user_ns, inode, stat);
		return 0;
	}
	return vfs_getattr_nosec(&path, stat, STATX_BASIC_STATS, AT_STATX_FORCE_SYNC);
}

/* Younger than the clock of its file system can tell a next change from the last. */
static bool is_young(struct inode *inode, const struct timespec64 *ctime)
{
	s64 tick = max_t(s64, 2 * TICK_NSEC, 2LL * inode->i_sb->s_time_gran);
	struct timespec64 now;

	ktime_get_coarse_real_ts64(&now);
	return timespec64_to_ns(&now) - timespec64_to_ns(ctime) <= tick;
}

int ihk_version_sample(struct file *real, struct ihk_version *version)
{
	struct inode *inode = file_inode(real);
	struct kstat stat;
	int err;

	memset(version, 0, sizeof(*version));
	err = get_attributes(real, &stat);
	if (err)
		return err;
	version->sb = inode->i_sb;
	version->ino = inode->i_ino;
	version->generation = inode->i_generation;
	version->dev = stat.dev;
	version->size = stat.size;
	version->ctime = stat.ctime;
	version->mtime = stat.mtime;
	version->has_change = IS_I_VERSION(inode);
	if (version->has_change)
		version->change = inode_query_iversion(inode);
	version->young = !version->has_change && is_young(inode, &stat.ctime);
	/* The times before the data: they change first. */
	smp_mb();
	return 0;
}

bool ihk_version_same(const struct ihk_version *a, const struct ihk_version *b)
{
	return a->sb == b->sb && a->ino == b->ino && a->generation == b->generation &&
	       a->dev == b->dev && a->size == b->size && timespec64_equal(&a->ctime, &b->ctime) &&
	       timespec64_equal(&a->mtime, &b->mtime) && a->has_change == b->has_change &&
	       a->change == b->change;
}

/*
 * A memfd, and whatever else the kernel makes in a file system of its own, is
 * open for writing without being counted, and a shared mapping of it changes
 * neither times nor marks: it can have a writer at any time.
 */
static bool uncounted_writers(struct file *real)
{
	return file_inode(real)->i_sb->s_flags & SB_KERNMOUNT;
}

bool ihk_version_writers(struct file *outer, struct file *real)
{
	return uncounted_writers(real) || atomic_read(&file_inode(real)->i_writecount) > 0 ||
	       mapping_writably_mapped(real->f_mapping) ||
	       atomic_read(&file_inode(outer)->i_writecount) > 0;
}
