// SPDX-License-Identifier: GPL-2.0-only
/*
 * Futexes: waits against wakes, requeues, moves to other CPUs, and ends. Each
 * actor is a thread on a CPU of its own; a word is an index. A thread that
 * waits looks again only when the CPU that it is on is rung.
 */
#include "../../mckernel/arch/fake/fake.h"
#include "../../mckernel/syscall/futex_pi.h"
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/mm.h"
#include "mck/syscalls.h"

#include "weave.h"

#define THREADS 4
#define SPARE 4 /* the CPU that nobody is on at first */
enum { WAKE = 129, CMP_REQUEUE = 132 }; /* private */
#define WORD(i) (4096 + 4UL * (i))

static u32 words[4];
static struct space space;
static struct thread thread[THREADS];
static struct kpage kpage[THREADS];
static u32 kick[SPARE + 1];
static bool must_end[THREADS];
static s64 result[THREADS];
static unsigned char room[65536] __attribute__((aligned(64)));

/* ---- what the files under test stand on ---- */

void *kmalloc(size_t size)
{
	return size <= sizeof(room) ? room : NULL;
}

void *kzalloc(size_t size)
{
	return memset(weave_alloc(size), 0, size);
}

void kfree(void *p)
{
	if (p)
		weave_free(p);
}

struct thread *thread_by_tid(u32 tid, struct process *process)
{
	(void)process;
	return &thread[tid - 1];
}

void tid_remove(struct thread *t)
{
	(void)t;
}

bool sched_turn(void)
{
	weave_wait_change(WEAVE_TIMED, weave_look());
	return true;
}

int arch_user_load(u64 addr, u32 *value)
{
	u32 *word = &words[(addr - WORD(0)) / 4];

	weave_step(word, false);
	*value = *word;
	return 0;
}

int arch_user_exchange(u64 addr, u32 *old, u32 new)
{
	u32 *word = &words[(addr - WORD(0)) / 4], found;

	weave_step(word, true);
	found = *word;
	if (found == *old)
		*word = new;
	*old = found;
	weave_changed();
	return 0;
}

static void store(u32 index, u32 value)
{
	weave_step(&words[index], true);
	words[index] = value;
}

int copy_from_user(void *dst, u64 src, size_t size)
{
	(void)dst, (void)src, (void)size;
	return -EFAULT;
}

const struct region *space_region(struct space *s, u64 va)
{
	(void)s, (void)va;
	return NULL;
}

u64 shmobj_id(const struct shmobj *o)
{
	(void)o;
	return 0;
}

s64 deadline_set(struct deadline *d, u64 ns, bool absolute)
{
	(void)d, (void)ns, (void)absolute;
	return 0;
}

/* Nobody waits by the clock here. */
bool deadline_passed(struct deadline *d)
{
	(void)d;
	return false;
}

bool deadline_confirm(struct deadline *d)
{
	(void)d;
	return false;
}

bool thread_must_end(const struct thread *t)
{
	return must_end[t - thread];
}

static bool kicked(void *arg)
{
	return kick[*(u32 *)arg];
}

/* All are equal, but in one case; more of who inherits what is seen by programs (test/guest/futexops.sh). */
u32 sched_rank(const struct thread *t)
{
	return MAX(t->rank, t->inherited);
}

void sched_rank_changed(const struct thread *t)
{
	(void)t;
}

void wake_cpu(u32 place)
{
	weave_step(&kick[place], true);
	kick[place] = 1;
	weave_changed();
}

void wake_all_cpus(void)
{
	for (u32 i = 0; i <= SPARE; i++)
		wake_cpu(i);
}

u32 sched_note(struct thread *t)
{
	weave_step(&t->note_queued, true);
	t->note_queued = 1;
	weave_step(&t->cpu, false);
	return t->cpu;
}

static int wait(bool (*cond)(void *arg), void *arg, bool interruptible, bool told)
{
	struct thread *t = current_thread();

	for (;;) {
		if (cond(arg))
			return 0;
		if (interruptible && thread_must_end(t))
			return -EINTR;
		do {
			weave_wait(WEAVE_BLOCKED, kicked, &t->cpu);
			kick[t->cpu] = 0;
		} while (told && !t->note_queued);
		t->note_queued = 0;
	}
}

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait(cond, arg, interruptible, false);
}

int wait_told(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait(cond, arg, interruptible, true);
}

/* Linux has nothing for it after all; but meanwhile it has come to another CPU. */
bool signal_ask(void)
{
	struct thread *t = current_thread();

	t->kpage->sigpend = 0;
	weave_step(&t->cpu, true);
	t->cpu = SPARE;
	cpu_of(SPARE)->current = t;
	fake_be_cpu(SPARE);
	return false;
}

static void relax(void)
{
	weave_wait_change(WEAVE_BLOCKED, weave_look());
}

