/* SPDX-License-Identifier: GPL-2.0-only */
/* The two worlds of test_weave_ikc: its LWK side, and its Linux side. */
#ifndef WEAVE_IKC_H
#define WEAVE_IKC_H

#include "abi/boot.h"
#include "abi/ikc.h"
#include "abi/ring.h"

#define PLACES 2

/* Memory that both kernels have. */
extern struct ring *to_lwk, *to_linux; /* PLACES of each */
extern struct ikc_call ikc_calls[IKC_CALLS];
extern struct ikc_lcall ikc_lcalls[IKC_LCALLS];

/* Linux's side, over ihk/os/ikc.c and call.c: weave_ikc_linux.c. */
void linux_prepare(struct lwk_boot_params *params);
void linux_interrupts(void); /* an actor: the words that the LWK sends */
void linux_worker(void); /* an actor: lcalls */
void linux_cpu(void); /* an actor: both */
void linux_serve(void); /* the same at once, before a run */
/* A call whose answers tell what was asked; killable: it may be given up. */
void linux_call(abi_u64 tag, int killable);
void linux_stopped(void); /* before a run: the instance is not alive */
void linux_call_dead(void); /* a call to it */
void linux_boot(void); /* as far as it concerns the channel */
void linux_kill(int actor);
unsigned int linux_calls(void); /* whose slots are not free again */
unsigned int linux_bad(void);

/* The module carries out an lcall: the test's check of what it was asked. */
abi_s64 lcall_served(abi_u32 op, const abi_u64 arg[IKC_LCALL_ARGS]);

#endif
