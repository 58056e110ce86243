// SPDX-License-Identifier: GPL-2.0-only
/* What a twin does in its wait without the proxy: publish what the LWK asks for, serve files. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>

#include "file/file.h"
#include "twin/twin.h"

/* As the calls that ask for them do in Linux: what a namespace of the program's own gives is not enough. */
static u32 kpage_caps(void)
{
	u32 caps = 0;

	if (ns_capable_noaudit(&init_user_ns, CAP_IPC_LOCK))
		caps |= KPAGE_CAP_IPC_LOCK;
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_RAWIO))
		caps |= KPAGE_CAP_SYS_RAWIO;
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_NICE))
		caps |= KPAGE_CAP_SYS_NICE;
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		caps |= KPAGE_CAP_SYS_ADMIN;
	return caps;
}

static void publish_ids(struct ihk_twin *twin)
{
	const struct cred *cred = current_cred();
	struct user_namespace *ns = cred->user_ns;
	struct kpage *k = twin->k;

	WRITE_ONCE(k->uid, from_kuid_munged(ns, cred->uid));
	WRITE_ONCE(k->euid, from_kuid_munged(ns, cred->euid));
	WRITE_ONCE(k->gid, from_kgid_munged(ns, cred->gid));
	WRITE_ONCE(k->egid, from_kgid_munged(ns, cred->egid));
	WRITE_ONCE(k->caps, kpage_caps());
	if (twin->cred)
		put_cred(twin->cred);
	twin->cred = get_cred(cred);
}

static u64 soft_limit(unsigned int which)
{
	return READ_ONCE(current->signal->rlim[which].rlim_cur);
}

void ihk_twin_publish(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;

	if (!twin->entered) {
		WRITE_ONCE(k->pid, task_tgid_vnr(current));
		WRITE_ONCE(k->tid, task_pid_vnr(current));
	}
	/* The reference keeps the address from being another's. */
	if (twin->cred != current_cred())
		publish_ids(twin);
	WRITE_ONCE(k->rlimit_as, soft_limit(RLIMIT_AS));
	WRITE_ONCE(k->rlimit_data, soft_limit(RLIMIT_DATA));
	WRITE_ONCE(k->rlimit_stack, soft_limit(RLIMIT_STACK));
	WRITE_ONCE(k->rlimit_memlock, soft_limit(RLIMIT_MEMLOCK));
	ihk_sched_publish(k, current);
	WRITE_ONCE(k->traced, current->ptrace != 0);
	WRITE_ONCE(k->linux_mask, ihk_sigset(&current->blocked));
}

#define ZERO_MINOR 5 /* /dev/zero */

static bool is_zero_device(struct inode *inode)
{
	return S_ISCHR(inode->i_mode) && inode->i_rdev == MKDEV(MEM_MAJOR, ZERO_MINOR);
}

/*
 * Shared, /dev/zero is anonymous memory too. Any other shared mapping is Linux's
 * own. Here it is refused for what Linux refuses before it takes away what lies at
 * the place; the rest its mmap() will judge.
 */
static s64 open_shared(struct file *file, unsigned long prot, unsigned long flags, u64 *page_size)
{
	const struct super_block *sb = file_inode(file)->i_sb;

	if (!(file->f_mode & FMODE_READ) || ((prot & PROT_WRITE) && !(file->f_mode & FMODE_WRITE)))
		return -EACCES;
	if ((prot & PROT_EXEC) && ihk_file_noexec(file))
		return -EPERM;
	if (is_zero_device(file_inode(file)))
		return 0;
	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE &&
	    (flags & ~(LEGACY_MAP_MASK | file->f_op->mmap_supported_flags)))
		return -EOPNOTSUPP;
	if (IS_APPEND(file_inode(file)) && (file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (!file->f_op->mmap)
		return -ENODEV;
	if ((flags & MAP_GROWSDOWN) || ((flags & MAP_HUGETLB) && sb->s_magic != HUGETLBFS_MAGIC))
		return -EINVAL;
	*page_size = sb->s_magic == HUGETLBFS_MAGIC ? sb->s_blocksize : PAGE_SIZE;
	return 0;
}

static unsigned long never_allowed(struct file *file, bool shared)
{
	unsigned long never = ihk_file_noexec(file) ? PROT_EXEC : 0;

	return shared && !(file->f_mode & FMODE_WRITE) ? never | PROT_WRITE : never;
}

static s64 file_open(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	struct ihk_file_info info = {};
	struct file *file = fget(k->karg[0]);
	unsigned long prot = k->karg[1] & (PROT_READ | PROT_WRITE | PROT_EXEC);
	bool shared = k->karg[2];
	u64 page_size = 0;
	s64 err;

	if (!file)
		return -EBADF;
	err = shared ? open_shared(file, prot, k->karg[3], &page_size)
		     : ihk_file_open(twin->procs, file, prot, &info);
	k->kout[0] = info.id;
	k->kout[1] = info.size;
	k->kout[2] = never_allowed(file, shared);
	k->kout[3] = page_size;
	fput(file);
	return err;
}

static s64 file_read(struct ihk_twin *twin)
{
	const struct kpage *k = twin->k;

	return ihk_file_read(twin->procs, k->karg[0], k->karg[1], k->list, k->karg[2], false);
}

/* As sched_setaffinity() judges; what a security module says of it cannot be asked. */
static bool may_schedule(struct task_struct *task)
{
	const struct cred *own = current_cred(), *other = __task_cred(task);

	return uid_eq(own->euid, other->euid) || uid_eq(own->euid, other->uid) ||
	       ns_capable(other->user_ns, CAP_SYS_NICE);
}

static s64 thread_find(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	struct task_struct *task;
	struct ihk_twin *found;
	s64 err = -ESRCH;

	k->kout[0] = 0;
	rcu_read_lock();
	task = pid_task(find_vpid(k->karg[0]), PIDTYPE_PID);
	if (task) {
		err = k->karg[1] && !may_schedule(task) ? -EPERM : 0;
		found = ihk_twin_of(task);
		if (!err && found && found->procs == twin->procs)
			k->kout[0] = found->thread;
	}
	rcu_read_unlock();
	return err;
}

/* A mapping is made by the next call, or, if that cannot take its address, by the one behind it. */
#define OPEN_CALLS 2

static s64 mirror_request(struct ihk_twin *twin, u32 kind)
{
	const struct kpage *k = twin->k;
	s64 err;

	switch (kind) {
	case REQ_MIRROR_OPEN:
		err = ihk_window_open(twin->space, k->karg[0], k->karg[1]);
		twin->open_start = k->karg[0];
		twin->open_len = err ? 0 : k->karg[1] - k->karg[0];
		twin->open_calls = OPEN_CALLS;
		return err;
	case REQ_MIRROR_CLOSE:
		twin->open_len = 0;
		return ihk_window_close(twin->space, k->karg[0], k->karg[1]);
	default:
		return ihk_mirror_fault(twin->space, k->karg[0], k->karg[1] == FAULT_WRITE,
					k->karg[2]);
	}
}

s64 ihk_twin_serve(struct ihk_twin *twin, u32 kind)
{
	switch (kind) {
	case REQ_FILE_OPEN:
		return file_open(twin);
	case REQ_FILE_READ:
		return file_read(twin);
	case REQ_THREAD_FIND:
		return thread_find(twin);
	case REQ_MIRROR_OPEN:
	case REQ_MIRROR_CLOSE:
	case REQ_MIRROR_FAULT:
		return mirror_request(twin, kind);
	default:
		return -ENOSYS;
	}
}
