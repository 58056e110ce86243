/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks with priority inheritance. The program's word holds the owner's tid; who
 * finds it taken sets FUTEX_WAITERS and waits here, and from then on the owner
 * can only unlock it here: it writes the first waiter's tid. The protocol of the
 * word is Linux's (kernel/futex/pi.c).
 */
#include "futex_pi.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/syscalls.h"

/*
 * All struct futex_pi, and in each thread pi_owned, pi_waits and pi_end. Only
 * for locks that are contended; so that a chain of owners can be followed.
 */
struct spinlock pi_lock = SPINLOCK_INIT(RANK_FUTEX_PI);

/*
 * Who meets an owner that is about to end waits for any to have ended. Atomic:
 * `exits` is raised before the look at `exit_waiters`, which is raised before
 * the look at `exits`, with full fences between: one of the two sees the other.
 */
static u32 exits, exit_waiters;

/* ---- who owns what; under pi_lock ---- */

static void disown(struct futex_pi *pi)
{
	*pi->link = pi->next;
	if (pi->next)
		pi->next->link = pi->link;
	pi->owner = NULL;
}

static void own(struct futex_pi *pi, struct thread *owner)
{
	pi->owner = owner;
	pi->next = owner->pi_owned;
	if (pi->next)
		pi->next->link = &pi->next;
	pi->link = &owner->pi_owned;
	owner->pi_owned = pi;
}

static struct futex_pi *make(struct pi_attempt *a, struct thread *owner)
{
	struct futex_pi *pi = a->spare;

	a->spare = NULL;
	pi->key = a->key;
	pi->ranked = 0;
	list_init(&pi->waiters);
	own(pi, owner);
	return pi;
}

static void settle(struct futex_pi *pi)
{
	if (!list_empty(&pi->waiters))
		return;
	disown(pi);
	kfree(pi);
}

void pi_settle(struct futex_pi *pi)
{
	spin_lock(&pi_lock);
	settle(pi);
	spin_unlock(&pi_lock);
}

/* Does the owner of pi wait for `who`, by however many others? */
static bool is_circle(const struct futex_pi *pi, const struct thread *who)
{
	for (int i = 0; pi && i < CHAIN_MAX; i++) {
		if (pi->owner == who)
			return true;
		pi = pi->owner->pi_waits;
	}
	return pi != NULL;
}

s64 pi_block(struct futex_pi *pi, struct futex_waiter *w)
{
	struct thread *who = w->sleeper->thread;
	s64 err = 0;

	spin_lock(&pi_lock);
	if (is_circle(pi, who)) {
		err = -EDEADLK;
	} else {
		who->pi_waits = pi;
		w->pi = pi;
		list_add_tail(&pi->waiters, &w->pi_link);
		w->pi_ranked = sched_rank(who) != 0;
		pi->ranked += w->pi_ranked;
		pi_inherit(pi->owner, sched_rank(who));
	}
	spin_unlock(&pi_lock);
	return err;
}

/* w waits no more. */
static void unblock(struct futex_waiter *w)
{
	struct thread *owner = w->pi->owner;

	w->sleeper->thread->pi_waits = NULL;
	list_del(&w->pi_link);
	w->pi->ranked -= w->pi_ranked;
	w->pi = NULL;
	pi_inherit(owner, sched_rank(w->sleeper->thread));
}

/* To this waiter, which is awake then; `dead`: see struct futex_waiter. Under the bucket's lock. */
static void hand_over(struct futex_pi *pi, struct futex_waiter *w, u32 dead, futex_cpus cpus)
{
	struct thread *before = pi->owner, *after = w->sleeper->thread;
	u32 rank;

	spin_lock(&pi_lock);
	unblock(w);
	disown(pi);
	own(pi, after);
	/* What the one has inherited by this lock, the other one does. */
	rank = before->inherited;
	pi_inherit(before, rank);
	pi_inherit(after, rank);
	pi->stale = dead != 0;
	w->dead = dead;
	settle(pi);
	spin_unlock(&pi_lock);
	futex_queue_take(w, cpus);
}

/* ---- taking ---- */

