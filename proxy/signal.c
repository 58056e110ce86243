/* SPDX-License-Identifier: GPL-2.0-only */
/* The catcher: what becomes of a request when Linux delivers a signal. */
#include "proxy.h"

struct stack {
	unsigned long sp;
	int flags, pad;
	unsigned long size;
};

void signal_stack(unsigned long slot_number)
{
	unsigned long base = PROXY_STACKS + slot_number * PROXY_STACK_STRIDE;
	struct stack stack = { .sp = base, .size = PROXY_ALTSTACK_SIZE };

	linux_call(NR_SIGALTSTACK, (unsigned long)&stack, 0, 0, 0);
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
	volatile struct slot *slot = slot_at((here - PROXY_STACKS) / PROXY_STACK_STRIDE);
	const enum call_outcome outcome = arch_stop_call(ucontext, slot->nr);
	unsigned long *mask = arch_signal_mask(ucontext);
	unsigned int i;

	if (outcome != CALL_COMPLETE)
		slot->outcome = outcome;
	for (i = 0; i < SLOT_SIGINFO_SIZE; i++)
		slot->siginfo[i] = ((const abi_u8 *)siginfo)[i];
	slot->signo = signo;
	slot->saved_mask = *mask;
	*mask = ~0UL;
	slot->aborted_seq = slot->seq;
}
