/* SPDX-License-Identifier: GPL-2.0-only */
/* move_pages and migrate_pages: where pages are, and bringing them to other nodes. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/numa.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"
#include "mck/task.h"

/* ---- whose ---- */

/*
 * Not of one whose execve is still being carried out: its stack is written by
 * the kernel, frame by frame; nor of one that has left its space. No space has the
 * number 0.
 */
static void space_of(struct thread *t, void *arg)
{
	*(u64 *)arg = t->space && t->ran ? t->space->id : 0;
}

/*
 * The number of a process's space: it is pinned for each step alone. Who ends it
 * waits for that, and we may wait for the program's memory in between, for as long
 * as a debugger or a file server likes. 0; -ESRCH or -EPERM, as Linux says; or 1: it is
 * none of this instance, and all of the call is Linux's.
 */
static s64 space_named(u64 pid, u64 *id)
{
	struct thread *t = current_thread();
	u64 thread;
	s64 err;

	if ((u32)pid == 0 || (u32)pid == t->kpage->tid) {
		*id = t->space->id;
		return 0;
	}
	err = thread_of_tid((u32)pid, false);
	if (err)
		return err;
	thread = t->kpage->kout[0];
	if (!thread)
		return 1;
	*id = 0;
	thread_with(thread, space_of, id);
	return *id ? 0 : -ESRCH;
}

/* ---- move_pages ---- */

struct move_call {
	u64 pid, pages, nodes, status, flags;
	u64 space; /* its number */
};

/* One page, told by its own status: that of Linux's memory is Linux's to move and tell. */
static s64 page_in_linux(const struct move_call *c, u64 i)
{
	const u64 arg[6] = { c->pid,
			     1,
			     c->pages + i * sizeof(u64),
			     c->nodes ? c->nodes + i * sizeof(s32) : 0,
			     c->status + i * sizeof(s32),
			     c->flags };

	return offload_syscall(NR_move_pages, arg);
}

static s64 tell_status(const struct move_call *c, u64 i, s32 status)
{
	return copy_to_user(c->status + i * sizeof(status), &status, sizeof(status));
}

static bool node_pick(const struct region *r, u32 node, u64 va, int level, void *arg,
		      struct where *w)
{
	s32 target = *(const s32 *)arg;

	(void)r;
	(void)va;
	(void)level;
	*w = (struct where){ target, 1U << target, 0 };
	return (s32)node != target;
}

/* May pages be sent to this node at all? */
static s64 node_check(s32 node)
{
	if (node < 0 || node >= ABI_MAX_NODES)
		return -ENODEV;
	if (phys_nodes() >> node & 1)
		return 0;
	/* One of Linux's, which the instance has no memory of. */
	return boot_params->distance[node][node] ? -EACCES : -ENODEV;
}

#define SPACE_GONE (-ESRCH) /* no status of a page */

/* What the page's status is, or becomes, with node >= 0; *unmoved: it should have moved, and could not. -EINTR: the thread must end. */
static s32 page_move(struct space *s, const struct move_call *c, u64 addr, s32 node, bool *unmoved)
{
	struct migration m = { .pick = node_pick, .arg = &node };
	s32 now = space_node(s, addr);
	int err;

	if (now < 0 || node < 0 || now == node)
		return now;
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	err = space_migrate(s, addr, addr + PAGE_SIZE, &m);
	if (err)
		return err;
	if (m.shared)
		return c->flags & MPOL_MF_MOVE_ALL ? -EBUSY : -EACCES;
	*unmoved = m.failed;
	return space_node(s, addr);
}

static s32 page_status(const struct move_call *c, u64 addr, s32 node, bool *unmoved)
{
	struct space *s = space_pin(c->space);
	s32 status;

	if (!s)
		return SPACE_GONE;
	status = page_move(s, c, addr, node, unmoved);
	space_unpin(s);
	return status;
}

/* 0, -errno, or 1: the page could not be moved, which ends the call as on Linux. */
static s64 page_tell(const struct move_call *c, u64 i, u64 addr, s32 node)
{
	bool unmoved = false;
	s32 status = page_status(c, addr, node, &unmoved);

	if (status == -EXDEV)
		return page_in_linux(c, i);
	if (status == -EINTR || status == SPACE_GONE)
		return status;
	return unmoved ? 1 : tell_status(c, i, status);
}

