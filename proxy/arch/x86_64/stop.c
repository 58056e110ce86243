// SPDX-License-Identifier: GPL-2.0-only
/* Where a signal has met a request's system call, by the registers that Linux saved. */
#include "arch.h"

/* Linux's struct ucontext on x86-64, as far as it is looked at. */
struct ucontext {
	unsigned long flags;
	void *link;
	struct {
		void *sp;
		int flags;
		unsigned long size;
	} stack;
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15;
	unsigned long rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
	unsigned long eflags, segments, err, trapno, oldmask, cr2, fpstate, reserved[8];
	unsigned long sigmask;
};
_Static_assert(__builtin_offsetof(struct ucontext, rip) == 40 + 16 * 8, "sigcontext");
_Static_assert(__builtin_offsetof(struct ucontext, sigmask) == 296, "ucontext");

/* Labels in entry.S. */
extern const char proxy_call_start[], proxy_call_insn[], proxy_call_end[];
extern const char proxy_clone_start[], proxy_clone_insn[], proxy_clone_end[];

/* One of the two places where a request's system call is made: see entry.S. */
struct site {
	const char *start, *insn, *end;
};

/* Where the signal found the call of the slot. */
static enum call_outcome find_outcome(const struct ucontext *uc, const struct site *site,
				      unsigned long nr)
{
	if (uc->rip < (unsigned long)site->start || uc->rip > (unsigned long)site->insn)
		return CALL_COMPLETE;
	if (uc->rip < (unsigned long)site->insn || uc->rcx != (unsigned long)site->end)
		return CALL_NOT_STARTED;
	if (uc->rax == NR_RESTART_SYSCALL && nr != NR_RESTART_SYSCALL)
		return CALL_RESTART_BLOCK;
	return CALL_RESTARTABLE;
}

enum call_outcome arch_stop_call(void *ucontext, unsigned long nr)
{
	const struct site call = { proxy_call_start, proxy_call_insn, proxy_call_end };
	const struct site clone = { proxy_clone_start, proxy_clone_insn, proxy_clone_end };
	struct ucontext *uc = ucontext;
	const struct site *site = &call;
	enum call_outcome outcome = find_outcome(uc, site, nr);

	if (outcome == CALL_COMPLETE) {
		site = &clone;
		outcome = find_outcome(uc, site, nr);
	}
	if (outcome == CALL_COMPLETE)
		return outcome;
	uc->rip = (unsigned long)site->end;
	/* No result; above all not the 0 that tells a child from its parent. */
	uc->rax = ~0UL;
	return outcome;
}

unsigned long *arch_signal_mask(void *ucontext)
{
	return &((struct ucontext *)ucontext)->sigmask;
}
