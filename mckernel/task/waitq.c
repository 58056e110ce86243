/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for a condition, waking CPUs that look at conditions, and taking turns in long loops. */
#include "mck/errno.h"
#include "runq.h"

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	struct thread *t = current_thread();

	assert_no_lock();
	kassert(!t->idle);
	if (cond(arg))
		return 0;
	if (interruptible && thread_must_end(t))
		return -EINTR;
	t->cond = cond;
	t->cond_arg = arg;
	t->interruptible = interruptible;
	t->interrupted = false;
	t->state = THREAD_WAITING;
	sched_wait();
	return t->interrupted ? -EINTR : 0;
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
