/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls about NUMA nodes (syscall/numa.c, movepages.c). */
#ifndef MCK_NUMA_H
#define MCK_NUMA_H

#include "mck/policy.h"

#define MPOL_MF_STRICT 1U
#define MPOL_MF_MOVE 2U
#define MPOL_MF_MOVE_ALL 4U

s64 sys_set_mempolicy(const u64 arg[6]);
s64 sys_get_mempolicy(const u64 arg[6]);
s64 sys_mbind(const u64 arg[6]);
s64 sys_set_mempolicy_home_node(const u64 arg[6]);
s64 sys_migrate_pages(const u64 arg[6]);
s64 sys_move_pages(const u64 arg[6]);

/* As Linux's get_nodes(): 0, -EINVAL or -EFAULT. */
s64 nodes_from_user(struct user_nodes *nodes, u64 mask, u64 maxnode);
/* A program begins: its launcher's policy in Linux becomes what a program's is there. */
void numa_launched(void);
bool numa_may_all(void); /* CAP_SYS_NICE */

#endif
