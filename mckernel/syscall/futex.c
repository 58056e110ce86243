/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes in the LWK's own memory. */
#include "mck/deadline.h"
#include "mck/errno.h"
#include "mck/futexq.h"
#include "mck/mm.h"
#include "mck/syscalls.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_WAITERS 0x80000000U /* bits of a robust futex's word */
#define FUTEX_OWNER_DIED 0x40000000U
#define FUTEX_TID_MASK 0x3fffffffU
#define FUTEX_COMMAND(op) ((op) & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))

/*
 * All waiters. A word is tested, and its waiter enqueued, under this lock: who
 * changes it, in this space or in another that shares it, takes the lock
 * afterwards to wake, and one of the two sees the other. The lock is below a
 * space's, under which the word cannot move.
 */
static struct spinlock queue_lock = SPINLOCK_INIT(RANK_PROCESS);
static struct futex_queue queue; /* under queue_lock */

/* ---- words ---- */

static bool is_shared(u64 op)
{
	return !(op & FUTEX_PRIVATE_FLAG);
}

/*
 * What names the word: its space and address, or where memory is shared the
 * object and the offset in it; never the physical page, which copy-on-write
 * changes. Under the space's lock.
 */
static void make_key(struct space *s, u64 addr, bool shared, struct futex_key *key)
{
	const struct region *r = shared ? space_region(s, addr) : NULL;

	*key = (struct futex_key){ .object = s, .offset = addr };
	if (!r || !r->shm)
		return;
	key->object = r->shm;
	key->offset = (r->pgoff << PAGE_SHIFT) + (addr - r->start);
}

/* The word in the direct map while the space's lock is held, or NULL if the tables do not show it so. */
static u32 *word_at(struct space *s, u64 addr, bool write)
{
	u64 want = PTE_PRESENT | PTE_USER | (write ? PTE_WRITE : 0);
	int level;
	const u64 *entry = pt_leaf(s->root_pa, addr, &level);
	u64 value = entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : 0;
	u64 mask = entry ? pt_span(level) - 1 : 0;

	if ((value & want) != want)
		return NULL;
	return (u32 *)((u8 *)pa_to_va(value & PTE_ADDR_MASK & ~mask) + (addr & mask));
}

/* 0 with the space's lock held and the word in reach; -EFAULT, -EINVAL. May wait before. */
static int word_lock(struct space *s, u64 addr, bool write, u32 **word)
{
	if (addr % sizeof(u32))
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	for (;;) {
		spin_lock(&s->lock);
		*word = word_at(s, addr, write);
		if (*word)
			return 0;
		spin_unlock(&s->lock);
		if (space_fault_wait(s, addr, write ? ACCESS_WRITE : ACCESS_READ) != FR_OK)
			return -EFAULT;
	}
}

static int key_of(struct space *s, u64 addr, bool shared, struct futex_key *key)
{
	if (addr % sizeof(u32))
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	spin_lock(&s->lock);
	make_key(s, addr, shared, key);
	spin_unlock(&s->lock);
	return 0;
}

/* ---- waiting ---- */

struct futex_wait {
	struct futex_waiter waiter;
	const struct kpage *k;
	struct deadline deadline;
	bool expired;
};

static bool wait_over(void *arg)
{
	struct futex_wait *w = arg;

	/* Pairs with the waker's release. */
	if (__atomic_load_n(&w->waiter.woken, __ATOMIC_ACQUIRE) || READ_ONCE(w->k->sigpend))
		return true;
	w->expired = deadline_passed(&w->deadline);
	return w->expired;
}

/* Out of the queue, if nobody has taken it out to wake it. True: it was woken. */
static bool stop_waiting(struct futex_wait *w)
{
	bool woken;

	spin_lock(&queue_lock);
	woken = w->waiter.woken;
	if (!woken)
		futex_queue_remove(&queue, &w->waiter);
	spin_unlock(&queue_lock);
	return woken;
}