/* The word becomes `new` if it is `old`: 0, -EFAULT, or -EAGAIN. */
static s64 change(u64 addr, u32 old, u32 new)
{
	u32 found = old;
	s64 err = arch_user_exchange(addr, &found, new);

	return !err && found != old ? -EAGAIN : err;
}

/* Somebody waits already: does the word fit what is known? */
static s64 join(struct pi_attempt *a, u32 word, const struct futex_waiter *first)
{
	u32 tid = word & FUTEX_TID_MASK;
	struct futex_pi *pi = first->pi;
	bool fits;

	/* A word for two purposes. */
	if (!pi)
		return -EINVAL;
	spin_lock(&pi_lock);
	/* Between an owner's death and the next one's word, the word is what the death has left. */
	fits = pi->stale || (!tid && (word & FUTEX_OWNER_DIED)) || tid == pi->owner->kpage->tid;
	spin_unlock(&pi_lock);
	a->pi = pi;
	return fits ? PI_WAIT : -EINVAL;
}

/* The first waiter: looks for the owner that the word names. */
static s64 find_owner(struct pi_attempt *a, u32 word)
{
	struct thread *owner;
	s64 err = PI_WAIT;
	u32 now;

	spin_lock(&pi_lock);
	/* It stays, until it has passed futex_finish_exit(), which takes our lock. */
	owner = thread_by_tid(word & FUTEX_TID_MASK, current_thread()->process);
	if (!owner || owner->pi_end == PI_END_DEAD)
		err = -ESRCH;
	else if (owner->pi_end == PI_END_BEGUN)
		err = -EBUSY;
	else
		a->pi = make(a, owner);
	/* It has yet to take our lock, and to raise this. */
	a->exits = __atomic_load_n(&exits, __ATOMIC_RELAXED);
	spin_unlock(&pi_lock);
	if (err != -ESRCH)
		return err;
	/* Dead: but it may have said so in the word meanwhile. */
	if (arch_user_load(a->addr, &now))
		return -EFAULT;
	return now != word ? -EAGAIN : -ESRCH;
}

/* Nobody has it, or its owner has died. */
static s64 take(struct pi_attempt *a, u32 word)
{
	u32 new = (word & FUTEX_OWNER_DIED) | a->who->kpage->tid |
		  (a->announce ? FUTEX_WAITERS : 0);
	s64 err = change(a->addr, word, new);

	if (err)
		return err;
	if (a->announce) {
		spin_lock(&pi_lock);
		a->pi = make(a, a->who);
		spin_unlock(&pi_lock);
	}
	return PI_TAKEN;
}

s64 pi_try(struct pi_attempt *a)
{
	const struct futex_waiter *first;
	u32 word;
	s64 err;

	assert_held(&a->b->lock);
	a->pi = NULL;
	if (arch_user_load(a->addr, &word))
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) == a->who->kpage->tid)
		return -EDEADLK;
	first = futex_queue_first(a->b, &a->key);
	if (first)
		return join(a, word, first);
	if (!(word & FUTEX_TID_MASK))
		return take(a, word);
	/* Before the look for the owner, which cannot unlock it unseen from here on. */
	err = change(a->addr, word, word | FUTEX_WAITERS);
	return err ? err : find_owner(a, word | FUTEX_WAITERS);
}

static bool exit_over(void *arg)
{
	const struct pi_attempt *a = arg;

	return __atomic_load_n(&exits, __ATOMIC_ACQUIRE) != a->exits;
}

s64 pi_retry(struct pi_attempt *a, s64 err)
{
	switch (err) {
	case -EFAULT:
		return futex_fault_in(a->addr, ACCESS_WRITE);
	case -EAGAIN:
		return sched_turn() ? 0 : -EINTR;
	case -EBUSY:
		__atomic_add_fetch(&exit_waiters, 1, __ATOMIC_SEQ_CST);
		err = wait_for(exit_over, a, true);
		__atomic_sub_fetch(&exit_waiters, 1, __ATOMIC_SEQ_CST);
	}
	return err;
}

/* ---- the end of a wait ---- */

