/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ptrace() is Linux's: who may trace whom, stops, signals, memory. But the
 * registers that it has are the proxy's. Where a tracer on the LWK asks for those
 * of a program of the instance, Linux judges the request and answers it, which it
 * does for a tracee that stands still; the program's are then put over its answer.
 *
 * The tracee's thread does not run its program: its twin is away from its wait, so
 * it is on hold or waits for its twin, and only this tracer can let it go on; or
 * SIGKILL does, after which it runs no more of its program (task/hold.c).
 */
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/ptracenr.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define SNAP_AGAIN_US 50 /* a thread on hold is about to leave its CPU */

struct snapshot {
	u64 thread;
	enum regset set;
	void *buf;
	bool there, taken;
};

static void take(struct thread *t, void *arg)
{
	struct snapshot *s = arg;

	s->taken = arch_regset_read(t, s->set, s->buf);
}

static bool take_or_gone(void *arg)
{
	struct snapshot *s = arg;

	s->there = thread_with(s->thread, take, s);
	if (s->there && !s->taken)
		sched_wake_at(arch_cycles() + boot_params->cycles_khz * SNAP_AGAIN_US / 1000);
	return !s->there || s->taken;
}

/* Over what Linux has filled in. */
static s64 put_registers(u64 thread, const struct regset_request *r)
{
	u64 size = arch_regset_size(r->set);
	struct snapshot s = { .thread = thread, .set = r->set, .buf = kmalloc(size) };
	s64 err = 0;

	if (!s.buf)
		return -ENOMEM;
	if (wait_for(take_or_gone, &s, true))
		err = -EINTR;
	else if (!s.there)
		err = -ESRCH;
	else if (copy_to_user(r->to, (u8 *)s.buf + r->offset, MIN(r->size, size - r->offset)))
		err = -EFAULT;
	kfree(s.buf);
	return err;
}

/* What would be written are the proxy's registers, by which the program would die. -EIO, or Linux's word on the tracee. */
static s64 refuse_write(u32 tid)
{
	const u64 nothing = 0;
	const u64 look[6] = { PTRACE_PEEKUSER, tid, 0, offload_data(0, &nothing, sizeof(nothing)) };
	s64 err = offload_syscall(NR_ptrace, look);

	return err ? err : -EIO;
}

s64 sys_ptrace(const u64 arg[6])
{
	struct regset_request r;
	u64 thread, iov[2];
	s64 value;

	if (!arch_regset_request(arg, &r) || thread_of_tid((u32)arg[1], false) != 0)
		return offload_syscall(NR_ptrace, arg);
	thread = current_thread()->kpage->kout[0];
	if (thread && r.write)
		return refuse_write((u32)arg[1]);
	value = offload_syscall(NR_ptrace, arg);
	if (!thread || value != 0)
		return value;
	if (r.note) {
		if (copy_from_user(iov, arg[3], sizeof(iov)))
			return -EFAULT;
		r.to = iov[0];
		r.size = iov[1];
	}
	return put_registers(thread, &r);
}
