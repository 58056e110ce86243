/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that belong to no group. */
#include "mck/errno.h"
#include "mck/syscalls.h"

/* Linux resumes by it what the LWK repeats or ends by itself: there is never anything to resume. */
s64 sys_restart_syscall(const u64 arg[6])
{
	(void)arg;
	return -EINTR;
}
