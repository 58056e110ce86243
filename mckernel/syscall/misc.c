/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that belong to no group. */
#include "mck/errno.h"
#include "mck/mm.h"
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

/* struct sysinfo of the UAPI. */
struct user_sysinfo {
	s64 uptime;
	u64 loads[3];
	u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit, tail;
};

/* Uptime, load and processes are Linux's; memory is the instance's, which has no swap. */
s64 sys_sysinfo(const u64 arg[6])
{
	struct user_sysinfo info = { 0 };
	const u64 asked[6] = { offload_data(0, &info, sizeof(info)) };
	s64 ret = offload_syscall(NR_sysinfo, asked);

	if (ret)
		return ret;
	memcpy(&info, offload_data_ptr(0), sizeof(info));
	info.totalram = READ_ONCE(boot_params->counters.pages_total) * PAGE_SIZE;
	info.freeram = pages_free_now() * PAGE_SIZE;
	info.sharedram = info.bufferram = info.totalswap = info.freeswap = 0;
	info.totalhigh = info.freehigh = 0;
	info.mem_unit = 1;
	return copy_to_user(arg[0], &info, sizeof(info)) ? -EFAULT : 0;
}

/* Linux resumes by it what the LWK repeats or ends by itself: there is never anything to resume. */
s64 sys_restart_syscall(const u64 arg[6])
{
	(void)arg;
	return -EINTR;
}
