/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads: their table, birth, end, and the tie to their twins. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/task.h"

#define ID_BUCKETS 16384

/*
 * Programs' threads by id. Ids are given in turn and never again: they spread
 * over the buckets evenly by themselves.
 * Under table_lock. It also guards, in every thread of the table, what other
 * CPUs change: state PREPARED, cpu, end_reason, end_call, and the attachment.
 */
static struct spinlock table_lock = SPINLOCK_INIT(RANK_THREADS);
static struct thread *table[ID_BUCKETS]; /* chains by thread->next_id */
static u64 newest_id;
static u32 table_used;

static void count(abi_u64 *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* What names the thread with this id, or the end of the chain that it would be in. */
static struct thread **table_link(u64 id)
{
	struct thread **link = &table[id % ID_BUCKETS];

	assert_held(&table_lock);
	while (*link && (*link)->id != id)
		link = &(*link)->next_id;
	return link;
}

static struct thread *thread_lookup(u64 id)
{
	return *table_link(id);
}

static void table_insert(struct thread *t, struct process *process)
{
	struct thread **bucket;

	spin_lock(&table_lock);
	t->id = ++newest_id;
	bucket = &table[t->id % ID_BUCKETS];
	t->next_id = *bucket;
	*bucket = t;
	table_used++;
	list_add_tail(&process->threads, &t->siblings);
	spin_unlock(&table_lock);
}

static void table_remove(struct thread *t)
{
	if (t->born)
		tid_remove(t);
	spin_lock(&table_lock);
	*table_link(t->id) = t->next_id;
	table_used--;
	list_del(&t->siblings);
	/* From here on nobody finds it: end_call is final, the pages are Linux's again. */
	if (t->kpage)
		__atomic_store_n(&t->kpage->thread, 0, __ATOMIC_RELEASE);
	t->kpage = NULL;
	t->slot = NULL;
	spin_unlock(&table_lock);
}

struct thread *thread_find(u64 id)
{
	struct thread *t;

	spin_lock(&table_lock);
	t = thread_lookup(id);
	spin_unlock(&table_lock);
	return t;
}

bool thread_with(u64 id, void (*fn)(struct thread *t, void *arg), void *arg)
{
	struct thread *t;

	spin_lock(&table_lock);
	t = thread_lookup(id);
	if (t)
		fn(t, arg);
	spin_unlock(&table_lock);
	return t != NULL;
}

u32 thread_count(void)
{
	return __atomic_load_n(&table_used, __ATOMIC_RELAXED);
}

void thread_set_cpu(struct thread *t, u32 place)
{
	spin_lock(&table_lock);
	t->cpu = place;
	if (t->kpage)
		t->kpage->cpu = place;
	spin_unlock(&table_lock);
}

/* ---- birth ---- */

static struct thread *thread_alloc(int node)
{
	struct thread *t = kzalloc(sizeof(*t));
	u8 *stack = arch_kstack_alloc(node);

	if (!t || !stack) {
		kfree(t);
		if (stack)
			arch_kstack_free(stack);
		return NULL;
	}
	t->kstack = stack;
	list_init(&t->all);
	list_init(&t->asks);
	list_init(&t->posted);
	t->look = true;
	memset(t->affinity, 0xff, sizeof(t->affinity));
	return t;
}

void thread_start_free(struct thread_start *s)
{
	if (s->drop)
		s->drop(s);
	kfree(s);
}

static void thread_release(struct thread *t)
{
	arch_fpu_free(t);
	if (t->start)
		thread_start_free(t->start);
	arch_kstack_free(t->kstack);
	kfree(t);
}

struct thread *thread_create_kernel(void (*work)(void *arg), void *arg, int node)
{
	struct thread *t = thread_alloc(node);

	if (!t)
		return NULL;
	t->work = work;
	t->work_arg = arg;
	t->state = THREAD_RUNNABLE;
	arch_thread_init(t, sched_first_run, t);
	return t;
}

struct thread *thread_create(struct space *space, struct process *process, struct sighand *sighand)
{
	struct thread *t = thread_alloc(-1);

	if (!t)
		return NULL;
	t->state = THREAD_PREPARED;
	arch_thread_init(t, sched_first_run, t);
	if (arch_fpu_alloc(t)) {
		thread_release(t);
		return NULL;
	}
	t->space = space;
	t->process = process;
	t->sighand = sighand;
	table_insert(t, process);
	return t;
}

void sched_start(struct thread *t, int place)
{
	spin_lock(&table_lock);
	if (t->state == THREAD_PREPARED)
		sched_assign(t, place >= 0 && place < (int)cpu_count ? (u32)place : sched_place(t));
	spin_unlock(&table_lock);
}

/* ---- end ---- */

bool thread_must_end(const struct thread *t)
{
	return READ_ONCE(t->end_reason) || (t->kpage && READ_ONCE(t->kpage->dead));
}

bool thread_end(u64 id, u32 reason, u32 end_call)
{
	struct thread *t;
	u32 place = 0;

	spin_lock(&table_lock);
	t = thread_lookup(id);
	if (t) {
		if (!t->end_reason)
			t->end_reason = reason;
		if (end_call)
			t->end_call = end_call;
		/* One that was never started ends as all others do: in its own context. */
		if (t->state == THREAD_PREPARED)
			sched_assign(t, sched_place(t));
		place = sched_note(t);
	}
	spin_unlock(&table_lock);
	if (t)
		wake_cpu(place);
	return t != NULL;
}

void thread_end_unattached(u64 id)
{
	struct thread *t;
	bool told;

	spin_lock(&table_lock);
	t = thread_lookup(id);
	told = !t || t->attached;
	spin_unlock(&table_lock);
	/* Nobody can attach it any more: its parent's twin has died or is done with the clone. */
	if (!told)
		thread_end(id, THREAD_UNBORN, 0);
}

void thread_free(struct thread *t)
{
	kassert(t->state == THREAD_PREPARED);
	table_remove(t);
	space_put(t->space);
	sighand_put(t->sighand);
	process_put(t->process);
	thread_release(t);
}

static bool end_announced(void *arg)
{
	return READ_ONCE(((struct thread *)arg)->end_reason) != 0;
}

void thread_exit(void)
{
	struct thread *t = current_thread();
	struct space *space;

	/* A dead flag may come first; the call that wants an answer follows. */
	wait_told(end_announced, t, false);
	if (t->kpage)
		thread_publish_times(t);
	/* Off the tables before they go, also if this thread waits for that. Others look at it under the lock. */
	spin_lock(&table_lock);
	space = t->space;
	t->space = NULL;
	spin_unlock(&table_lock);
	arch_load_space(NULL);
	space_put(space);
	sighand_put(t->sighand);
	if (t->born)
		count(&boot_params->counters.threads_ended);
	sched_exit();
}

/* The call is answered last: all memory has been given back by then. */
void thread_gone(struct thread *t)
{
	u32 call = t->end_call;

	thread_release(t);
	if (call) {
		phys_publish();
		up_ended(call);
	}
}

/* In the context of the next thread. */
void thread_reap(struct thread *t)
{
	if (!t->work) {
		table_remove(t);
		/* Behind that: the table's lock guards the list that it was in. */
		process_put(t->process);
	}
	/* No more notes: else who takes the last one ends it. */
	if (!note_keeps(t))
		thread_gone(t);
}

/* ---- the pair ---- */

static s64 attach(struct thread *t, const struct attachment *a)
{
	struct slot *slot = arch_map_linux(a->slot_pa, sizeof(*slot));
	struct kpage *kpage = arch_map_linux(a->kpage_pa, sizeof(*kpage));

	if (!slot || !kpage)
		return -ENOMEM;
	t->twin_index = a->twin_index;
	t->twin_gen = a->twin_gen;
	t->slot_number = a->slot_number;
	t->slot_uva = PROXY_SLOTS + (u64)t->slot_number * PAGE_SIZE;
	t->space->linux_id = a->linux_space;
	t->slot = slot;
	t->attached = true;
	/* One that is not started is on no CPU: it is looked at when it comes to one. */
	kpage->cpu = t->state == THREAD_PREPARED ? ABI_MAX_CPUS : t->cpu;
	kpage->times = va_to_pa(&t->times);
	kpage->thread = (u64)t;
	kpage->note = (u64)kpage;
	/* Its CPU looks at kpage: all before is there. */
	__atomic_store_n(&t->kpage, kpage, __ATOMIC_RELEASE);
	if (t->state != THREAD_PREPARED)
		wake_cpu(sched_note(t));
	return 0;
}

s64 thread_attach(u64 id, const struct attachment *a)
{
	struct thread *t;
	s64 ret = -ESRCH;

	spin_lock(&table_lock);
	t = thread_lookup(id);
	if (t)
		ret = attach(t, a);
	spin_unlock(&table_lock);
	return ret;
}
