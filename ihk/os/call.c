// SPDX-License-Identifier: GPL-2.0-only
/* Calls to the LWK: their slots, the wait for an answer, and for how long it may be owed. */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>

#include "object/object.h"
#include "os/channel.h"
#include "os/os.h"

#define RING_AGAIN_MS 20 /* a word that is not taken is rung for again: edges can be lost */
#define LOOK_MAX HZ /* counted at most between two looks at what is owed */
/* How much longer than a hang the LWK may have something that takes it long by its nature. */
#define LONG_WORK 5

static unsigned int hang_seconds = 60;
module_param(hang_seconds, uint, 0644);
MODULE_PARM_DESC(
	hang_seconds,
	"an LWK that does not move, or keeps an answer, for so long is hung up (0: never)");

static void slot_free(struct ihk_ikc *ikc, unsigned int index)
{
	lockdep_assert_held(&ikc->slot_lock);
	ikc->slot[index].abandoned = false;
	__clear_bit(index, ikc->call_busy);
	up(&ikc->slots);
}

/* A free slot, or -EINTR. Sleeps while all are taken. */
static int slot_take(struct ihk_ikc *ikc, bool killable)
{
	unsigned long flags;
	unsigned int index;

	if (!killable)
		down(&ikc->slots);
	else if (down_killable(&ikc->slots))
		return -EINTR;
	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	index = find_first_zero_bit(ikc->call_busy, IKC_CALLS);
	__set_bit(index, ikc->call_busy);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
	reinit_completion(&ikc->slot[index].done);
	return index;
}

/* Give the slot up; if its call is still with the LWK, its answer will free it. */
static void slot_leave(struct ihk_os *os, unsigned int index)
{
	struct ihk_ikc *ikc = os->ikc;
	unsigned long flags;

	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	if (smp_load_acquire(&os->calls[index].state) == IKC_POSTED && ihk_os_alive(os))
		ikc->slot[index].abandoned = true;
	else
		slot_free(ikc, index);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
}

/*
 * The place for a call that any CPU can answer: an idle one; else that of the
 * requester, whose own thread waits for it, rather than another program's; else
 * the next.
 */
static int choose_place(struct ihk_os *os)
{
	unsigned int first = os->ikc->next_place++;
	int near = ihk_up.place_of_current(os), i;

	for (i = 0; i < os->cpu_count; i++) {
		int place = (first + i) % os->cpu_count;

		if (READ_ONCE(os->params->cpus[place].state) == LWK_CPU_IDLE)
			return place;
	}
	return near >= 0 ? near : (int)(first % os->cpu_count);
}

unsigned long ihk_hang_ticks(void)
{
	return READ_ONCE(hang_seconds) * (unsigned long)HZ;
}

bool ihk_owed_too_long(struct ihk_patience *p, bool is_owed, unsigned long limit)
{
	return ihk_patience_look(p, jiffies, LOOK_MAX, is_owed) > limit && limit;
}

/* Watches one word that the LWK has not answered yet, and the CPU that got it. */
struct watch {
	struct ihk_os *os;
	u32 op;
	int place;
	u32 position;
	bool taken;
	u32 head; /* of the ring, */
	u32 heartbeat; /* and of the CPU, when they last moved: */
	struct ihk_patience still; /* since then, */
	struct ihk_patience age; /* and since the word was sent or, later, taken */
};

static void watch_begin(struct watch *watch)
{
	ihk_patience_begin(&watch->still, jiffies);
	ihk_patience_begin(&watch->age, jiffies);
}

static bool in_kernel(const struct watch *watch)
{
	return READ_ONCE(watch->os->params->cpus[watch->place].state) == LWK_CPU_KERNEL;
}

/*
 * The CPU has not moved for long. A CPU that has taken the word may wait for
 * whatever it likes, but not in one piece: rung, it moves its heartbeat,
 * unless it hangs.
 */
static bool watch_is_still(struct watch *watch)
{
	struct ihk_os *os = watch->os;
	u32 head = READ_ONCE(os->to_lwk[watch->place]->head);
	u32 heartbeat = READ_ONCE(os->params->cpus[watch->place].heartbeat);

	if (head != watch->head || heartbeat != watch->heartbeat ||
	    (watch->taken && !in_kernel(watch)))
		ihk_patience_begin(&watch->still, jiffies);
	watch->head = head;
	watch->heartbeat = heartbeat;
	return ihk_owed_too_long(&watch->still, true, ihk_hang_ticks());
}

/* What is answered when memory has been given back or made: not in the handler of the word. */
static bool is_long_work(u32 op)
{
	return op == CALL_EXEC_PREPARE || op == CALL_THREAD_END || op == CALL_SHUTDOWN ||
	       op == CALL_FILE_CHANGED;
}

/*
 * The CPU lives, but the answer does not come: it was lost, or the word was. For
 * a work that is long by its nature the LWK may have to wait for its own calls
 * to Linux; while these are with our workers, it is not the LWK that keeps us
 * waiting.
 */
static bool watch_is_old(struct watch *watch)
{
	bool is_long = is_long_work(watch->op);
	bool is_owed = !is_long || bitmap_empty(watch->os->ikc->lcall_busy, IKC_LCALLS);

	return ihk_owed_too_long(&watch->age, is_owed,
				 ihk_hang_ticks() * (is_long || !watch->taken ? LONG_WORK : 1));
}

