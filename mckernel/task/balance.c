/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No thread waits for a CPU while another one that it may use has nothing to run.
 * A CPU's queue is its own: so whoever has too much sends it, and whoever has
 * nothing asks for it. Nobody looks by the clock, and who runs a single thread is
 * never disturbed: only a CPU with a surplus is asked.
 */
#include "task/runq.h"

/*
 * CPUs that have nothing to run. A bit is set by its CPU, and cleared by it when
 * it has something, or by whoever sends it a thread: so that two do not send to one.
 *
 * Either the idle one sees the surplus or the other one sees its bit: the bit is
 * set before the looks at `surplus`, which is stored before the last look at the
 * bits, with a full fence between on both sides.
 */
static u64 idle_map[ABI_MAX_CPUS / 64];

u32 sched_thread_count(u32 place)
{
	return __atomic_load_n(&runq_of(cpu_of(place))->threads, __ATOMIC_RELAXED);
}

u32 sched_place(const struct thread *t)
{
	u32 best = cpu_count;

	for (u32 i = 0; i < cpu_count; i++) {
		if (thread_may_run_on(t, i) &&
		    (best == cpu_count || sched_thread_count(i) < sched_thread_count(best)))
			best = i;
	}
	return best == cpu_count ? t->cpu : best;
}

static bool any_idle(void)
{
	for (u32 i = 0; i < (cpu_count + 63) / 64; i++)
		if (__atomic_load_n(&idle_map[i], __ATOMIC_RELAXED))
			return true;
	return false;
}

static bool idle_take(u32 place)
{
	u64 bit = 1UL << place % 64;

	return __atomic_fetch_and(&idle_map[place / 64], ~bit, __ATOMIC_ACQ_REL) & bit;
}

/* Only here: kernel threads stay, and so does who is bound to this CPU. */
static bool stays(const struct thread *t)
{
	u32 self = this_cpu()->place;

	if (t->work)
		return true;
	for (u32 place = 0; place < cpu_count; place++)
		if (place != self && thread_may_run_on(t, place))
			return false;
	return true;
}

void balance_busy(void)
{
	u32 place = this_cpu()->place;

	if (__atomic_load_n(&idle_map[place / 64], __ATOMIC_RELAXED) >> place % 64 & 1)
		idle_take(place);
}

void balance_idle(struct runq *rq)
{
	u32 self = this_cpu()->place;

	WRITE_ONCE(rq->surplus, false);
	__atomic_fetch_or(&idle_map[self / 64], 1UL << self % 64, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 i = 1; i < cpu_count; i++) {
		u32 place = (self + i) % cpu_count;

		if (!READ_ONCE(runq_of(cpu_of(place))->surplus))
			continue;
		/* It answers by sending one, or by saying that it has none any more. */
		wake_cpu(place);
		return;
	}
}

static void send(struct runq *rq, struct thread *t, u32 place)
{
	order_remove(rq, t);
	order_depart(rq, t);
	runq_leave(t);
	__atomic_sub_fetch(&rq->threads, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&runq_of(cpu_of(place))->threads, 1, __ATOMIC_RELAXED);
	thread_set_cpu(t, place);
	sched_deliver(t);
}

/* To a CPU that has nothing to run and that is its own now, if there is one. */
static bool send_to_idle(struct runq *rq, struct thread *t)
{
	for (u32 place = 0; place < cpu_count; place++) {
		if (!thread_may_run_on(t, place) || !idle_take(place))
			continue;
		send(rq, t, place);
		return true;
	}
	return false;
}

static void push_all(struct runq *rq)
{
	struct thread *t = order_first(rq), *next;

	for (; t && any_idle(); t = next) {
		next = order_next(t);
		if (!t->work)
			send_to_idle(rq, t);
	}
}

static bool has_surplus(const struct runq *rq)
{
	for (const struct thread *t = order_first(rq); t; t = order_next(t))
		if (!stays(t))
			return true;
	return false;
}

void balance_push(struct runq *rq)
{
	bool surplus;

	if (!rq->queue.root) {
		if (rq->surplus)
			WRITE_ONCE(rq->surplus, false);
		return;
	}
	push_all(rq);
	surplus = has_surplus(rq);
	if (surplus == rq->surplus)
		return;
	WRITE_ONCE(rq->surplus, surplus);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* Who became idle before it could see this is seen now. */
	if (surplus)
		push_all(rq);
}
