/* SPDX-License-Identifier: GPL-2.0-only */
/* Restartable sequences: the area that a thread registers tells its CPU, and where to begin again. */
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/signal.h"
#include "mck/syscalls.h"

#define RSEQ_FLAG_UNREGISTER 1
#define RSEQ_CPU_NONE (~0U)

/* struct rseq of the UAPI: what Linux 6.1 knows of it. */
struct user_rseq {
	u32 cpu_start, cpu;
	u64 section; /* address of the struct user_rseq_cs that the thread is in, or 0 */
	u32 flags;
	u32 pad[3];
};
_Static_assert(sizeof(struct user_rseq) == 32, "struct rseq");

/* struct rseq_cs of the UAPI. */
struct user_rseq_cs {
	u32 version, flags;
	u64 start, length, abort;
};
_Static_assert(sizeof(struct user_rseq_cs) == 32, "struct rseq_cs");

static u64 field(const struct thread *t, size_t offset)
{
	return t->rseq + offset;
}

static int write_cpu(const struct thread *t, u32 start, u32 cpu)
{
	const u32 both[2] = { start, cpu };

	return copy_to_user(field(t, offsetof(struct user_rseq, cpu_start)), both, sizeof(both));
}

/* Linux's checks: what is no section of this registration is a fault of the program. */
static int read_section(const struct thread *t, u64 addr, struct user_rseq_cs *cs)
{
	u32 sig;

	if (addr >= USER_END || copy_from_user(cs, addr, sizeof(*cs)))
		return -EFAULT;
	if (cs->start >= USER_END || cs->length >= USER_END - cs->start || cs->abort >= USER_END ||
	    cs->abort < sizeof(sig) || cs->version)
		return -EINVAL;
	if (cs->abort - cs->start < cs->length)
		return -EINVAL;
	/* The word before the place to begin again: so that nobody is sent elsewhere. */
	if (copy_from_user(&sig, cs->abort - sizeof(sig), sizeof(sig)))
		return -EFAULT;
	return sig == t->rseq_sig ? 0 : -EINVAL;
}

/* Whoever is in a section begins again; one that was left is forgotten. */
static int abort_section(struct thread *t)
{
	const u64 none = 0, ip = arch_regs_ip(t->regs);
	struct user_rseq_cs cs;
	u64 section;
	u32 flags;
	int err;

	if (copy_from_user(&section, field(t, offsetof(struct user_rseq, section)),
			   sizeof(section)))
		return -EFAULT;
	if (!section)
		return 0;
	err = read_section(t, section, &cs);
	if (err)
		return err;
	if (ip - cs.start < cs.length) {
		if (copy_from_user(&flags, field(t, offsetof(struct user_rseq, flags)),
				   sizeof(flags)))
			return -EFAULT;
		/* Those that would forbid it are none any more. */
		if (flags || cs.flags)
			return -EINVAL;
	}
	if (copy_to_user(field(t, offsetof(struct user_rseq, section)), &none, sizeof(none)))
		return -EFAULT;
	if (ip - cs.start < cs.length)
		arch_regs_set_ip(t->regs, cs.abort);
	return 0;
}

int rseq_abort(struct thread *t)
{
	return t->rseq ? abort_section(t) : 0;
}

void rseq_resume(struct thread *t)
{
	u32 cpu;

	/* A wait for a page below may switch: that is one more event. */
	t->rseq_event = false;
	cpu = this_cpu()->place;
	if (abort_section(t) || write_cpu(t, cpu, cpu))
		signal_force(SIGSEGV, SI_KERNEL, 0);
}

static s64 unregister(struct thread *t, const u64 arg[6])
{
	if ((u32)arg[2] != RSEQ_FLAG_UNREGISTER || !t->rseq || t->rseq != arg[0])
		return -EINVAL;
	if ((u32)arg[1] != sizeof(struct user_rseq))
		return -EINVAL;
	if (t->rseq_sig != (u32)arg[3])
		return -EPERM;
	if (write_cpu(t, 0, RSEQ_CPU_NONE))
		return -EFAULT;
	t->rseq = 0;
	return 0;
}

s64 sys_rseq(const u64 arg[6])
{
	struct thread *t = current_thread();
	u32 size = (u32)arg[1], flags = (u32)arg[2], sig = (u32)arg[3];

	if (flags & RSEQ_FLAG_UNREGISTER)
		return unregister(t, arg);
	if (flags)
		return -EINVAL;
	if (t->rseq) {
		if (t->rseq != arg[0] || size != sizeof(struct user_rseq))
			return -EINVAL;
		return t->rseq_sig != sig ? -EPERM : -EBUSY;
	}
	if (arg[0] % sizeof(struct user_rseq) || size != sizeof(struct user_rseq))
		return -EINVAL;
	if (arg[0] > USER_END - sizeof(struct user_rseq))
		return -EFAULT;
	t->rseq = arg[0];
	t->rseq_sig = sig;
	/* Its CPU is told on the way back. */
	t->rseq_event = t->look = true;
	return 0;
}
