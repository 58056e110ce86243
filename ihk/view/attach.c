// SPDX-License-Identifier: GPL-2.0-only
/* Recognises files that show the LWK's truth, and puts our way of reading into them. */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "twin/twin.h"
#include "view/view.h"

#define PATH_MAX_HERE 128 /* no path of the table is longer */
#define TEXT_MIN 16384 /* room for a piece of text */
#define TEXT_MAX (4UL << 20)

enum place { IN_PROCESS, IN_PROC, IN_SYS, IN_NODE };

struct ihk_view_kind {
	enum place place;
	const char *path; /* from the file system's root, or the process's or node's folder */
	ihk_view_maker *make;
	/*
	 * As in Linux: of the program that there is when the file is opened, for who may trace
	 * it; or of that which there is when it is read, for everybody.
	 */
	enum { OF_OPEN, OF_READ } of;
};

/* The one table of files that show what is the LWK's. */
static const struct ihk_view_kind kinds[] = {
	{ IN_PROCESS, "maps", ihk_view_maps },
	{ IN_PROCESS, "smaps", ihk_view_smaps },
	{ IN_PROCESS, "smaps_rollup", ihk_view_smaps_rollup },
	{ IN_PROCESS, "numa_maps", ihk_view_numa_maps },
	{ IN_PROCESS, "status", ihk_view_status, OF_READ },
	{ IN_PROCESS, "stat", ihk_view_stat, OF_READ },
	{ IN_PROCESS, "statm", ihk_view_statm, OF_READ },
	{ IN_PROC, "/cpuinfo", ihk_view_cpuinfo },
	{ IN_PROC, "/meminfo", ihk_view_meminfo },
	{ IN_SYS, "/devices/system/cpu/online", ihk_view_cpus },
	{ IN_SYS, "/devices/system/cpu/possible", ihk_view_cpus },
	{ IN_SYS, "/devices/system/cpu/present", ihk_view_cpus },
	{ IN_NODE, "cpulist", ihk_view_node_cpulist },
	{ IN_NODE, "cpumap", ihk_view_node_cpumap },
	{ IN_NODE, "meminfo", ihk_view_node_meminfo },
};

/* ---- whose ---- */

/* The program that an mm shows to Linux, with a reference, or NULL: it is not the LWK's. */
static struct ihk_space *space_of(struct mm_struct *mm)
{
	struct ihk_space *space = NULL;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	if (mmap_read_lock_killable(mm))
		return NULL;
	for_each_vma(vmi, vma) {
		if (vma->vm_file && vma->vm_file->f_op == &ihk_space_fops) {
			space = vma->vm_file->private_data;
			kref_get(&space->ref);
			break;
		}
	}
	mmap_read_unlock(mm);
	return space;
}

/* The thread of its number in the file system's pid namespace, with a reference, or NULL. */
static struct task_struct *task_of(const struct file *file, pid_t nr)
{
	struct dentry *dentry = file->f_path.dentry;
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_pid_ns(nr, proc_pid_ns(dentry->d_sb)), PIDTYPE_PID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	/*
	 * Is that the task that the file was opened for, by whose rights? Of tasks that live one
	 * alone has the number: if the file's still does, it has had it all the time.
	 */
	if (task && dentry->d_op && dentry->d_op->d_revalidate &&
	    dentry->d_op->d_revalidate(dentry, 0) == 1)
		return task;
	if (task)
		put_task_struct(task);
	return NULL;
}

/*
 * Linux has checked at the open who may see a program's areas. It does so once more, for
 * this very program: an execve in between would have brought another, perhaps a set-id one.
 * `mm` has users, so no other one can have its address.
 */
static bool may_see(const struct file *file, struct task_struct *task, struct mm_struct *mm)
{
	struct file *again = dentry_open(&file->f_path, O_RDONLY, current_cred());
	struct mm_struct *now;

	if (IS_ERR(again))
		return false;
	fput(again);
	now = get_task_mm(task);
	if (now)
		mmput(now);
	return now == mm;
}

static void view_forget(struct ihk_view *view)
{
	if (view->mm)
		mmdrop(view->mm);
	if (view->space)
		ihk_space_put(view->space);
	view->mm = NULL;
	view->space = NULL;
	view->thread = 0;
}

/* The program of the view's task, as it is now. False: it is none of the LWK's. */
static bool view_of_task(struct ihk_view *view, const struct file *file)
{
	struct task_struct *task = task_of(file, view->number);
	struct mm_struct *mm = task ? get_task_mm(task) : NULL;
	struct ihk_twin *twin;

	view_forget(view);
	if (mm) {
		if (view->kind->of == OF_READ || may_see(file, task, mm))
			view->space = space_of(mm);
		if (view->space) {
			mmgrab(mm);
			view->mm = mm;
		}
		mmput(mm);
	}
	if (view->space) {
		rcu_read_lock();
		twin = ihk_twin_of(task);
		view->thread = twin ? twin->thread : 0;
		rcu_read_unlock();
	}
	if (task)
		put_task_struct(task);
	return view->space;
}

