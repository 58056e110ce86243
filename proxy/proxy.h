/* SPDX-License-Identifier: GPL-2.0-only */
/* What the proxy's files know of each other. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "abi/layout.h"
#include "abi/slot.h"

/* Numbers of Linux's x86-64 system calls that the proxy makes for itself. */
enum {
	NR_MSYNC = 26,
	NR_CLONE = 56,
	NR_SIGALTSTACK = 131,
	NR_RESTART_SYSCALL = 219,
	NR_CLONE3 = 435,
};

/* ---- entry.S ---- */

/*
 * Carry out the call of the slot at one labelled instruction. Its result;
 * meaningless if the catcher stopped it, which slot.outcome tells then.
 */
long proxy_call(struct slot *slot);
extern const char proxy_call_start[], proxy_call_insn[], proxy_call_end[];

/* clone or clone3 under the same rules; slot number -1: on a copy of the caller's stack. */
long proxy_clone_call(struct slot *slot, unsigned long nr, unsigned long a, unsigned long b,
		      unsigned long c, long slot_number);
extern const char proxy_clone_start[], proxy_clone_insn[], proxy_clone_end[];

/* ---- serve.c ---- */

/* A twin's whole life. */
void serve(unsigned long slot_number) __attribute__((noreturn));

/* ---- clone.c ---- */

/* REQ_CLONE. A child without CLONE_VM returns from here too. */
void proxy_clone(struct slot *slot);

/* ---- signal.c ---- */

/* The alternate stack of a slot; its base tells the catcher where the slot is. */
void signal_stack(unsigned long slot_number);
/* The one handler of all caught signals. */
void proxy_catcher(int signo, const void *siginfo, void *ucontext);

static inline struct slot *slot_at(unsigned long slot_number)
{
	return (struct slot *)(PROXY_SLOTS + slot_number * ABI_PAGE_SIZE);
}

/* A system call of the proxy's own, of up to four arguments. */
static inline long linux_call(long nr, unsigned long a, unsigned long b, unsigned long c,
			      unsigned long d)
{
	register unsigned long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
