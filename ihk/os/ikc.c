// SPDX-License-Identifier: GPL-2.0-only
/* The channel between the kernels: its rings, what the LWK asks, bulk buffers. */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "object/object.h"
#include "os/channel.h"
#include "os/os.h"

#define DRAIN_MAX RING_ENTRIES /* words of one ring in one interrupt */

u64 ihk_ikc_bad(struct ihk_os *os)
{
	return atomic64_read(&os->ikc->bad);
}

static void bad_word(struct ihk_os *os, int place, u64 word)
{
	atomic64_inc(&os->ikc->bad);
	pr_warn_ratelimited("ihk: instance %d, place %d: refused message %016llx\n", os->index,
			    place, word);
}

/* ---- bulk buffers ---- */

static int bulk_try(struct ihk_ikc *ikc)
{
	int index;

	for (index = 0; index < IKC_BULKS; index++)
		if (!test_and_set_bit(index, ikc->bulk_busy))
			return index;
	return -1;
}

void *ihk_bulk_get(struct ihk_os *os, int *index)
{
	struct ihk_ikc *ikc = os->ikc;
	int found = -1;

	/* Given back by ihk_bulk_put(). */
	atomic_inc(&ikc->users);
	smp_mb__after_atomic();
	wait_event_killable(ikc->wait, !ihk_os_alive(os) || (found = bulk_try(ikc)) >= 0);
	if (found < 0) {
		if (atomic_dec_and_test(&ikc->users))
			wake_up_all(&ikc->wait);
		return NULL;
	}
	*index = found;
	return os->bulks + found * IKC_BULK_SIZE;
}

void ihk_bulk_put(struct ihk_os *os, int index)
{
	clear_bit_unlock(index, os->ikc->bulk_busy);
	atomic_dec(&os->ikc->users);
	/* All: a waiter for a buffer and ihk_ikc_quiesce() share the queue. */
	smp_mb__after_atomic();
	wake_up_all(&os->ikc->wait);
}

/* ---- lcalls: the LWK asks ---- */

/* Answered: from here on the LWK may post it again. */
static void lcall_done(struct ihk_os *os, unsigned int index)
{
	struct ihk_ikc *ikc = os->ikc;
	unsigned long flags;

	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	smp_store_release(&os->lcalls[index].state, IKC_DONE);
	__clear_bit(index, ikc->lcall_busy);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
}

static void lcall_work(struct work_struct *work)
{
	struct lcall_work *mine = container_of(work, struct lcall_work, work);
	struct ihk_os *os = mine->os;
	unsigned int index = mine - os->ikc->lcall;
	struct ikc_lcall *lcall = &os->lcalls[index];
	u64 arg[IKC_LCALL_ARGS];
	u32 op = READ_ONCE(lcall->op);
	u32 cpu = READ_ONCE(lcall->cpu);

	/* A copy: what was checked must not change under the feet of who checked it. */
	memcpy(arg, lcall->arg, sizeof(arg));
	WRITE_ONCE(lcall->ret, ihk_up.lcall(os, op, arg));
	lcall_done(os, index);
	if (cpu != IKC_NOBODY)
		ihk_ring_lwk(os, cpu < ABI_MAX_CPUS ? cpu : 0);
}

/* From the interrupt. Returns false if the word makes no sense. */
static bool lcall_queue(struct ihk_os *os, unsigned int index)
{
	struct ihk_ikc *ikc = os->ikc;
	unsigned long flags;
	bool posted;

	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	/* Pairs with the LWK's release: op and arg are there. */
	posted = smp_load_acquire(&os->lcalls[index].state) == IKC_POSTED;
	if (posted && !test_bit(index, ikc->lcall_busy)) {
		__set_bit(index, ikc->lcall_busy);
		queue_work(ikc->queue, &ikc->lcall[index].work);
	}
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
	return posted;
}

/* ---- the rings ---- */

/* The ring's other side has written to what is not its own: the instance cannot go on. */
static void ring_corrupt(struct ihk_os *os, int place, const struct ring *ring, const char *way)
{
	/* Rung for again and again until its CPUs are stopped: told once. */
	if (!ihk_os_alive(os))
		return;
	atomic64_inc(&os->ikc->bad);
	pr_err("ihk: instance %d, place %d: the ring %s is corrupt (tail %u, head %u)\n", os->index,
	       place, way, READ_ONCE(ring->tail), READ_ONCE(ring->head));
	ihk_os_condemn(os, OS_HUNGUP);
}

