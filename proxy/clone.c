/* SPDX-License-Identifier: GPL-2.0-only */
/* Making the twin of a new thread or process. */
#include "proxy.h"

#define CLONE_VM 0x100UL

/*
 * The module has blocked all signals before it gave this request away, and
 * applies the right masks when parent and child enter their waits: the child
 * of CLONE_VM has no alternate stack of its own yet.
 */
void proxy_clone(struct slot *slot)
{
	const unsigned long flags = slot->arg[0];
	const unsigned long parent_tid = slot->arg[2]; /* where CLONE_PIDFD puts its result */
	const unsigned long child = slot->child_slot;
	long ret;

	if (flags & CLONE_VM) {
		if (child >= PROXY_SLOT_COUNT)
			ret = -22; /* EINVAL */
		else
			ret = proxy_clone_onto(flags,
					       PROXY_STACKS + (child + 1) * PROXY_STACK_STRIDE,
					       parent_tid, child);
	} else {
		ret = linux_call(NR_CLONE, flags, 0, parent_tid, 0);
		if (ret == 0)
			return; /* the child, on its copy of this stack: its slot is not mapped yet */
	}
	slot->result = ret;
}