/* Is it there, with somebody who waits for it? Under the bucket's lock. */
static bool is_waited_for(struct futex_bucket *b, const struct futex_pi *pi)
{
	struct futex_waiter *w;

	list_for_each(w, &b->waiters, link)
		if (w->pi == pi)
			return true;
	return false;
}

/* The first waiter gets what an owner leaves that is dead, or that cannot write the word; `dead` stands there. */
static void abandon(struct futex_pi *pi, const struct futex_key *key, u32 dead)
{
	struct futex_bucket *b = futex_bucket_of(key);
	futex_cpus cpus = { 0 };

	spin_lock(&b->lock);
	/* It may be gone by now, with its last waiter, and be another's. */
	if (is_waited_for(b, pi) && pi->owner == current_thread())
		hand_over(pi, pi_next(pi), dead, cpus);
	spin_unlock(&b->lock);
	futex_ring(cpus);
}

/* What the current thread owns of this name, or NULL. Under the bucket's lock. */
static struct futex_pi *owned(const struct futex_key *key)
{
	struct futex_pi *pi;

	spin_lock(&pi_lock);
	for (pi = current_thread()->pi_owned; pi && !futex_same(&pi->key, key);)
		pi = pi->next;
	spin_unlock(&pi_lock);
	return pi;
}

/*
 * Says in the word of a dead owner that it is the current thread's now. -EBUSY:
 * nobody else has waited for it since, and one who came by has taken it.
 */
static s64 write_word(u64 addr, const struct futex_key *key, u32 dead)
{
	u32 word, tid, new = FUTEX_OWNER_DIED | FUTEX_WAITERS | current_thread()->kpage->tid;
	struct futex_bucket *b = futex_bucket_of(key);
	struct futex_pi *pi;
	s64 err;

	do {
		spin_lock(&b->lock);
		pi = owned(key);
		err = arch_user_load(addr, &word);
		tid = err ? 0 : word & FUTEX_TID_MASK;
		if (!err && !pi && tid && tid != dead)
			err = -EBUSY;
		if (!err)
			err = change(addr, word, new);
		if (!err && pi)
			pi->stale = false;
		spin_unlock(&b->lock);
		if (err == -EFAULT && !futex_fault_in(addr, ACCESS_WRITE))
			err = -EAGAIN;
	} while (err == -EAGAIN);
	if (err && pi)
		abandon(pi, key, dead);
	return err;
}

s64 pi_finish(struct futex_waiter *w, u64 addr, enum futex_end end, s64 interrupted)
{
	struct futex_pi *pi;

	if (!futex_waiter_lock(w)) {
		if (w->error)
			return w->error;
		return w->dead ? write_word(addr, &w->key, w->dead) : 0;
	}
	list_del(&w->link);
	pi = w->pi;
	if (pi) {
		spin_lock(&pi_lock);
		unblock(w);
		settle(pi);
		spin_unlock(&pi_lock);
	}
	spin_unlock(&w->bucket->lock);
	if (end == FUTEX_EXPIRED)
		return -ETIMEDOUT;
	return end == FUTEX_SIGNAL ? interrupted : -EINTR;
}

/* ---- the calls ---- */

/* PI_TAKEN, or w is queued unless `try` (PI_WAIT), or an error for pi_retry(). */
static s64 try_or_queue(struct pi_attempt *a, struct futex_waiter *w, bool shared, bool try)
{
	s64 ret = futex_key(a->addr, shared, ACCESS_WRITE, &a->key);

	if (ret)
		return ret;
	w->key = a->key;
	a->b = futex_bucket_of(&a->key);
	spin_lock(&a->b->lock);
	ret = pi_try(a);
	if (ret == PI_WAIT && !try)
		ret = pi_block(a->pi, w);
	if (ret == PI_WAIT && !try)
		futex_queue_add(a->b, w);
	else if (a->pi)
		pi_settle(a->pi);
	spin_unlock(&a->b->lock);
	return ret;
}