/* In the queue, if the word still has the value. */
static int start_waiting(struct futex_wait *w, u64 addr, bool shared, u32 value)
{
	struct space *s = current_thread()->space;
	u32 *word;
	int err = word_lock(s, addr, false, &word);

	if (err)
		return err;
	make_key(s, addr, shared, &w->waiter.key);
	spin_lock(&queue_lock);
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
		futex_queue_add(&queue, &w->waiter);
	else
		err = -EAGAIN;
	spin_unlock(&queue_lock);
	spin_unlock(&s->lock);
	return err;
}

/*
 * `restart`: what a signal makes of the wait; Linux repeats only a wait
 * without a timeout.
 */
static s64 wait_on(struct futex_wait *w, u64 addr, bool shared, u32 value, s64 restart)
{
	struct thread *t = current_thread();
	s64 err = start_waiting(w, addr, shared, value);

	while (!err) {
		int ended = wait_for(wait_over, w, true);

		if (!ended && w->expired)
			w->expired = deadline_confirm(&w->deadline);
		if (ended || w->expired || w->waiter.woken) {
			bool woken = stop_waiting(w);

			if (ended)
				return -EINTR;
			return woken ? 0 : -ETIMEDOUT;
		}
		/*
		 * Linux has a signal; perhaps one that is blocked here, and the
		 * wait goes on. Nobody answers for a thread that must end.
		 */
		if (!t->caught && !signal_ask() && thread_must_end(t)) {
			stop_waiting(w);
			return -EINTR;
		}
		if (t->caught)
			return stop_waiting(w) ? 0 : restart;
	}
	return err;
}

static s64 futex_wait(u64 addr, u64 op, u32 value, u64 timeout, u32 bits)
{
	bool absolute = FUTEX_COMMAND(op) == FUTEX_WAIT_BITSET;
	struct futex_wait w = {
		.k = current_thread()->kpage,
		.deadline.clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC,
		.deadline.ns = DEADLINE_NEVER,
	};
	s64 ts[2], err;

	if (!bits)
		return -EINVAL;
	if (timeout) {
		if (copy_from_user(ts, timeout, sizeof(ts)))
			return -EFAULT;
		if (ts[0] < 0 || ts[1] < 0 || ts[1] >= (s64)NSEC_PER_SEC)
			return -EINVAL;
		/* A date beyond what counts in nanoseconds is never. */
		if (ts[0] < (s64)(1UL << 33)) {
			err = deadline_set(&w.deadline, (u64)ts[0] * NSEC_PER_SEC + (u64)ts[1],
					   absolute);
			if (err)
				return err;
		}
	}
	w.waiter.bits = bits;
	w.waiter.place = current_thread()->cpu;
	return wait_on(&w, addr, is_shared(op), value,
		       timeout ? -ERESTART_RESTARTBLOCK : -ERESTARTSYS);
}

/* ---- waking ---- */

/* Wakes are rung after the lock is dropped: one ring per CPU. */
static void ring(const u64 cpus[ABI_MAX_CPUS / 64])
{
	for (u32 place = 0; place < cpu_count; place++)
		if (cpus[place / 64] & (1UL << (place % 64)))
			wake_cpu(place);
}

static s64 futex_wake(u64 addr, bool shared, u32 count, u32 bits)
{
	u64 cpus[ABI_MAX_CPUS / 64] = { 0 };
	struct futex_key key;
	u32 woken;
	int err;

	if (!bits)
		return -EINVAL;
	err = key_of(current_thread()->space, addr, shared, &key);
	if (err)
		return err;
	/* As Linux, which counts before it looks. */
	if ((s32)count <= 0)
		count = 1;
	spin_lock(&queue_lock);
	woken = futex_queue_wake(&queue, &key, count, bits, cpus);
	spin_unlock(&queue_lock);
	ring(cpus);
	return woken;
}

s64 futex_wake_user(u64 addr, u32 count)
{
	return futex_wake(addr, true, count, ~0U);
}

