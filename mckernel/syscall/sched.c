/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls about CPUs: the instance's, numbered from 0, as its programs see them. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

s64 sys_sched_yield(const u64 arg[6])
{
	(void)arg;
	sched_yield_cpu();
	return 0;
}

/* 0 if it is the caller. Others' masks are theirs alone: EPERM, unless Linux knows of no such thread. */
static s64 check_pid(u64 pid)
{
	const u64 call[6] = { pid };
	s64 policy;

	if ((u32)pid == 0 || (u32)pid == current_thread()->kpage->tid)
		return 0;
	policy = offload_syscall(NR_sched_getscheduler, call);
	return policy < 0 ? policy : -EPERM;
}

s64 sys_sched_setaffinity(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 mask[ABI_MAX_CPUS / 64] = { 0 };
	bool any = false;
	s64 err;

	if (copy_from_user(mask, arg[2], MIN((u32)arg[1], sizeof(mask))))
		return -EFAULT;
	err = check_pid(arg[0]);
	if (err)
		return err;
	for (u32 place = 0; place < ABI_MAX_CPUS; place++) {
		if (place >= cpu_count)
			mask[place / 64] &= ~(1UL << (place % 64));
		else if (mask[place / 64] & (1UL << (place % 64)))
			any = true;
	}
	if (!any)
		return -EINVAL;
	/* up_return() moves the thread if it may not stay. */
	memcpy(t->affinity, mask, sizeof(mask));
	t->look = true;
	return 0;
}

s64 sys_sched_getaffinity(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 mask[ABI_MAX_CPUS / 64];
	u64 size = MIN(ALIGN_UP((u64)cpu_count, 64UL) / 8, sizeof(mask));
	u64 room = (u32)arg[1];
	s64 err;

	if (room * 8 < cpu_count || room % sizeof(u64))
		return -EINVAL;
	err = check_pid(arg[0]);
	if (err)
		return err;
	memcpy(mask, t->affinity, sizeof(mask));
	for (u32 place = cpu_count; place < ABI_MAX_CPUS; place++)
		mask[place / 64] &= ~(1UL << (place % 64));
	return copy_to_user(arg[2], mask, size) ? -EFAULT : (s64)size;
}

s64 sys_getcpu(const u64 arg[6])
{
	const struct cpu *cpu = this_cpu();
	u32 place = cpu->place, node = cpu->boot->node;

	if (arg[0] && copy_to_user(arg[0], &place, sizeof(place)))
		return -EFAULT;
	if (arg[1] && copy_to_user(arg[1], &node, sizeof(node)))
		return -EFAULT;
	return 0;
}
