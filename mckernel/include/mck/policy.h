/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA memory policies (mm/policy.c): on which nodes memory is taken. Nodes have Linux's numbers. */
#ifndef MCK_POLICY_H
#define MCK_POLICY_H

#include "abi/abi.h"
#include "mck/lib.h"

#define MPOL_DEFAULT 0U
#define MPOL_PREFERRED 1U
#define MPOL_BIND 2U
#define MPOL_INTERLEAVE 3U
#define MPOL_LOCAL 4U
#define MPOL_PREFERRED_MANY 5U
#define MPOL_MODES 6U

#define MPOL_F_STATIC_NODES (1U << 15)
#define MPOL_F_RELATIVE_NODES (1U << 14)
#define MPOL_F_NUMA_BALANCING (1U << 13)
#define MPOL_F_NAMED (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES) /* as the program named them */
#define MPOL_MODE_FLAGS (MPOL_F_NAMED | MPOL_F_NUMA_BALANCING)

#define ALL_NODES ((1U << ABI_MAX_NODES) - 1)
#define NO_NODE (-1)

/* Nodes as programs pass them: as many as Linux's kernel is built for. */
#define POLICY_NODES 1024U
struct user_nodes {
	u64 word[POLICY_NODES / 64];
};

/*
 * All zeroes: none of its own. A thread's is written by that thread only,
 * under the lock of the table of threads, for faults that Linux asks for on its
 * behalf read it by thread_with(); its own faults read it without. A region's
 * is under its space's lock.
 */
struct policy {
	u8 mode; /* MPOL_* */
	signed char
		home; /* where a search begins, with BIND and PREFERRED_MANY; NO_NODE: at the thread */
	u16 flags; /* MPOL_F_* */
	u32 nodes; /* in force: of those that the instance has memory of */
	u32 user; /* as the program named them, with STATIC_NODES or RELATIVE_NODES */
};

/* The nodes that a program is told of. */
static inline u32 policy_named(const struct policy *p)
{
	return p->flags & MPOL_F_NAMED ? p->user : p->nodes;
}

/* For whom memory is taken: a thread's policy, and its node; NO_NODE: this CPU's. */
struct placer {
	struct policy policy;
	int node;
};

/* Where to look for a frame: by distance from `node` among `first`, then among `rest`. */
struct where {
	int node;
	u32 first, rest;
};

/* Of a mode and flags that policy_mode() has let pass. 0 or -EINVAL. `have`: nodes with memory. */
int policy_make(struct policy *p, u32 mode, u32 flags, const struct user_nodes *nodes, u32 have);
int policy_mode(u64 arg, u32 *mode, u32 *flags); /* 0 or -EINVAL */
bool policy_equal(const struct policy *a, const struct policy *b);
/* For page number `index` under a policy; `here`: the node of who needs it. */
struct where policy_where(const struct policy *p, int here, u64 index);
/* Where migrate_pages() brings what lies on `node`; NO_NODE: it stays. */
int policy_remap(u32 node, u32 from, u32 to);

#endif