static void on_switch(int actor)
{
	fake_be_cpu(actor < 0 ? 0 : thread[actor].cpu);
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	fake_start(4UL << 20, 1, SPARE + 1, "");
	fake_relax = relax;
	futex_buckets_init(0);
	for (u32 i = 0; i < THREADS; i++) {
		thread[i].cpu = i;
		thread[i].space = &space;
		thread[i].kpage = &kpage[i];
		kpage[i].tid = i + 1;
		cpu_of(i)->current = &thread[i];
	}
}

static s64 futex(u32 index, u32 op, u32 value, u64 value2, u32 index2, u32 value3)
{
	const u64 arg[6] = { WORD(index), op, value, value2, WORD(index2), value3 };

	return sys_futex(arg);
}

static bool nobody_waits(u32 index)
{
	struct futex_key key;

	futex_key(WORD(index), false, ACCESS_READ, &key);
	return list_empty(&futex_bucket_of(&key)->waiters);
}

/* ---- a wait and a wake ---- */

/* As futex_wait(), but not on the actor's stack: what others do there are steps too. */
static void waiter(void)
{
	static struct futex_sleeper sleeper[THREADS];
	static struct futex_waiter w[THREADS];
	struct deadline never = { .ns = DEADLINE_NEVER };
	int me = weave_self();

	sleeper[me].thread = &thread[me];
	w[me].sleeper = &sleeper[me];
	w[me].bits = ~0U;
	result[me] = futex_enqueue(&w[me], WORD(0), false, 0);
	if (result[me])
		return;
	futex_sleep(&sleeper[me], &never);
	if (!futex_waiter_leave(&w[me]))
		result[me] = -EINTR;
}

static void wake_one(void)
{
	store(0, 1);
	result[weave_self()] = futex(0, WAKE, 1, 0, 0, 0);
}

static void check_pair(void)
{
	weave_assert(result[0] == 0 || result[0] == -EAGAIN);
	weave_assert(result[1] == (result[0] == 0));
	weave_assert(nobody_waits(0));
}

static void wake_twice(void)
{
	store(0, 1);
	result[2] = futex(0, WAKE, 1, 0, 0, 0);
	result[2] += futex(0, WAKE, 1, 0, 0, 0);
}

static void check_two(void)
{
	weave_assert(result[2] == (result[0] == 0) + (result[1] == 0));
	weave_assert(nobody_waits(0));
}

/* ---- a waiter that is moved to another word, and has to end ---- */

static void requeue(void)
{
	result[1] = futex(0, CMP_REQUEUE, 0, 1, 1, 0);
	store(0, 1);
	result[1] = futex(1, WAKE, 1, 0, 0, 0);
	result[1] += futex(0, WAKE, 1, 0, 0, 0);
}

static void end_it(void)
{
	must_end[0] = true;
	wake_cpu(sched_note(&thread[0]));
}

static void check_ended(void)
{
	weave_assert(result[0] == 0 || result[0] == -EAGAIN || result[0] == -EINTR);
	weave_assert(result[1] == (result[0] == 0));
	weave_assert(nobody_waits(0) && nobody_waits(1));
}

/* ---- a waiter that is disturbed, and waits again on another CPU ---- */

static void disturb(void)
{
	kpage[0].sigpend = 1;
	wake_cpu(sched_note(&thread[0]));
}

/* ---- a waiter that is gone as soon as it is woken ---- */

static bool rung(void *arg)
{
	return ((struct futex_sleeper *)arg)->rung;
}

static void come_and_go(void)
{
	struct thread *t = weave_alloc(sizeof(*t));
	struct futex_sleeper *s = weave_alloc(sizeof(*s));
	struct futex_waiter *w = weave_alloc(sizeof(*w));
	struct futex_bucket *b;

	*t = (struct thread){ .cpu = 0 };
	*s = (struct futex_sleeper){ .thread = t };
	*w = (struct futex_waiter){ .sleeper = s, .bits = ~0U };
	futex_key(WORD(0), false, ACCESS_READ, &w->key);
	b = futex_bucket_of(&w->key);
	spin_lock(&b->lock);
	futex_queue_add(b, w);
	spin_unlock(&b->lock);
	weave_wait(WEAVE_BLOCKED, rung, s);
	weave_assert(futex_waiter_leave(w));
	weave_free(w);
	weave_free(s);
	weave_free(t);
}

static bool somebody_waits(void *arg)
{
	(void)arg;
	return !nobody_waits(0);
}

static void wake_who_goes(void)
{
	weave_wait(WEAVE_BLOCKED, somebody_waits, NULL);
	weave_assert(futex(0, WAKE, 1, 0, 0, 0) == 1);
}

/* ---- locks with owners ---- */

enum { LOCK_PI = 134, UNLOCK_PI = 135 };