void ihk_ikc_push(struct ihk_os *os, int place, u64 word, u32 *position)
{
	struct ring *ring = os->to_lwk[place];
	enum ring_push result;
	unsigned long flags;

	raw_spin_lock_irqsave(&os->ikc->push_lock[place], flags);
	*position = READ_ONCE(ring->tail);
	result = ring_push(ring, word);
	raw_spin_unlock_irqrestore(&os->ikc->push_lock[place], flags);
	/* There are fewer calls than entries. */
	if (result == RING_FULL)
		ring_corrupt(os, place, ring, "to it");
	else if (result == RING_WAS_EMPTY)
		ihk_ring_lwk(os, place);
}

static bool take_word(struct ihk_os *os, u64 word)
{
	unsigned int index = IKC_INDEX(word);

	switch (IKC_KIND(word)) {
	case IKC_REQUEST:
		if (index >= ABI_MAX_TWINS)
			return false;
		ihk_up.twin_request(os, index, IKC_GEN(word));
		return true;
	case IKC_CALL_DONE:
		if (index >= IKC_CALLS)
			return false;
		ihk_call_done(os, index);
		return true;
	case IKC_LCALL:
		return index < IKC_LCALLS && lcall_queue(os, index);
	case IKC_STATUS:
		if (READ_ONCE(os->params->status) == OS_PANIC)
			ihk_os_condemn(os, OS_PANIC);
		return true;
	default:
		return false;
	}
}

void ihk_ikc_drain(struct ihk_os *os, int place)
{
	unsigned int count = 0;
	abi_u64 word;

	/* Bounded: an LWK that writes faster than we read must not keep us here. */
	while (count++ < DRAIN_MAX && ring_pop(os->to_linux[place], &word))
		if (!take_word(os, word))
			bad_word(os, place, word);
	if (ring_is_corrupt(os->to_linux[place]))
		ring_corrupt(os, place, os->to_linux[place], "from it");
}

/* ---- life ---- */

int ihk_ikc_make(struct ihk_os *os)
{
	struct ihk_ikc *ikc = kvzalloc(sizeof(*ikc), GFP_KERNEL);
	int i;

	if (!ikc)
		return -ENOMEM;
	ikc->queue = alloc_workqueue("ihk_os%d", WQ_UNBOUND | WQ_MEM_RECLAIM, 0, os->index);
	if (!ikc->queue) {
		kvfree(ikc);
		return -ENOMEM;
	}
	for (i = 0; i < ABI_MAX_CPUS; i++)
		raw_spin_lock_init(&ikc->push_lock[i]);
	raw_spin_lock_init(&ikc->slot_lock);
	ihk_calls_init(ikc);
	for (i = 0; i < IKC_LCALLS; i++) {
		ikc->lcall[i].os = os;
		INIT_WORK(&ikc->lcall[i].work, lcall_work);
	}
	init_waitqueue_head(&ikc->wait);
	os->ikc = ikc;
	return 0;
}

void ihk_ikc_free(struct ihk_os *os)
{
	destroy_workqueue(os->ikc->queue);
	kvfree(os->ikc);
	os->ikc = NULL;
}

void ihk_ikc_reset(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	/* Who has come since the stop finds it stopped, and leaves. */
	ihk_ikc_quiesce(os);
	bitmap_zero(os->ikc->lcall_busy, IKC_LCALLS);
	atomic64_set(&os->ikc->bad, 0);
}

void ihk_ikc_wake(struct ihk_os *os)
{
	ihk_calls_wake(os->ikc);
	wake_up_all(&os->ikc->wait);
}

void ihk_ikc_flush(struct ihk_os *os)
{
	flush_workqueue(os->ikc->queue);
}

void ihk_ikc_quiesce(struct ihk_os *os)
{
	wait_event(os->ikc->wait, !atomic_read(&os->ikc->users));
	/* Calls that were given up between the wake and now: nobody will answer them. */
	ihk_ikc_wake(os);
}
