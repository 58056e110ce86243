/* SPDX-License-Identifier: GPL-2.0-only */
/* Making the twin of a new thread or process. */
#include "proxy.h"

#define CSIGNAL 0xffUL
#define CLONE_VM 0x100UL

/* clone3's arguments. */
struct clone_args {
	unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	unsigned long set_tid, set_tid_size, cgroup;
};

/*
 * What only clone3 can: chosen pids (at arg[3], arg[4] of them) and a cgroup
 * (arg[5]). Not used for all else: where a sandbox forbids it, programs fall
 * back to clone by themselves.
 */
static long clone3_call(struct slot *slot, unsigned long stack, long child)
{
	struct clone_args args = {
		.flags = slot->arg[0] & ~CSIGNAL,
		.pidfd = slot->arg[2],
		.exit_signal = slot->arg[0] & CSIGNAL,
		.stack = stack ? stack - 64 : 0,
		.stack_size = stack ? 64 : 0,
		.set_tid = slot->arg[3],
		.set_tid_size = slot->arg[4],
		.cgroup = slot->arg[5],
	};

	return proxy_clone_call(slot, NR_CLONE3, (unsigned long)&args, sizeof(args), 0, child);
}

/*
 * The child begins with all signals blocked (the module sees to it) and gets
 * its mask in its first wait: until then it has no slot, or no alternate stack
 * of its own.
 */
void proxy_clone(struct slot *slot)
{
	const unsigned long flags = slot->arg[0];
	const unsigned long parent_tid = slot->arg[2]; /* where CLONE_PIDFD puts its result */
	unsigned long stack = 0;
	long child = -1;
	long ret = -22; /* EINVAL */

	if ((flags & CLONE_VM) && slot->child_slot < PROXY_SLOT_COUNT) {
		child = (long)slot->child_slot;
		stack = PROXY_STACKS + (child + 1) * PROXY_STACK_STRIDE;
	}
	if (!(flags & CLONE_VM) || stack)
		ret = slot->nr == NR_CLONE3
			      ? clone3_call(slot, stack, child)
			      : proxy_clone_call(slot, NR_CLONE, flags, stack, parent_tid, child);
	/* A child on its copy of this stack: its slot is not mapped yet. */
	if (ret)
		slot->result = ret;
}