static void owned(void)
{
	words[0] = 1;
}

static void lock(void)
{
	result[weave_self()] = futex(0, LOCK_PI, 0, 0, 0, 0);
}

static void unlock(void)
{
	u32 found = weave_self() + 1, mine = found;

	arch_user_exchange(WORD(0), &found, 0);
	if (found != mine)
		weave_assert(futex(0, UNLOCK_PI, 0, 0, 0, 0) == 0);
}

static void lock_and_unlock(void)
{
	lock();
	weave_assert(result[weave_self()] == 0);
	weave_assert((words[0] & FUTEX_TID_MASK) == (u32)weave_self() + 1);
	unlock();
}

static void check_unlocked(void)
{
	weave_assert(!(words[0] & FUTEX_TID_MASK) && nobody_waits(0));
}

/* As leave_memory() does, with the word in its robust list. */
static void die(void)
{
	u32 old, found = 1;

	futex_begin_exit();
	do {
		old = found;
		arch_user_exchange(WORD(0), &found, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
	} while (found != old);
	futex_finish_exit();
}

static void check_inherited(void)
{
	weave_assert(result[1] == 0 && nobody_waits(0));
	weave_assert((words[0] & ~FUTEX_WAITERS) == (FUTEX_OWNER_DIED | 2));
}

/* It waits, or owns, when it has to end. */
static void lock_and_end(void)
{
	lock();
	weave_assert(result[0] == 0 || result[0] == -EINTR);
	if (result[0] == 0)
		die();
	else
		futex_finish_exit();
}

/*
 * Thread 1 waits for what thread 0 owns, behind thread 2, and owns itself what
 * somebody with a rank comes to wait for: by that it is first.
 */
static void wait_nested(void)
{
	struct futex_pi inner = { .owner = &thread[0] }, outer = { .owner = &thread[1] };
	struct futex_sleeper sleeper[] = { { .thread = &thread[1] },
					   { .thread = &thread[2] },
					   { .thread = &thread[3] } };
	struct futex_waiter first = { .sleeper = &sleeper[1] }, nested = { .sleeper = &sleeper[0] };
	struct futex_waiter high = { .sleeper = &sleeper[2] };

	list_init(&inner.waiters);
	list_init(&outer.waiters);
	thread[0].pi_owned = &inner;
	thread[1].pi_owned = &outer;
	thread[3].rank = 5;
	weave_assert(!pi_block(&inner, &first) && !pi_block(&inner, &nested));
	weave_assert(pi_next(&inner) == &first);
	weave_assert(!pi_block(&outer, &high));
	weave_assert(thread[0].inherited == 5 && thread[1].inherited == 5);
	weave_assert(pi_next(&inner) == &nested && inner.ranked == 1);
	/* And not for longer than that one has it. */
	thread[3].rank = 0;
	up_rank_changed(&thread[3]);
	weave_assert(!thread[0].inherited && !thread[1].inherited);
	weave_assert(pi_next(&inner) == &first && inner.ranked == 0);
}

static const struct weave_case cases[] = {
	{ "a rank by another lock", prepare, NULL, { wait_nested }, NULL, 1 },
	{ "a wait and a wake", prepare, NULL, { waiter, wake_one }, check_pair, 3 },
	{ "two waits, two wakes", prepare, NULL, { waiter, waiter, wake_twice }, check_two, 2 },
	{ "a requeue and an end", prepare, NULL, { waiter, requeue, end_it }, check_ended, 3 },
	{ "a move", prepare, NULL, { waiter, wake_one, disturb }, check_pair, 3 },
	{ "a waiter goes", prepare, NULL, { come_and_go, wake_who_goes }, NULL, 3 },
	{ "an unlock", prepare, owned, { unlock, lock_and_unlock }, check_unlocked, 4 },
	{ "two unlocks",
	  prepare,
	  owned,
	  { unlock, lock_and_unlock, lock_and_unlock },
	  check_unlocked,
	  2 },
	{ "a death", prepare, owned, { die, lock }, check_inherited, 3 },
	{ "a death, and two who come by",
	  prepare,
	  owned,
	  { die, lock_and_unlock, lock_and_unlock },
	  check_unlocked,
	  3 },
	{ "a death of a waiter",
	  prepare,
	  NULL,
	  { lock_and_end, lock_and_unlock, end_it },
	  check_unlocked,
	  2 },
};

/* All memory is the LWK's here. */
bool space_is_mirror(struct space *of, u64 va)
{
	(void)of, (void)va;
	return false;
}

void offload_call(u64 nr, const u64 arg[6], u64 mask, struct offload_result *res)
{
	(void)nr, (void)arg, (void)mask, (void)res;
}

s64 offload_syscall(u64 nr, const u64 arg[6])
{
	(void)nr, (void)arg;
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
