/* SPDX-License-Identifier: GPL-2.0-only */
/* What the proxy's files know of each other. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "abi/layout.h"
#include "abi/slot.h"
#include "arch.h"

/* ---- serve.c ---- */

/* A twin's whole life. */
void serve(unsigned long slot_number) __attribute__((noreturn));

/* ---- clone.c ---- */

/* REQ_CLONE. A child without CLONE_VM returns from here too. */
void proxy_clone(struct slot *slot);

/* ---- signal.c ---- */

/* The alternate stack of a slot; where it lies tells the catcher which slot that is. */
void signal_stack(unsigned long slot_number);
/* The one handler of all caught signals. */
void proxy_catcher(int signo, const void *siginfo, void *ucontext);

static inline struct slot *slot_at(unsigned long slot_number)
{
	return (struct slot *)(PROXY_SLOTS + slot_number * ABI_PAGE_SIZE);
}

#endif