/* Ring again if the word is untaken; condemn the instance if it keeps us waiting for too long. */
static void watch_look(struct watch *watch)
{
	struct ihk_os *os = watch->os;
	bool taken = (s32)(READ_ONCE(os->to_lwk[watch->place]->head) - watch->position) > 0;

	if (taken && !watch->taken)
		ihk_patience_begin(&watch->age, jiffies);
	watch->taken = taken;
	if (watch_is_still(watch)) {
		pr_err("ihk: instance %d: place %d has not moved for %u s\n", os->index,
		       watch->place, hang_seconds);
		ihk_os_condemn(os, OS_HUNGUP);
	} else if (watch_is_old(watch)) {
		pr_err("ihk: instance %d: place %d lives, but has %s call %u for %lu s\n",
		       os->index, watch->place, taken ? "not answered" : "not taken", watch->op,
		       watch->age.owed / HZ);
		ihk_os_condemn(os, OS_HUNGUP);
	} else if (!taken || in_kernel(watch)) {
		ihk_ring_lwk(os, watch->place);
	}
}

/* Wait for the answer to the call in `slot`. 0, -EIO, -EINTR or -ETIMEDOUT. */
static int call_wait(struct watch *watch, unsigned int slot, bool killable, unsigned long seconds)
{
	struct ihk_os *os = watch->os;
	struct completion *done = &os->ikc->slot[slot].done;
	unsigned long end = jiffies + seconds * HZ;
	unsigned long pause = msecs_to_jiffies(RING_AGAIN_MS);

	for (;;) {
		long ret = killable ? wait_for_completion_killable_timeout(done, pause)
				    : wait_for_completion_timeout(done, pause);

		/* Pairs with the LWK's release: the answer is there. */
		if (smp_load_acquire(&os->calls[slot].state) == IKC_DONE)
			return 0;
		if (!ihk_os_alive(os))
			return -EIO;
		if (ret < 0)
			return -EINTR;
		if (seconds && time_after(jiffies, end))
			return -ETIMEDOUT;
		if (!ret)
			watch_look(watch);
	}
}

static int call_make(struct ihk_os *os, int place, struct ihk_call *c, bool killable,
		     unsigned long seconds)
{
	struct watch watch = { .os = os, .op = c->op };
	struct ikc_call *call;
	int slot, err;

	slot = slot_take(os->ikc, killable);
	if (slot < 0)
		return slot;
	call = &os->calls[slot];
	if (!ihk_os_alive(os)) {
		slot_leave(os, slot);
		return -EIO;
	}

	call->op = c->op;
	call->gen = ++os->ikc->slot[slot].gen;
	memcpy(call->arg, c->arg, sizeof(call->arg));
	/* Pairs with the LWK's acquire of POSTED. */
	smp_store_release(&call->state, IKC_POSTED);
	watch.place = place < 0 ? choose_place(os) : place;
	watch.head = READ_ONCE(os->to_lwk[watch.place]->head);
	watch_begin(&watch);
	ihk_ikc_push(os, watch.place, IKC_WORD(IKC_CALL, slot, call->gen), &watch.position);

	err = call_wait(&watch, slot, killable, seconds);
	if (!err) {
		c->ret = READ_ONCE(call->ret);
		memcpy(c->out, call->out, sizeof(c->out));
	}
	slot_leave(os, slot);
	return err;
}

static int call_enter(struct ihk_os *os, int place, struct ihk_call *c, bool killable,
		      unsigned long seconds)
{
	int err = -EIO;

	atomic_inc(&os->ikc->users);
	/* Before the look at `running`: ihk_os_stop() clears it and then looks at users. */
	smp_mb__after_atomic();
	if (ihk_os_alive(os))
		err = place < os->cpu_count ? call_make(os, place, c, killable, seconds) : -EINVAL;
	if (atomic_dec_and_test(&os->ikc->users))
		wake_up_all(&os->ikc->wait);
	return err;
}

int ihk_call(struct ihk_os *os, int place, struct ihk_call *c, bool killable)
{
	return call_enter(os, place, c, killable, 0);
}

int ihk_call_bounded(struct ihk_os *os, int place, struct ihk_call *c, bool killable,
		     unsigned int seconds)
{
	return call_enter(os, place, c, killable, seconds);
}

int ihk_call_error(struct ihk_os *os, const struct ihk_call *c)
{
	if (c->ret <= 0 && c->ret > -ERESTARTSYS)
		return c->ret;
	atomic64_inc(&os->ikc->bad);
	pr_warn_ratelimited("ihk: instance %d: call %u is answered by %lld, which is no error\n",
			    os->index, c->op, c->ret);
	return -EIO;
}

/* Late words for a slot in another use do no harm. */
void ihk_call_done(struct ihk_os *os, unsigned int index)
{
	struct ihk_ikc *ikc = os->ikc;
	unsigned long flags;

	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	if (test_bit(index, ikc->call_busy) &&
	    smp_load_acquire(&os->calls[index].state) == IKC_DONE) {
		if (ikc->slot[index].abandoned)
			slot_free(ikc, index);
		else
			complete(&ikc->slot[index].done);
	}
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
}

void ihk_calls_init(struct ihk_ikc *ikc)
{
	int i;

	sema_init(&ikc->slots, IKC_CALLS);
	for (i = 0; i < IKC_CALLS; i++)
		init_completion(&ikc->slot[i].done);
}

void ihk_calls_wake(struct ihk_ikc *ikc)
{
	unsigned long flags;
	unsigned int index;

	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	for_each_set_bit(index, ikc->call_busy, IKC_CALLS) {
		if (ikc->slot[index].abandoned)
			slot_free(ikc, index);
		else
			complete(&ikc->slot[index].done);
	}
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
}
