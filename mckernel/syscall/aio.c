/* SPDX-License-Identifier: GPL-2.0-only */
/* io_setup and io_destroy: Linux's, but programs look at the ring of events in their own memory. */
#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"
#include "mck/task.h"

s64 sys_io_setup(const u64 arg[6])
{
	s64 ret = offload_syscall(NR_io_setup, arg);
	u64 destroy[6] = { 0 };

	if (ret || copy_from_user(&destroy[0], arg[1], sizeof(destroy[0])))
		return ret;
	ret = window_show(current_thread()->space, destroy[0]);
	if (ret)
		offload_syscall(NR_io_destroy, destroy);
	return ret;
}

s64 sys_io_destroy(const u64 arg[6])
{
	s64 ret = offload_syscall(NR_io_destroy, arg);

	if (!ret)
		window_hide(current_thread()->space, arg[0]);
	return ret;
}
