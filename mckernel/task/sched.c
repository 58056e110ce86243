/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler of one CPU: run queue, scan, halt, time sharing. */
#include "mck/clock.h"
#include "mck/mm.h"
#include "runq.h"

#define POLL_US_MAX 20

/* ---- placement ---- */

bool sched_cpu_empty(void)
{
	struct runq *rq = this_runq();
	bool empty;

	spin_lock(&rq->lock);
	empty = list_empty(&rq->all) && list_empty(&rq->incoming);
	spin_unlock(&rq->lock);
	return empty;
}

void sched_deliver(struct thread *t)
{
	struct runq *rq = runq_of(cpu_of(t->cpu));

	spin_lock(&rq->lock);
	list_add_tail(&rq->incoming, &t->all);
	spin_unlock(&rq->lock);
	wake_cpu(t->cpu);
}

static bool twin_waits(void *arg)
{
	struct thread *t = arg;
	struct kpage *k = __atomic_load_n(&t->kpage, __ATOMIC_ACQUIRE);

	return k && READ_ONCE(k->in_wait);
}

void sched_assign(struct thread *t, u32 place)
{
	t->cpu = place;
	if (t->kpage)
		t->kpage->cpu = place;
	/* Told by the twin, or looked at when it comes there. */
	t->cond = twin_waits;
	t->cond_arg = t;
	t->interruptible = true;
	t->state = THREAD_WAITING;
	__atomic_add_fetch(&runq_of(cpu_of(place))->threads, 1, __ATOMIC_RELAXED);
	sched_deliver(t);
}

/* ---- accounting ---- */

static void charge_system(struct thread *t)
{
	thread_charge(t, &t->times.system_cycles, 0);
}

void up_enter(void)
{
	struct thread *t = current_thread();

	this_cpu()->boot->state = LWK_CPU_KERNEL;
	thread_charge(t, &t->times.user_cycles, 0);
}

/* ---- switching ---- */

static struct thread *sched_pick(struct runq *rq)
{
	struct thread *t = order_first(rq);

	if (!t)
		return NULL;
	order_remove(rq, t);
	balance_busy();
	return t;
}

static void make_runnable(struct runq *rq, struct thread *t)
{
	if (!list_empty(&t->asks))
		list_del(&t->asks);
	if (t->alarm_at)
		alarm_clear(rq, t);
	t->state = THREAD_RUNNABLE;
	order_wake(rq, t);
}

/* In the context of the thread switched to: what the one before could not do about itself. */
static void finish_switch(void)
{
	struct runq *rq = this_runq();
	struct thread *from = rq->from;

	if (from->state == THREAD_DEAD)
		thread_reap(from);
	else if (from->cpu != this_cpu()->place)
		sched_deliver(from);
	/* What was noted for it meanwhile, perhaps on another CPU, has been taken by others. */
	current_thread()->look = true;
	current_thread()->rseq_event = true;
}

static void switch_to(struct runq *rq, struct thread *next)
{
	struct thread *t = current_thread();

	rq->from = t;
	thread_stamp(next, 0);
	WRITE_ONCE(this_cpu()->boot->running, next->attached ? next->twin_index + 1 : 0);
	arch_switch(t, next);
	/* Perhaps on another CPU. */
	finish_switch();
}

/* Leave this CPU's lists; whoever is next frees the thread, or sends it to its new CPU. */
static void switch_away(struct thread *t)
{
	struct runq *rq = this_runq();
	struct thread *next;

	runq_leave(t);
	order_depart(rq, t);
	if (!t->work)
		__atomic_sub_fetch(&rq->threads, 1, __ATOMIC_RELAXED);
	next = sched_pick(rq);
	switch_to(rq, next ? next : rq->idle);
}

void sched_exit(void)
{
	struct thread *t = current_thread();

	t->state = THREAD_DEAD;
	switch_away(t);
	panic("a dead thread runs");
}

void sched_migrate_self(void)
{
	struct thread *t = current_thread();
	u32 place = sched_place(t);

	if (place == t->cpu)
		return;
	charge_system(t);
	order_charge(this_runq(), t);
	__atomic_add_fetch(&runq_of(cpu_of(place))->threads, 1, __ATOMIC_RELAXED);
	thread_set_cpu(t, place);
	switch_away(t);
	thread_stamp(t, 0);
}

/* The current thread is in the queue: whoever is first goes on. */
static void run_first(struct thread *t, struct runq *rq)
{
	struct thread *next = sched_pick(rq);

	if (next != t)
		switch_to(rq, next);
	thread_stamp(t, 0);
}

void sched_yield_cpu(void)
{
	struct thread *t = current_thread();
	struct runq *rq = this_runq();

	if (!rq->queue.root)
		return;
	charge_system(t);
	order_charge(rq, t);
	order_yield(rq, t);
	run_first(t, rq);
}

