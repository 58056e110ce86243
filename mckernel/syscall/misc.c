/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that belong to no group. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define READ_IMPLIES_EXEC 0x0400000U
#define ONLY_ASK 0xffffffffU

/* Linux keeps it; what it means for mappings is ours to do. An exec forgets it, as Linux's does for 64-bit programs. */
s64 sys_personality(const u64 arg[6])
{
	s64 old = offload_syscall(NR_personality, arg);

	if (old >= 0 && (u32)arg[0] != ONLY_ASK)
		current_thread()->read_implies_exec = arg[0] & READ_IMPLIES_EXEC;
	return old;
}

/* Linux resumes by it what the LWK repeats or ends by itself: there is never anything to resume. */
s64 sys_restart_syscall(const u64 arg[6])
{
	(void)arg;
	return -EINTR;
}