/* ---- the text ---- */

/* Of a task that is not the LWK's any more. */
static int linux_as_is(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file);

	if (IS_ERR(text))
		return PTR_ERR(text);
	seq_puts(m, text);
	kvfree(text);
	*next = IHK_VIEW_END;
	return 0;
}

static int text_try(struct ihk_view *view, struct file *file, struct seq_file *m, size_t size)
{
	u64 next = view->next;
	int err;

	*m = (struct seq_file){ .size = size, .file = file };
	m->buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!m->buf)
		return -ENOMEM;
	if (view->kind->place == IN_PROCESS && !view->space)
		err = linux_as_is(view, file, m, &next);
	else
		err = view->kind->make(view, file, m, &next);
	if (!err && seq_has_overflowed(m))
		err = -EOVERFLOW;
	if (err)
		kvfree(m->buf);
	else
		view->next = next;
	return err;
}

/* The next piece, in the place of the one that is there. */
static int text_go_on(struct ihk_view *view, struct file *file)
{
	size_t size = TEXT_MIN;
	struct seq_file m;
	int err;

	do
		err = text_try(view, file, &m, size);
	while (err == -EOVERFLOW && (size *= 4) <= TEXT_MAX);
	if (err)
		return err;
	kvfree(view->text);
	view->text = m.buf;
	view->start += view->length;
	view->length = m.count;
	return 0;
}

/* The piece with `pos` in it; behind the end the last one. */
static int text_find(struct ihk_view *view, struct file *file, loff_t pos)
{
	int err = 0;

	/* As Linux's files: who begins anew sees it as it is now. */
	if (!pos || !view->text || pos < view->start) {
		view->start = view->length = 0;
		view->next = 0;
		if (view->kind->of == OF_READ)
			view_of_task(view, file);
		err = text_go_on(view, file);
	}
	while (!err && pos >= view->start + view->length && view->next != IHK_VIEW_END)
		err = fatal_signal_pending(current) ? -EINTR : text_go_on(view, file);
	return err;
}

static ssize_t view_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct ihk_view *view = container_of(file->f_op, struct ihk_view, fops);
	size_t skip;
	ssize_t ret;

	if (iocb->ki_pos < 0)
		return -EINVAL;
	if (mutex_lock_killable(&view->lock))
		return -EINTR;
	ret = text_find(view, file, iocb->ki_pos);
	if (!ret && iocb->ki_pos < view->start + view->length) {
		skip = iocb->ki_pos - view->start;
		ret = copy_to_iter(view->text + skip, view->length - skip, to);
		iocb->ki_pos += ret;
		if (!ret && iov_iter_count(to))
			ret = -EFAULT;
	}
	mutex_unlock(&view->lock);
	return ret;
}

static ssize_t view_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct iovec iov = { .iov_base = buf, .iov_len = count };
	struct iov_iter iter;
	struct kiocb kiocb;
	ssize_t ret;

	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = *pos;
	iov_iter_init(&iter, READ, &iov, 1, count);
	ret = view_read_iter(&kiocb, &iter);
	*pos = kiocb.ki_pos;
	return ret;
}

/* What reads Linux's text into a kernel buffer: its files have one of these. */
static ssize_t linux_read(struct ihk_view *view, struct kiocb *kiocb, struct iov_iter *to)
{
	if (view->linux_fops->read_iter)
		return view->linux_fops->read_iter(kiocb, to);
	return seq_read_iter(kiocb, to);
}

static ssize_t linux_read_all(struct ihk_view *view, struct file *file, char *buf, size_t size)
{
	struct kiocb kiocb;
	size_t done = 0;
	ssize_t got;

	init_sync_kiocb(&kiocb, file);
	do {
		struct kvec vec = { .iov_base = buf + done, .iov_len = size - done };
		struct iov_iter iter;

		iov_iter_kvec(&iter, READ, &vec, 1, vec.iov_len);
		got = linux_read(view, &kiocb, &iter);
		done += max(got, 0L);
	} while (got > 0 && done < size);
	return got < 0 ? got : done;
}

char *ihk_view_linux_text(struct ihk_view *view, struct file *file)
{
	ssize_t length;
	char *buf;

	for (size_t size = TEXT_MIN; size <= TEXT_MAX; size *= 4) {
		buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!buf)
			return ERR_PTR(-ENOMEM);
		length = linux_read_all(view, file, buf, size - 1);
		if (length >= 0 && length < size - 1) {
			buf[length] = 0;
			return buf;
		}
		kvfree(buf);
		if (length < 0)
			return ERR_PTR(length);
	}
	return ERR_PTR(-EOVERFLOW);
}

void ihk_view_put_kib(struct seq_file *m, const char *name, u64 bytes)
{
	seq_printf(m, "%s:%*llu kB\n", name, 23 - (int)strlen(name), bytes >> 10);
}