void sched_preempt(void)
{
	struct thread *t = current_thread();
	struct runq *rq = this_runq();

	charge_system(t);
	order_charge(rq, t);
	order_preempted(rq, t);
	run_first(t, rq);
}

bool sched_need_resched(void)
{
	struct runq *rq = this_runq();

	return rq->queue.root && order_over(rq, current_thread());
}

/* ---- the scan ---- */

static inline bool flush_asked(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->boot->flush_request, __ATOMIC_ACQUIRE) !=
	       cpu->boot->flush_done;
}

static inline bool noted(struct cpu *cpu)
{
	return __atomic_load_n(&cpu->boot->attention, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&cpu->kick, __ATOMIC_ACQUIRE) || runq_of(cpu)->tick ||
	       flush_asked(cpu);
}

/* Take what was noted; false: nothing. What the noter did before is seen after. */
static bool take_notes(struct cpu *cpu, struct runq *rq)
{
	bool any = rq->tick;

	rq->tick = false;
	if (READ_ONCE(cpu->boot->attention))
		any |= __atomic_exchange_n(&cpu->boot->attention, 0, __ATOMIC_SEQ_CST) != 0;
	if (READ_ONCE(cpu->kick))
		any |= __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST) != 0;
	return any;
}

static struct thread *incoming_first(struct runq *rq)
{
	struct thread *t = NULL;

	/* Whoever adds one there kicks this CPU afterwards: it is seen now, or at that scan. */
	if (READ_ONCE(rq->incoming.next) == &rq->incoming)
		return NULL;
	spin_lock(&rq->lock);
	if (!list_empty(&rq->incoming)) {
		t = list_entry(rq->incoming.next, struct thread, all);
		list_del(&t->all);
	}
	spin_unlock(&rq->lock);
	return t;
}

static void take_incoming(struct runq *rq)
{
	struct thread *t;

	while ((t = incoming_first(rq))) {
		runq_enter(rq, t);
		order_arrive(rq, t);
		/* Notes about it that came here before it are gone. */
		sched_look(rq, t);
	}
}

/* Of a thread that waits, others may have inherited what was; one in the queue changes its place. */
static void look_rank(struct runq *rq, struct thread *t)
{
	u32 word = READ_ONCE(t->kpage->sched);

	if (t->sched_seen == word)
		return;
	t->sched_seen = word;
	rq->ranks_changed = true;
	up_rank_changed(t);
}

void sched_look(struct runq *rq, struct thread *t)
{
	if (t->kpage) {
		if (hold_answer(t))
			up_call_twin(t);
		look_rank(rq, t);
	}
	if (t->state != THREAD_WAITING)
		return;
	if (sched_ask(rq, t)) {
		make_runnable(rq, t);
	} else if (t->interruptible && thread_must_end(t)) {
		t->interrupted = true;
		make_runnable(rq, t);
	}
}

static inline struct thread *due(struct runq *rq)
{
	return rq->alarms.root ? alarm_due(rq) : NULL;
}

/* Threads that nobody names: by their alarms, and those that ask at each scan. */
static void look_unnamed(struct runq *rq)
{
	struct thread *t, *next;
	u32 sets = clock_sets();

	if (rq->clock_sets != sets) {
		rq->clock_sets = sets;
		alarms_look(rq);
	}
	for (t = due(rq); t; t = due(rq))
		sched_look(rq, t);
	list_for_each_safe(t, next, &rq->asking, asks)
		sched_look(rq, t);
}

/* ---- the scan itself ---- */

void sched_scan(void)
{
	struct cpu *cpu = this_cpu();
	struct runq *rq = runq_of(cpu);

	if (!noted(cpu))
		return;
	assert_no_lock();
	if (flush_asked(cpu))
		arch_answer_flush();
	if (!take_notes(cpu, rq))
		return;
	cpu->boot->heartbeat++;
	/* What was noted may concern it; all others look when they are switched to. */
	cpu->current->look = true;
	/* By what it has run, those that come into the queue now are placed. */
	if (cpu->current->state == THREAD_RUNNABLE)
		order_charge(rq, cpu->current);
	up_poll();
	take_incoming(rq);
	notes_take(rq);
	look_unnamed(rq);
	if (READ_ONCE(rq->ranks_changed) &&
	    __atomic_exchange_n(&rq->ranks_changed, false, __ATOMIC_ACQUIRE))
		order_again(rq);
	if (rq->watch) {
		posted_ring(rq);
		posted_watch(rq);
	}
}

/* ---- to user mode ---- */

void sched_settle(void)
{
	struct runq *rq = this_runq();

	if (rq->watch)
		posted_watch(rq);
	balance_push(rq);
	rq->slice_end = rq->queue.root ? order_end(rq, current_thread()) : 0;
	timer_set(rq, rq->slice_end != 0);
}

