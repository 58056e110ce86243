// SPDX-License-Identifier: GPL-2.0-only
/* The channel between the kernels: rings, calls in both directions, bulk buffers. */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/semaphore.h>
#include <linux/slab.h>

#include "object/object.h"
#include "os/os.h"

#define RING_AGAIN_MS 20 /* a word that is not taken is rung for again: edges can be lost */
#define DRAIN_MAX RING_ENTRIES /* words of one ring in one interrupt */
#define LOOK_MAX HZ /* counted at most between two looks at what is owed */
/* How much longer than a hang the LWK may have something that takes it long by its nature. */
#define LONG_WORK 5

static unsigned int hang_seconds = 60;
module_param(hang_seconds, uint, 0644);
MODULE_PARM_DESC(
	hang_seconds,
	"an LWK that does not move, or keeps an answer, for so long is hung up (0: never)");

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

/* ---- calls to the LWK ---- */

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

/* Send the word; *position says where in the ring it is. */
static void push(struct ihk_os *os, int place, u64 word, u32 *position)
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
	u64 heartbeat; /* and of the CPU, when they last moved: */
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
	u64 heartbeat = READ_ONCE(os->params->cpus[watch->place].heartbeat);

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
	push(os, watch.place, IKC_WORD(IKC_CALL, slot, call->gen), &watch.position);

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

/* From the interrupt: a call is answered. Late words for a slot in another use do no harm. */
static void call_done(struct ihk_os *os, unsigned int index)
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

/* ---- the ring from the LWK ---- */

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
		call_done(os, index);
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
	sema_init(&ikc->slots, IKC_CALLS);
	for (i = 0; i < IKC_CALLS; i++)
		init_completion(&ikc->slot[i].done);
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
	struct ihk_ikc *ikc = os->ikc;
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
	wake_up_all(&ikc->wait);
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
