/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA policies of threads and of mappings, as mbind(2) and its kin have them. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/numa.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

#define MPOL_F_NODE 1U
#define MPOL_F_ADDR 2U
#define MPOL_F_MEMS_ALLOWED 4U

/* ---- sets of nodes, as programs pass them ---- */

s64 nodes_from_user(struct user_nodes *nodes, u64 mask, u64 maxnode)
{
	u64 words, word;

	*nodes = (struct user_nodes){ 0 };
	maxnode--;
	if (!maxnode || !mask)
		return 0;
	if (maxnode > PAGE_SIZE * 8)
		return -EINVAL;
	/* What is more than Linux knows has to be empty, by whole words from the end. */
	while (maxnode > POLICY_NODES) {
		if (copy_from_user(&word, mask + (maxnode - 1) / 64 * sizeof(word), sizeof(word)))
			return -EFAULT;
		if (word)
			return -EINVAL;
		maxnode = MAX(maxnode - 64, (u64)POLICY_NODES);
	}
	words = ALIGN_UP(maxnode, 64UL) / 64;
	if (copy_from_user(nodes->word, mask, words * sizeof(nodes->word[0])))
		return -EFAULT;
	if (maxnode % 64)
		nodes->word[words - 1] &= (1UL << maxnode % 64) - 1;
	return 0;
}

static s64 nodes_to_user(u64 mask, u64 maxnode, u64 nodes)
{
	u64 size = ALIGN_UP(maxnode - 1, 64UL) / 8;

	if (size > sizeof(nodes)) {
		if (size > PAGE_SIZE)
			return -EINVAL;
		if (clear_user(mask + sizeof(nodes), size - sizeof(nodes)))
			return -EFAULT;
		size = sizeof(nodes);
	}
	return copy_to_user(mask, &nodes, size) ? -EFAULT : 0;
}

bool numa_may_all(void)
{
	return READ_ONCE(current_thread()->kpage->caps) & KPAGE_CAP_SYS_NICE;
}

/* ---- a thread's ---- */

static void policy_store(struct thread *t, void *arg)
{
	t->policy = *(const struct policy *)arg;
}

/*
 * Linux's memory in this program (mirrors, and what Linux takes for the thread)
 * is placed by the twin's policy: it gets the same, but nothing is bound. Linux
 * may have no memory left on the instance's nodes, and where it is short on these, its
 * OOM killer looks at who is bound there. Ours stands whatever Linux says: its
 * nodes are the instance's.
 */
static void linux_prefers(u32 mode, u32 flags, u64 mask, u64 maxnode)
{
	const u64 same[6] = { mode | flags, mask, maxnode };
	const u64 soft[6] = { MPOL_PREFERRED_MANY | (flags & ~MPOL_F_NUMA_BALANCING), mask,
			      maxnode };

	up_linux_call(NR_set_mempolicy, mode == MPOL_BIND ? soft : same);
}

void numa_launched(void)
{
	const struct policy *p = &current_thread()->policy;
	u64 nodes = policy_named(p);

	if (p->mode == MPOL_BIND)
		linux_prefers(p->mode, p->flags, offload_data(0, &nodes, sizeof(nodes)),
			      8 * sizeof(nodes));
}

s64 sys_set_mempolicy(const u64 arg[6])
{
	struct user_nodes nodes;
	struct policy policy;
	u32 mode, flags;
	s64 err = policy_mode(arg[0], &mode, &flags);

	if (!err)
		err = nodes_from_user(&nodes, arg[1], arg[2]);
	if (!err)
		err = policy_make(&policy, mode, flags, &nodes, phys_nodes());
	if (err)
		return err;
	thread_with(current_thread()->id, policy_store, &policy);
	linux_prefers(mode, flags, arg[1], arg[2]);
	return 0;
}

/* ---- questions ---- */

/* The policy at an address: 0, -errno, or 1 if Linux has to be asked. */
static s64 policy_at(u64 addr, struct policy *p)
{
	return addr < SHADOW_END ? space_policy(current_thread()->space, addr, p) : -EFAULT;
}

/* The node of the page at an address, which is faulted in. */
static s64 node_at(u64 addr)
{
	struct space *s = current_thread()->space;
	enum fault_result result = FR_OK;
	s64 node;

	do
		node = space_node(s, addr);
	while (node == -ENOENT && (result = space_fault_wait(s, addr, ACCESS_READ)) == FR_OK);
	return node == -ENOENT ? (result == FR_OOM ? -ENOMEM : -EFAULT) : node;
}

static s64 mode_value(const struct policy *p, u64 flags, u64 addr)
{
	const struct policy *own = &current_thread()->policy;

	if (!(flags & MPOL_F_NODE))
		return p->mode | p->flags;
	if (flags & MPOL_F_ADDR)
		return node_at(addr);
	/* Where the next page of a file would lie: ours are not interleaved. */
	return p == own && p->mode == MPOL_INTERLEAVE ? __builtin_ctz(p->nodes) : -EINVAL;
}

