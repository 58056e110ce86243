/* SPDX-License-Identifier: GPL-2.0-only */
/* The way back to user mode: what has come up meanwhile is done here. */
#include "mck/mm.h"
#include "mck/signal.h"
#include "mck/syscalls.h"

static void return_exit(void)
{
	leave_memory();
	thread_exit();
}

static void return_first_run(struct thread *t)
{
	struct thread_start *start = t->start;

	t->start = NULL;
	start->run(start);
	thread_start_free(start);
}

/* Has something happened that a restartable sequence must not survive? */
static bool return_sequence(struct thread *t)
{
	u32 *asked = &this_cpu()->rseq_request;

	if (READ_ONCE(*asked)) {
		__atomic_store_n(asked, 0, __ATOMIC_SEQ_CST);
		t->rseq_event = true;
	}
	if (!t->rseq_event || !t->rseq)
		return false;
	rseq_resume(t);
	return true;
}

/* One thing that stands between the thread and its program; false: nothing does. */
static bool one_step(struct thread *t)
{
	sched_scan();
	/* All of it is looked at now. What is done about it may need another look. */
	t->look = false;
	if (thread_must_end(t))
		return_exit();
	/* Behind the scan, which may have answered one that came since. */
	if (hold_obey(t))
		return true;
	if (t->start) {
		return_first_run(t);
		return true;
	}
	if (t->caught || signal_wanted(t)) {
		signal_poll();
		return true;
	}
	if (!thread_may_run_on(t, t->cpu)) {
		sched_migrate_self();
		return true;
	}
	if (sched_need_resched()) {
		sched_preempt();
		return true;
	}
	return return_sequence(t);
}

static void count_first_run(struct thread *t)
{
	t->ran = true;
	if (t->process->ran)
		return;
	t->process->ran = true;
	__atomic_add_fetch(&boot_params->counters.processes_ran, 1, __ATOMIC_RELAXED);
}

void up_return(void)
{
	struct thread *t = current_thread();

	while (one_step(t))
		continue;
	if (!t->ran)
		count_first_run(t);
	sched_settle();
}