/* The same. */
static s64 move_one(const struct move_call *c, u64 i)
{
	s32 node;
	u64 addr;
	s64 err;

	if (copy_from_user(&addr, c->pages + i * sizeof(addr), sizeof(addr)) ||
	    copy_from_user(&node, c->nodes + i * sizeof(node), sizeof(node)))
		return -EFAULT;
	err = node_check(node);
	if (err)
		return err;
	return page_tell(c, i, addr, node);
}

static s64 ask_one(const struct move_call *c, u64 i)
{
	u64 addr;

	if (copy_from_user(&addr, c->pages + i * sizeof(addr), sizeof(addr)))
		return -EFAULT;
	return page_tell(c, i, addr, NO_NODE);
}

static s64 move_all(const struct move_call *c, u64 count)
{
	for (u64 i = 0; i < count; i++) {
		s64 ret = c->nodes ? move_one(c, i) : ask_one(c, i);

		if (ret < 0)
			return ret;
		if (ret > 0)
			return (s64)(count - i);
		if (!sched_turn())
			return -EINTR;
	}
	return 0;
}

s64 sys_move_pages(const u64 arg[6])
{
	struct move_call c = { (u32)arg[0], arg[2], arg[3], arg[4], (u32)arg[5], 0 };
	const u64 of_no_page[6] = { arg[0], 0, 0, 0, 0, c.flags };
	s64 ret = 0;

	if (c.flags & ~(u64)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if ((c.flags & MPOL_MF_MOVE_ALL) && !numa_may_all())
		return -EPERM;
	/* Whether we may look into another: Linux's judgment. */
	if (c.pid && c.pid != current_thread()->kpage->tid)
		ret = offload_syscall(NR_move_pages, of_no_page);
	if (ret)
		return ret;
	ret = space_named(arg[0], &c.space);
	if (ret)
		return ret > 0 ? offload_syscall(NR_move_pages, arg) : ret;
	return move_all(&c, arg[1]);
}

/* ---- migrate_pages ---- */

struct migrate_call {
	u32 from, to;
};

static bool migrate_pick(const struct region *r, u32 node, u64 va, int level, void *arg,
			 struct where *w)
{
	const struct migrate_call *c = arg;
	int target = policy_remap(node, c->from, c->to);

	(void)r;
	(void)va;
	(void)level;
	if (target == NO_NODE)
		return false;
	*w = (struct where){ target, 1U << target, 0 };
	return true;
}

static s64 migrate_pinned(struct space *s, struct migrate_call *c)
{
	struct migration m = { .pick = migrate_pick, .arg = c };
	struct region r;
	s64 err = 0;

	for (u64 at = 0; at < SHADOW_END && !err;) {
		u64 length = space_piece(s, at, &r);

		if (length && !(r.flags & REGION_MIRROR))
			err = space_migrate(s, at, at + length, &m);
		at += length ? length : space_hole(s, at);
		/* Who ends it waits for us. */
		if (!err && space_has_ended(s))
			err = -ESRCH;
		if (!err && !sched_turn())
			err = -EINTR;
	}
	return err ? err : (s64)m.failed;
}

static s64 migrate_ours(u64 id, struct migrate_call *c)
{
	struct space *s = space_pin(id);
	s64 ret;

	if (!s)
		return -ESRCH;
	ret = migrate_pinned(s, c);
	space_unpin(s);
	return ret;
}

/*
 * Linux first: it moves what is its own in the program (mirrors), and its
 * judgment of arguments and rights is the call's. Then what is ours.
 */
s64 sys_migrate_pages(const u64 arg[6])
{
	struct user_nodes from, to;
	struct migrate_call c;
	u64 space;
	s64 left, ret = nodes_from_user(&from, arg[2], arg[1]);

	if (!ret)
		ret = nodes_from_user(&to, arg[3], arg[1]);
	if (ret)
		return ret;
	left = offload_syscall(NR_migrate_pages, arg);
	if (left < 0)
		return left;
	ret = space_named(arg[0], &space);
	if (ret)
		return ret > 0 ? left : ret;
	c = (struct migrate_call){ (u32)from.word[0], (u32)to.word[0] & phys_nodes() };
	ret = c.to ? migrate_ours(space, &c) : -EINVAL;
	return ret < 0 ? ret : ret + left;
}