static s64 policy_answer(const u64 arg[6], s64 mode, u64 nodes)
{
	u32 value = (u32)mode;

	if (mode < 0)
		return mode;
	if (arg[0] && copy_to_user(arg[0], &value, sizeof(value)))
		return -EFAULT;
	return arg[1] ? nodes_to_user(arg[1], arg[2], nodes) : 0;
}

s64 sys_get_mempolicy(const u64 arg[6])
{
	u64 addr = arg[3], flags = arg[4];
	const struct policy *p = &current_thread()->policy;
	struct policy there;
	s64 err;

	if (arg[1] && arg[2] < boot_params->node_count)
		return -EINVAL;
	if (flags & ~(u64)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		return policy_answer(arg, 0, phys_nodes());
	}
	if (flags & MPOL_F_ADDR) {
		err = policy_at(addr, &there);
		if (err < 0)
			return err;
		if (err)
			return offload_syscall(NR_get_mempolicy, arg);
		p = &there;
	} else if (addr) {
		return -EINVAL;
	}
	return policy_answer(arg, mode_value(p, flags, addr), policy_named(p));
}

/* ---- a mapping's ---- */

/*
 * The same call for what is Linux's in the range, piece by piece. For how many
 * it was done, or -errno; a piece without what the call is about (ENOENT) is none.
 */
static s64 in_linux(u64 start, u64 end, u64 nr, const u64 arg[6])
{
	struct space *s = current_thread()->space;
	struct region r;
	s64 done = 0, err;

	for (end = MIN(end, SHADOW_END); start < end;) {
		u64 length = space_piece(s, start, &r);
		u64 piece[6] = { start, MIN(length, end - start), arg[2], arg[3], arg[4], arg[5] };

		err = -ENOENT;
		if (length && (r.flags & REGION_MIRROR))
			err = offload_syscall(nr, piece);
		if (err < 0 && err != -ENOENT)
			return err;
		done += err == 0;
		start += length ? length : space_hole(s, start);
		if (!sched_turn())
			return -EINTR;
	}
	return done;
}

struct bind_call {
	struct policy policy;
	u32 keep; /* nodes where a page may stay */
};

static bool bind_pick(const struct region *r, u32 node, u64 va, int level, void *arg,
		      struct where *w)
{
	const struct bind_call *b = arg;
	struct placer self = { current_thread()->policy, NO_NODE };

	if (b->keep >> node & 1)
		return false;
	*w = region_where(r, &self, va, level);
	return true;
}

s64 sys_mbind(const u64 arg[6])
{
	u64 start = arg[0], end = start + ALIGN_UP(arg[1], PAGE_SIZE), flags = (u32)arg[5];
	struct user_nodes nodes;
	struct bind_call call;
	struct binding b = { .policy = &call.policy, .pick = bind_pick, .arg = &call };
	u32 mode, mode_flags;
	s64 err = policy_mode(arg[2], &mode, &mode_flags);

	if (!err)
		err = nodes_from_user(&nodes, arg[3], arg[4]);
	if (err)
		return err;
	if (flags & ~(u64)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if ((flags & MPOL_MF_MOVE_ALL) && !numa_may_all())
		return -EPERM;
	if ((start & ~PAGE_MASK) || end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	err = policy_make(&call.policy, mode, mode_flags, &nodes, phys_nodes());
	if (err)
		return err;
	call.keep = (u32)nodes.word[0];
	b.strict = (flags & MPOL_MF_STRICT) && mode != MPOL_DEFAULT;
	b.move = flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);
	err = space_bind(current_thread()->space, start, end, &b);
	if (!err)
		err = in_linux(start, end, NR_mbind, arg);
	return MIN(err, 0);
}

struct home {
	signed char node;
	bool any; /* out: some mapping has a policy */
};

/* The first that is neither BIND nor PREFERRED_MANY ends it; those without one are passed over. */
static int home_put(struct policy *p, void *arg)
{
	struct home *home = arg;

	if (p->mode == MPOL_DEFAULT)
		return 0;
	if (p->mode != MPOL_BIND && p->mode != MPOL_PREFERRED_MANY)
		return -EOPNOTSUPP;
	p->home = home->node;
	home->any = true;
	return 0;
}

s64 sys_set_mempolicy_home_node(const u64 arg[6])
{
	u64 start = arg[0], end = start + ALIGN_UP(arg[1], PAGE_SIZE), node = arg[2];
	struct home home = { .node = (signed char)node };
	s64 err;

	if ((start & ~PAGE_MASK) || arg[3])
		return -EINVAL;
	/* One that is on-line, with memory or without. */
	if (node >= ABI_MAX_NODES || !boot_params->distance[node][node])
		return -EINVAL;
	if (end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	err = space_change_policy(current_thread()->space, start, end, home_put, &home);
	if (!err)
		err = in_linux(start, end, NR_set_mempolicy_home_node, arg);
	return err || home.any ? MIN(err, 0) : -ENOENT;
}
