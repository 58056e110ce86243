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

s64 thread_of_tid(u32 tid, bool change)
{
	const u64 karg[6] = { tid, change };
	struct offload_result res;

	offload_kernel(REQ_THREAD_FIND, karg, &res);
	return res.value;
}

struct affinity {
	u64 mask[ABI_MAX_CPUS / 64];
	u32 place; /* where the thread is */
};

/*
 * The thread that a call about CPUs names, by Linux's judgment of whether the
 * caller may. 0 with its id, or -errno: EPERM for tasks of Linux's, whose CPUs
 * are others.
 */
static s64 thread_named(u64 pid, bool change, u64 *id)
{
	struct thread *t = current_thread();
	s64 err;

	*id = t->id;
	if ((u32)pid == 0 || (u32)pid == t->kpage->tid)
		return 0;
	err = thread_of_tid((u32)pid, change);
	if (err)
		return err;
	*id = t->kpage->kout[0];
	return *id ? 0 : -EPERM;
}

static void affinity_set(struct thread *t, void *arg)
{
	struct affinity *a = arg;

	for (u32 i = 0; i < ARRAY_SIZE(a->mask); i++)
		__atomic_store_n(&t->affinity[i], a->mask[i], __ATOMIC_RELAXED);
	a->place = t->cpu;
}

static void affinity_get(struct thread *t, void *arg)
{
	memcpy(((struct affinity *)arg)->mask, t->affinity, sizeof(t->affinity));
}

/* Only the instance's CPUs; false: none of them. */
static bool affinity_trim(struct affinity *a)
{
	bool any = false;

	for (u32 place = 0; place < ABI_MAX_CPUS; place++) {
		if (place >= cpu_count)
			a->mask[place / 64] &= ~(1UL << (place % 64));
		else if (a->mask[place / 64] & (1UL << (place % 64)))
			any = true;
	}
	return any;
}

s64 sys_sched_setaffinity(const u64 arg[6])
{
	struct affinity a = { 0 };
	u64 id;
	s64 err;

	if (copy_from_user(a.mask, arg[2], MIN((u32)arg[1], sizeof(a.mask))))
		return -EFAULT;
	err = thread_named(arg[0], true, &id);
	if (err)
		return err;
	if (!affinity_trim(&a))
		return -EINVAL;
	if (!thread_with(id, affinity_set, &a))
		return -ESRCH;
	/* Whoever may not stay moves on its way to user mode: the caller too. */
	current_thread()->look = true;
	wake_cpu(a.place);
	return 0;
}

s64 sys_sched_getaffinity(const u64 arg[6])
{
	u64 size = MIN(ALIGN_UP((u64)cpu_count, 64UL) / 8, ABI_MAX_CPUS / 8UL);
	u64 room = (u32)arg[1], id;
	struct affinity a;
	s64 err;

	if (room * 8 < cpu_count || room % sizeof(u64))
		return -EINVAL;
	err = thread_named(arg[0], false, &id);
	if (err)
		return err;
	if (!thread_with(id, affinity_get, &a))
		return -ESRCH;
	affinity_trim(&a);
	return copy_to_user(arg[2], a.mask, size) ? -EFAULT : (s64)size;
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