char *ihk_view_line(char **text)
{
	char *line = strsep(text, "\n");

	return line && (*text || *line) ? line : NULL;
}

/* ---- the file ---- */

static void view_free(struct ihk_view *view)
{
	view_forget(view);
	ihk_procs_put(view->procs);
	kvfree(view->text);
	kfree(view);
}

/* What Linux still looks at behind ->release. */
static const struct file_operations released_fops = { .owner = THIS_MODULE };

static int view_release(struct inode *inode, struct file *file)
{
	struct ihk_view *view = container_of(file->f_op, struct ihk_view, fops);
	const struct file_operations *linux_fops = view->linux_fops;

	file->f_op = &released_fops;
	view_free(view);
	return linux_fops->release ? linux_fops->release(inode, file) : 0;
}

/* Operations of Linux's own, through which we can read what it would show. */
static bool is_readable(const struct file *file, const struct file_operations *fops)
{
	return (file->f_mode & FMODE_READ) && !(file->f_mode & FMODE_WRITE) && !fops->owner &&
	       (fops->read_iter || fops->read == seq_read);
}

/*
 * From here on the file is read our way. Another thread may use it already: it finds either
 * operations whole, and each of ours is there where Linux's is. False: another one, who
 * says that he has opened it as well, was first.
 */
static bool view_attach(struct ihk_view *view, struct file *file,
			const struct file_operations *fops)
{
	view->linux_fops = fops;
	view->fops = *fops;
	view->fops.owner = THIS_MODULE;
	view->fops.read = fops->read ? view_read : NULL;
	view->fops.read_iter = fops->read_iter ? view_read_iter : NULL;
	view->fops.splice_read = fops->splice_read ? generic_file_splice_read : NULL;
	view->fops.llseek = no_seek_end_llseek;
	view->fops.release = view_release;
	__module_get(THIS_MODULE);
	if (cmpxchg(&file->f_op, fops, &view->fops) == fops)
		return true;
	module_put(THIS_MODULE);
	return false;
}

/* ---- which ---- */

/* "/N/NAME" or "/N/task/N/NAME": the name, and the last number; NULL: it is not so. */
static const char *in_process(const char *path, u32 *nr)
{
	char *end;

	*nr = simple_strtoul(path + 1, &end, 10);
	if (end == path + 1)
		return NULL;
	if (!strncmp(end, "/task/", 6)) {
		path = end + 5;
		*nr = simple_strtoul(path + 1, &end, 10);
		if (end == path + 1)
			return NULL;
	}
	return *end == '/' ? end + 1 : NULL;
}

static const char *in_node(const char *path, u32 *nr)
{
	size_t length = str_has_prefix(path, "/devices/system/node/node");
	char *end;

	if (!length)
		return NULL;
	*nr = simple_strtoul(path + length, &end, 10);
	return end > path + length && *end == '/' ? end + 1 : NULL;
}

static bool fits(const struct ihk_view_kind *kind, bool is_proc, const char *path, const char *name)
{
	switch (kind->place) {
	case IN_PROCESS:
		return is_proc && name && !strcmp(name, kind->path);
	case IN_PROC:
		return is_proc && !strcmp(path, kind->path);
	case IN_SYS:
		return !is_proc && !strcmp(path, kind->path);
	case IN_NODE:
		return !is_proc && name && !strcmp(name, kind->path);
	}
	return false;
}

/* *nr: the number of the process's, thread's or node's folder, if it lies in one. */
static const struct ihk_view_kind *kind_of(const struct file *file, u32 *nr)
{
	unsigned long magic = file_inode(file)->i_sb->s_magic;
	bool is_proc = magic == PROC_SUPER_MAGIC;
	char buf[PATH_MAX_HERE];
	const char *path, *name;
	unsigned int i;

	if (!is_proc && magic != SYSFS_MAGIC)
		return NULL;
	path = dentry_path_raw(file->f_path.dentry, buf, sizeof(buf));
	if (IS_ERR(path))
		return NULL;
	name = is_proc ? in_process(path, nr) : in_node(path, nr);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (fits(&kinds[i], is_proc, path, name))
			return &kinds[i];
	return NULL;
}

static void view_try(struct file *file)
{
	const struct file_operations *fops = READ_ONCE(file->f_op);
	const struct ihk_twin *twin = ihk_twin_of(current);
	const struct ihk_view_kind *kind;
	struct ihk_view *view;
	u32 nr = 0;

	kind = kind_of(file, &nr);
	if (!kind || !is_readable(file, fops))
		return;
	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (!view)
		return; /* Linux's own is better than none */
	view->kind = kind;
	view->number = nr;
	view->procs = ihk_procs_ref(twin->procs);
	mutex_init(&view->lock);
	if ((kind->place == IN_PROCESS && !view_of_task(view, file)) ||
	    !view_attach(view, file, fops))
		view_free(view);
}

void ihk_view_opened(unsigned int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return;
	view_try(file);
	fput(file);
}
