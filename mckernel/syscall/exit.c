/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of threads and processes. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

/* The twin exits, which ends this thread: the call does not return. */
static s64 process_leave(u64 nr, const u64 arg[6])
{
	struct offload_result res;

	leave_memory();
	do {
		/* No signal may come between. */
		offload_call(nr, arg, ~0UL, &res);
	} while (!res.ended);
	return -EINTR;
}

s64 sys_exit(const u64 arg[6])
{
	return process_leave(NR_exit, arg);
}

s64 sys_exit_group(const u64 arg[6])
{
	return process_leave(NR_exit_group, arg);
}

s64 sys_set_tid_address(const u64 arg[6])
{
	struct thread *t = current_thread();

	t->clear_child_tid = arg[0];
	return t->kpage->tid;
}
