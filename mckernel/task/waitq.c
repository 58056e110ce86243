/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for a condition, waking CPUs that look at conditions, and taking turns in long loops. */
#include "mck/errno.h"
#include "runq.h"

static inline int wait(bool (*cond)(void *arg), void *arg, bool interruptible, bool told)
{
	struct thread *t = current_thread();
	struct runq *rq = this_runq();

	assert_no_lock();
	kassert(!t->idle);
	t->cond = cond;
	t->cond_arg = arg;
	if (sched_ask(rq, t))
		return 0;
	if (interruptible && thread_must_end(t)) {
		alarm_clear(rq, t);
		return -EINTR;
	}
	t->interruptible = interruptible;
	t->interrupted = false;
	t->state = THREAD_WAITING;
	if (!told)
		list_add_tail(&rq->asking, &t->asks);
	sched_wait();
	return t->interrupted ? -EINTR : 0;
}

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait(cond, arg, interruptible, false);
}

int wait_told(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait(cond, arg, interruptible, true);
}

void wake_cpu(u32 place)
{
	struct cpu *cpu = cpu_of(place);
	u32 state;

	/*
	 * The word before the look at the state, against the other's store of
	 * its state before its last look at the word (sched.c): one of the two
	 * sees the other.
	 */
	__atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	state = __atomic_load_n(&cpu->boot->state, __ATOMIC_RELAXED);
	if (cpu != this_cpu() && (state == LWK_CPU_USER || state == LWK_CPU_IDLE))
		arch_kick(place);
}

void wake_all_cpus(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		wake_cpu(i);
}

bool sched_turn(void)
{
	struct thread *t = current_thread();

	assert_no_lock();
	kassert(!t->idle);
	arch_relax();
	sched_scan();
	if (sched_need_resched())
		sched_preempt();
	balance_push(this_runq());
	return !thread_must_end(t);
}