bool up_leave(void)
{
	struct cpu *cpu = this_cpu();

	if (cpu->current->look)
		return false;
	thread_charge(cpu->current, &cpu->current->times.system_cycles, TIMES_IN_USER);
	/* The state before the last look at the notes: see wake_cpu(), and Linux does the same. */
	__atomic_store_n(&cpu->boot->state, LWK_CPU_USER, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!noted(cpu))
		return true;
	cpu->boot->state = LWK_CPU_KERNEL;
	thread_charge(cpu->current, &cpu->current->times.system_cycles, 0);
	return false;
}

/* ---- waiting and idling ---- */

/* Look for a moment before the costly halt. */
static bool poll_notes(struct cpu *cpu, u64 end)
{
	do {
		if (noted(cpu))
			return true;
		arch_relax();
	} while (arch_cycles() < end);
	return false;
}

/* Would a longer look have spared the halt? Then the next one is longer. */
static void poll_adapt(struct runq *rq, u64 waited)
{
	if (waited < us_to_cycles(POLL_US_MAX))
		rq->poll_us = MIN(2 * rq->poll_us, POLL_US_MAX);
	else
		rq->poll_us = MAX(rq->poll_us / 2, 1);
}

/* Nothing to run: halt until something is noted. */
static void idle_once(struct cpu *cpu, struct runq *rq)
{
	u64 start = arch_cycles();

	balance_idle(rq);
	if (poll_notes(cpu, start + us_to_cycles(rq->poll_us)))
		return;
	arch_park(cpu->current);
	phys_publish();
	if (rq->watch)
		posted_watch(rq);
	timer_set(rq, false);
	__atomic_store_n(&cpu->boot->state, LWK_CPU_IDLE, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!noted(cpu))
		arch_idle();
	cpu->boot->state = LWK_CPU_KERNEL;
	poll_adapt(rq, arch_cycles() - start);
}

/* The current thread halts the CPU in its own context, so that the usual wait switches nothing. */
void sched_wait(void)
{
	struct thread *t = current_thread();
	struct cpu *cpu = this_cpu();
	struct runq *rq = runq_of(cpu);
	struct thread *next;

	charge_system(t);
	order_charge(rq, t);
	for (;;) {
		sched_scan();
		next = sched_pick(rq);
		if (next == t)
			break;
		if (next) {
			switch_to(rq, next);
			break;
		}
		idle_once(cpu, rq);
	}
	arch_unpark(t);
	thread_stamp(t, 0);
}

void sched_idle_loop(void)
{
	struct cpu *cpu = this_cpu();
	struct runq *rq = runq_of(cpu);
	struct thread *next;

	for (;;) {
		sched_scan();
		next = sched_pick(rq);
		if (next)
			switch_to(rq, next);
		else if (up_stopping() && sched_cpu_empty())
			up_cpu_stop();
		else
			idle_once(cpu, rq);
	}
}

/* ---- new threads ---- */

static void count_birth(struct thread *t)
{
	struct lwk_counters *c = &boot_params->counters;

	tid_add(t);
	t->born = true;
	__atomic_add_fetch(&c->threads_born, 1, __ATOMIC_RELAXED);
	if (t->process->born)
		return;
	t->process->born = true;
	__atomic_add_fetch(&c->processes_born, 1, __ATOMIC_RELAXED);
}

void sched_first_run(void *arg)
{
	struct thread *t = arg;

	finish_switch();
	thread_stamp(t, 0);
	if (t->work) {
		t->work(t->work_arg);
		sched_exit();
	}
	if (thread_must_end(t))
		thread_exit();
	count_birth(t);
	arch_enter_user(t);
}

bool sched_kthread(void (*work)(void *arg), void *arg)
{
	struct runq *rq = this_runq();
	struct thread *t = thread_create_kernel(work, arg, -1);

	if (!t)
		return false;
	t->cpu = this_cpu()->place;
	t->state = THREAD_RUNNABLE;
	runq_enter(rq, t);
	/* Before all programs, and soon: somebody waits for it. */
	order_arrive(rq, t);
	current_thread()->look = true;
	return true;
}

/* By the first CPU, for every place. The idle thread owns the stack on which the CPU will run first. */
bool sched_prepare_cpu(struct cpu *cpu, int node)
{
	struct runq *rq = kzalloc(sizeof(*rq));
	struct thread *idle = thread_create_kernel(NULL, NULL, node);

	if (!rq || !idle)
		return false;
	list_init(&rq->all);
	list_init(&rq->asking);
	list_init(&rq->posted);
	list_init(&rq->incoming);
	spin_init(&rq->lock, RANK_RUNQ);
	rq->poll_us = 1;
	rq->idle = idle;
	idle->idle = true;
	idle->cpu = cpu->place;
	cpu->runq = rq;
	cpu->current = idle;
	return true;
}
