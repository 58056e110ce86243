/* SPDX-License-Identifier: GPL-2.0-only */
/* Talking to the module: rings, calls from Linux, lcalls to it. */
#ifndef MCK_IKC_H
#define MCK_IKC_H

#include "abi/ikc.h"
#include "mck/lib.h"

void ikc_init(void); /* all rings and mailboxes, by the first CPU */
/* Take the words of this CPU's ring and serve the calls. Called by sched_scan(), no lock held. */
void ikc_poll(void);
/* Append to this CPU's ring to Linux and ring if it was empty or `force`. */
void ikc_send(u64 word, bool force);

bool ikc_pending(void); /* Linux has not taken all words of this CPU, or owes it an answer */
void ikc_ring_again(void); /* if that has lasted for RING_AGAIN_US */

/*
 * Ask the module and wait (not interruptible: the module's worker always
 * answers). Waits for a free lcall first. Returns the answer.
 */
s64 ikc_lcall(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS]);
/* The same without waiting for an answer that nobody needs; used where the caller may not wait. false: no lcall is free. */
bool ikc_lcall_async(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS]);

/* Answer a call now or later: ret and out of boot_params->calls[index] are set by this. */
void ikc_answer(u32 index, s64 ret, const u64 *out, u32 out_count);
void *ikc_bulk(u64 index); /* address of a bulk buffer, NULL if out of range */

/*
 * Serves one call: the table of handlers, filled at start by the layers
 * above (ikc_set_handler), so that ikc/ includes none of them. A handler
 * runs in whatever context polls (the idle thread, or any thread on its way
 * to user mode), with no lock held, must not wait, and answers by ikc_answer,
 * at once or later from a thread.
 */
typedef void (*ikc_handler)(u32 index, const struct ikc_call *call);
void ikc_set_handler(enum call_op op, ikc_handler handler);

/*
 * A kernel thread for calls whose service must wait (space destruction,
 * CALL_EXEC_PREPARE that maps files...): runs fn(arg) in its own thread soon, on this CPU.
 * false without memory.
 */
bool ikc_defer(void (*fn)(void *arg), void *arg);

#endif
