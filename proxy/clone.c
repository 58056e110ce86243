/* SPDX-License-Identifier: GPL-2.0-only */
/* Making the twin of a new thread or process. */
#include "proxy.h"

#define CLONE_VM 0x100UL

/*
 * The child begins with all signals blocked (the module sees to it) and gets
 * its mask in its first wait: until then it has no slot, or no alternate stack
 * of its own.
 */
void proxy_clone(struct slot *slot)
{
	const unsigned long flags = slot->arg[0];
	const unsigned long parent_tid = slot->arg[2]; /* where CLONE_PIDFD puts its result */
	const unsigned long child = slot->child_slot;
	unsigned long stack = 0;
	long ret = -22; /* EINVAL */

	if (flags & CLONE_VM)
		stack = PROXY_STACKS + (child + 1) * PROXY_STACK_STRIDE;
	if (!stack || child < PROXY_SLOT_COUNT)
		ret = proxy_clone_call(slot, flags, stack, parent_tid, child);
	/* A child on its copy of this stack: its slot is not mapped yet. */
	if (ret)
		slot->result = ret;
}