static s64 lock_once(u64 addr, bool shared, struct deadline *d, bool try)
{
	struct futex_sleeper sleeper = { .thread = current_thread() };
	struct futex_waiter w = { .sleeper = &sleeper };
	struct pi_attempt a = { .addr = addr, .who = current_thread() };
	s64 ret, err;

	do {
		if (!a.spare)
			a.spare = kzalloc(sizeof(*a.spare));
		if (!a.spare)
			return -ENOMEM;
		ret = try_or_queue(&a, &w, shared, try);
		err = ret < 0 ? pi_retry(&a, ret) : 1;
	} while (!err);
	kfree(a.spare);
	if (ret < 0)
		return err;
	if (ret == PI_TAKEN)
		return 0;
	if (try)
		return -EAGAIN;
	return pi_finish(&w, addr, futex_sleep(&sleeper, d), -ERESTARTNOINTR);
}

s64 futex_lock_pi(u64 addr, bool shared, struct deadline *d, bool try)
{
	s64 ret;

	do
		ret = lock_once(addr, shared, d, try);
	while (ret == -EBUSY);
	return ret;
}

/* 0; -EFAULT as arch_user_load(); -EAGAIN: again; -EINVAL: the word is not what it must be. */
static s64 unlock_to(u64 addr, u32 word, struct futex_waiter *first, futex_cpus cpus)
{
	struct futex_pi *pi = first->pi;
	u32 found = word;
	s64 err;

	if (!pi || pi->owner != current_thread())
		return -EINVAL;
	first = pi_next(pi);
	err = arch_user_exchange(addr, &found, FUTEX_WAITERS | first->sleeper->thread->kpage->tid);
	if (err)
		return err;
	/* A waiter has come meanwhile; or the program plays with the word. */
	if (found != word)
		return (found ^ word) & FUTEX_TID_MASK ? -EINVAL : -EAGAIN;
	hand_over(pi, first, 0, cpus);
	return 0;
}

/* One attempt. *again: after a fault, or because the word has changed. */
static s64 unlock_once(u64 addr, bool shared, bool *again)
{
	struct futex_bucket *b;
	struct futex_waiter *first;
	struct futex_key key;
	futex_cpus cpus = { 0 };
	u32 word;
	s64 err;

	*again = false;
	if (arch_user_load(addr, &word))
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) != current_thread()->kpage->tid)
		return -EPERM;
	err = futex_key(addr, shared, ACCESS_WRITE, &key);
	if (err)
		return err;
	b = futex_bucket_of(&key);
	spin_lock(&b->lock);
	first = futex_queue_first(b, &key);
	err = first ? unlock_to(addr, word, first, cpus) : change(addr, word, 0);
	spin_unlock(&b->lock);
	futex_ring(cpus);
	*again = err == -EFAULT || (first && err == -EAGAIN);
	return err;
}

s64 futex_unlock_pi(u64 addr, bool shared)
{
	bool again;
	s64 err;

	do {
		err = unlock_once(addr, shared, &again);
		if (again && err == -EFAULT && futex_fault_in(addr, ACCESS_WRITE))
			return -EFAULT;
	} while (again && sched_turn());
	return err;
}

/* ---- the end of an owner ---- */

void futex_begin_exit(void)
{
	spin_lock(&pi_lock);
	if (current_thread()->pi_end != PI_END_DEAD)
		current_thread()->pi_end = PI_END_BEGUN;
	spin_unlock(&pi_lock);
}

void futex_finish_exit(void)
{
	struct thread *t = current_thread();
	struct futex_pi *pi;
	struct futex_key key;

	for (;;) {
		spin_lock(&pi_lock);
		t->pi_end = PI_END_DEAD;
		/* Who has found it holds the lock. */
		tid_remove(t);
		pi = t->pi_owned;
		if (pi)
			key = pi->key;
		spin_unlock(&pi_lock);
		if (!pi)
			break;
		abandon(pi, &key, t->kpage->tid);
	}
	__atomic_add_fetch(&exits, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&exit_waiters, __ATOMIC_SEQ_CST))
		wake_all_cpus();
}

void futex_robust_list(u32 tid, u64 *list)
{
	const struct thread *t;

	spin_lock(&pi_lock);
	t = thread_by_tid(tid, current_thread()->process);
	if (t && t->pi_end != PI_END_DEAD)
		*list = READ_ONCE(t->robust_list);
	spin_unlock(&pi_lock);
}