/* Wake some, and let others wait for another word. `value`: what the first word must hold, if `compare`. */
static s64 futex_requeue(u64 addr, u64 addr2, bool shared, s32 wake, s32 move, bool compare,
			 u32 value)
{
	struct space *s = current_thread()->space;
	u64 cpus[ABI_MAX_CPUS / 64] = { 0 };
	struct futex_key from, to;
	s64 moved;
	u32 *word;
	int err;

	if (wake < 0 || move < 0 || addr2 % sizeof(u32))
		return -EINVAL;
	if (addr2 >= USER_END)
		return -EFAULT;
	err = word_lock(s, addr, false, &word);
	if (err)
		return err;
	make_key(s, addr, shared, &from);
	make_key(s, addr2, shared, &to);
	spin_lock(&queue_lock);
	if (compare && __atomic_load_n(word, __ATOMIC_SEQ_CST) != value) {
		moved = -EAGAIN;
	} else {
		moved = futex_queue_wake(&queue, &from, (u32)wake, ~0U, cpus);
		moved += futex_queue_move(&queue, &from, &to, (u32)move);
	}
	spin_unlock(&queue_lock);
	spin_unlock(&s->lock);
	ring(cpus);
	return moved;
}

static s64 futex_wake_op(u64 addr, u64 addr2, bool shared, u32 wake, u32 wake2, u32 op)
{
	struct space *s = current_thread()->space;
	u64 cpus[ABI_MAX_CPUS / 64] = { 0 };
	struct futex_key key, key2;
	bool holds;
	u32 *word, woken;
	int err;

	if (addr % sizeof(u32))
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	err = word_lock(s, addr2, true, &word);
	if (err)
		return err;
	err = futex_op_apply(word, op, &holds);
	if (err) {
		spin_unlock(&s->lock);
		return err;
	}
	make_key(s, addr, shared, &key);
	make_key(s, addr2, shared, &key2);
	spin_lock(&queue_lock);
	woken = futex_queue_wake(&queue, &key, wake, ~0U, cpus);
	if (holds)
		woken += futex_queue_wake(&queue, &key2, wake2, ~0U, cpus);
	spin_unlock(&queue_lock);
	spin_unlock(&s->lock);
	ring(cpus);
	return woken;
}

s64 sys_futex(const u64 arg[6])
{
	u64 addr = arg[0], op = (u32)arg[1], addr2 = arg[4];
	u32 value = (u32)arg[2], value2 = (u32)arg[3], value3 = (u32)arg[5];
	bool shared = is_shared(op);

	/* As Linux, where a relative wait has no choice of clocks. */
	if ((op & FUTEX_CLOCK_REALTIME) && FUTEX_COMMAND(op) != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (FUTEX_COMMAND(op)) {
	case FUTEX_WAIT:
		return futex_wait(addr, op, value, arg[3], ~0U);
	case FUTEX_WAIT_BITSET:
		return futex_wait(addr, op, value, arg[3], value3);
	case FUTEX_WAKE:
		return futex_wake(addr, shared, value, ~0U);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, shared, value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, shared, (s32)value, (s32)value2, false, 0);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, shared, (s32)value, (s32)value2, true, value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, shared, value, value2, value3);
	}
	/* Priority inheritance is not there, as on a kernel without it. */
	return -ENOSYS;
}

/* ---- the owner's death ---- */

int futex_owner_died(u64 addr, u32 tid, bool pending)
{
	u32 *word, old;
	int err = word_lock(current_thread()->space, addr, true, &word);

	if (err)
		return err;
	old = __atomic_load_n(word, __ATOMIC_RELAXED);
	while ((old & FUTEX_TID_MASK) == tid &&
	       !__atomic_compare_exchange_n(word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
					    false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		continue;
	spin_unlock(&current_thread()->space->lock);
	/* A pending operation may have been the unlocking one, dead before it woke anybody. */
	if (((old & FUTEX_TID_MASK) == tid && (old & FUTEX_WAITERS)) || (pending && !old))
		futex_wake_user(addr, 1);
	return 0;
}
