/* SPDX-License-Identifier: GPL-2.0-only */
/* How an interrupted system call goes on: pure decisions, unit-tested. */
#ifndef MCK_RESTART_H
#define MCK_RESTART_H

#include "mck/errno.h"
#include "mck/lib.h"

enum resume {
	RESUME_VALUE, /* the call is over: its value stands */
	RESUME_EINTR, /* it fails with EINTR */
	RESUME_REPEAT, /* it is issued again (after the handler, if one was entered) */
};

/*
 * What the catcher's record of a request means for the caller: the value, or
 * a restart code. `outcome` is enum call_outcome as the proxy wrote it; what
 * is none of these reads as complete.
 */
s64 restart_value(u32 outcome, s64 value, u64 nr, const u64 arg[6]);

/* Is it one of the codes that a program must not see (mck/errno.h)? */
static inline bool restart_is_code(s64 value)
{
	return value >= -ERESTART_RESTARTBLOCK && value <= -ERESTARTSYS;
}

/* The restart decision. `handler`: a handler is entered now; `sa_restart`: it has SA_RESTART. */
enum resume restart_decide(s64 value, bool handler, bool sa_restart);

/*
 * Number of the argument that points to a temporary signal mask of this call,
 * or -1. *indirect: the argument points to a pair (pointer, size) instead.
 */
int restart_mask_arg(u64 nr, const u64 arg[6], bool *indirect);

#endif
