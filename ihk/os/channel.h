/* SPDX-License-Identifier: GPL-2.0-only */
/* The module's half of the channel, and what its two files know of each other. */
#ifndef IHK_CHANNEL_H
#define IHK_CHANNEL_H

#include <linux/completion.h>
#include <linux/semaphore.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "abi/ikc.h"
#include "object/object.h"

/* The module's half of one struct ikc_call. */
struct call_slot {
	struct completion done; /* swait inside: may be completed from the interrupt on RT */
	u32 gen;
	bool abandoned; /* nobody waits: freed when the answer comes. Under slot_lock */
};

struct lcall_work {
	struct work_struct work;
	struct ihk_os *os;
};

struct ihk_ikc {
	raw_spinlock_t push_lock[ABI_MAX_CPUS]; /* many Linux CPUs, one producer */

	raw_spinlock_t slot_lock; /* call_busy, call_slot.abandoned; lcall_busy */
	DECLARE_BITMAP(call_busy, IKC_CALLS);
	struct call_slot slot[IKC_CALLS];
	struct semaphore slots; /* counts the free ones; up() is fine in the interrupt */
	unsigned int next_place; /* where a call to any place goes; racy, only a hint */

	/*
	 * Lcalls whose work is queued or runs: set by the interrupt that finds
	 * one POSTED, cleared by the worker together with its DONE. Under
	 * slot_lock, so that nobody sees half of that: POSTED and not busy is a
	 * new one, DONE is none, whatever words the LWK sends.
	 */
	DECLARE_BITMAP(lcall_busy, IKC_LCALLS);
	struct lcall_work lcall[IKC_LCALLS];
	struct workqueue_struct *queue; /* of this instance: lcalls of others never wait for it */

	DECLARE_BITMAP(bulk_busy, IKC_BULKS); /* atomic */
	wait_queue_head_t wait; /* for a bulk buffer, and for users to leave */
	atomic_t users; /* tasks inside ihk_call(), and bulk buffers that are out */
	atomic64_t bad;
};

/* ---- call.c ---- */

void ihk_calls_init(struct ihk_ikc *ikc);
void ihk_calls_wake(struct ihk_ikc *ikc); /* all who wait for an answer look at `running` */
/* From the interrupt: the LWK says that a call is answered. */
void ihk_call_done(struct ihk_os *os, unsigned int index);

/* ---- ikc.c ---- */

/* Send the word; *position says where in the ring it is. */
void ihk_ikc_push(struct ihk_os *os, int place, u64 word, u32 *position);

#endif
