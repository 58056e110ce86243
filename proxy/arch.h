/* SPDX-License-Identifier: GPL-2.0-only */
/* What the proxy asks of an architecture; arch/NAME/ answers, and defines proxy_start and proxy_restore too. */
#ifndef PROXY_ARCH_H
#define PROXY_ARCH_H

#include "abi/slot.h"
#include "arch/x86_64/machine.h" /* numbers of Linux's calls (NR_...), linux_call() */

/* ---- entry.S ---- */

/*
 * Carry out the call of the slot at one labelled instruction. Its result;
 * meaningless if the catcher stopped it, which slot.outcome tells then.
 */
long proxy_call(struct slot *slot);

/* clone or clone3 under the same rules; slot number -1: on a copy of the caller's stack. */
long proxy_clone_call(struct slot *slot, unsigned long nr, unsigned long a, unsigned long b,
		      unsigned long c, long slot_number);

/* ---- stop.c: what the catcher reads and writes in Linux's struct ucontext ---- */

/*
 * The call of the request, if the signal met it before it was complete, is over:
 * the function above ends next, and what had become of it is told. Else CALL_COMPLETE,
 * and nothing is changed.
 */
enum call_outcome arch_stop_call(void *ucontext, unsigned long nr);

/* The mask that Linux restores at the catcher's end. */
unsigned long *arch_signal_mask(void *ucontext);

#endif
