/* SPDX-License-Identifier: GPL-2.0-only */
/* The catcher: what becomes of a request when Linux delivers a signal. */
#include "proxy.h"

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

struct stack {
	unsigned long sp;
	int flags, pad;
	unsigned long size;
};

void signal_stack(unsigned long slot_number)
{
	unsigned long base = PROXY_STACKS + slot_number * PROXY_STACK_STRIDE;
	/* The lowest bytes are not part of the stack that Linux uses. */
	struct stack stack = { .sp = base + 64, .size = PROXY_ALTSTACK_SIZE - 64 };

	*(struct slot **)base = slot_at(slot_number);
	linux_call(NR_SIGALTSTACK, (unsigned long)&stack, 0, 0, 0);
}

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

/* The request's call, if it was met at this site and is not complete, is over: its end comes next. */
static void stop_call(struct ucontext *uc, const struct site *site, volatile struct slot *slot)
{
	enum call_outcome outcome = find_outcome(uc, site, slot->nr);

	if (outcome == CALL_COMPLETE)
		return;
	slot->outcome = outcome;
	uc->rip = (unsigned long)site->end;
	/* No result; above all not the 0 that tells a child from its parent. */
	uc->rax = ~0UL;
}

/*
 * One signal per catch: everything stays blocked until the LWK has built its
 * frame and the next request brings a mask. The number of the request comes
 * last, so that whoever sees it sees the rest (same thread: only the compiler
 * must keep the order).
 */
void proxy_catcher(int signo, const void *siginfo, void *ucontext)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	volatile struct slot *slot = *(struct slot **)(here & ~(PROXY_ALTSTACK_SIZE - 1));
	const struct site call = { proxy_call_start, proxy_call_insn, proxy_call_end };
	const struct site clone = { proxy_clone_start, proxy_clone_insn, proxy_clone_end };
	struct ucontext *uc = ucontext;
	unsigned int i;

	stop_call(uc, &call, slot);
	stop_call(uc, &clone, slot);
	for (i = 0; i < SLOT_SIGINFO_SIZE; i++)
		slot->siginfo[i] = ((const abi_u8 *)siginfo)[i];
	slot->signo = signo;
	slot->saved_mask = uc->sigmask;
	uc->sigmask = ~0UL;
	slot->aborted_seq = slot->seq;
}
