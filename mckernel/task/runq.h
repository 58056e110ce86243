/* SPDX-License-Identifier: GPL-2.0-only */
/* One CPU's scheduling data, for the files of task/ that share it. */
#ifndef TASK_RUNQ_H
#define TASK_RUNQ_H

#include "mck/task.h"
#include "mck/tree.h"

/* Owned by its CPU, but for what is under the lock, and what is said to be others'. */
struct runq {
	struct tree queue; /* RUNNABLE, but for the current thread; see order.c */
	u64 vtime; /* the clock that the vtime of its threads is compared with */
	struct list all; /* every thread of this CPU but the idle one */
	struct list asking; /* those of them whose conditions are asked at each scan */
	struct list posted; /* and those with requests that Linux may not have taken */
	struct tree alarms; /* and those whose conditions want to be asked again, by alarm_at */
	struct thread *asked; /* whose condition is being asked */
	struct thread *idle;
	struct thread *from; /* whom the newest switch left */
	u64 slice_end; /* cycles: when the current thread has to let the next one run; 0: never */
	u64 poll_us; /* how long to look before halting: grows when more of it would have helped */
	bool timer; /* the one-shot timer runs, */
	u64 timer_at; /* until then (cycles) */
	u32 clock_sets; /* clock_sets() when all alarms were looked at last */
	bool tick; /* it has come: written by its handler */
	bool watch; /* something sent to Linux may not have been taken */

	/* Threads in the queue that may run elsewhere: see balance.c. Stored by the CPU, read by idle ones. */
	bool surplus;
	/* Atomic: somebody in the queue has inherited a rank, or lost it. Set by any CPU, which kicks this one. */
	bool ranks_changed;

	u64 notes; /* atomic: of threads, by any CPU; see notes.c */

	struct spinlock lock;
	struct list incoming; /* under lock: threads on their way to this CPU */
	u32 threads; /* atomic: programs' threads assigned here */
};

static inline struct runq *runq_of(struct cpu *cpu)
{
	return cpu->runq;
}

static inline struct runq *this_runq(void)
{
	return this_cpu()->runq;
}

/* From its CPU's list: it ends, or goes to another. */
static inline void runq_leave(struct thread *t)
{
	list_del(&t->all);
	list_del(&t->posted);
	WRITE_ONCE(t->at, NULL);
}

/* Into it. */
static inline void runq_enter(struct runq *rq, struct thread *t)
{
	list_add_tail(&rq->all, &t->all);
	WRITE_ONCE(t->at, rq);
}

static inline u64 us_to_cycles(u64 us)
{
	return us * boot_params->cycles_khz / 1000;
}

/*
 * By its CPU: what the thread runs from now on is counted, in the kernel or
 * (TIMES_IN_USER) in its program. For the order see struct thread_times.
 */
static inline void thread_stamp(struct thread *t, u64 mode)
{
	WRITE_ONCE(t->times.stamp, (arch_cycles() & ~TIMES_IN_USER) | mode);
}

/* And the cycles until now are added to `count`: its user_cycles or its system_cycles. */
static inline void thread_charge(struct thread *t, abi_u64 *count, u64 mode)
{
	u64 before = t->times.stamp & ~TIMES_IN_USER;

	thread_stamp(t, mode);
	__atomic_store_n(count, *count + (t->times.stamp & ~TIMES_IN_USER) - before,
			 __ATOMIC_RELEASE);
}

/* ---- order.c: who runs next; by the CPU itself ---- */

/* The first in the queue, which stays in it, or NULL; the one behind a queued one. */
struct thread *order_first(const struct runq *rq);
struct thread *order_next(const struct thread *t);
void order_remove(struct runq *rq, struct thread *t);
/* The current thread's time so far counts; its cycles have been charged. */
void order_charge(struct runq *rq, struct thread *t);
/* Ranks may have changed of threads that are in the queue. */
void order_again(struct runq *rq);
/*
 * Into the queue, by a clock that stands where it should: what the current
 * thread has run has been charged. What a thread has waited for has come; it has been pushed aside; it lets others run first.
 */
void order_wake(struct runq *rq, struct thread *t);
void order_preempted(struct runq *rq, struct thread *t);
void order_yield(struct runq *rq, struct thread *t);
/* It leaves this CPU; it has come (by the clock, as above), into the queue if it is RUNNABLE. */
void order_depart(struct runq *rq, struct thread *t);
void order_arrive(struct runq *rq, struct thread *t);
/* Has the current thread to let the first of the queue run? And when (cycles) will it have to, 0: never? */
bool order_over(struct runq *rq, struct thread *t);
u64 order_end(const struct runq *rq, const struct thread *t);

/* ---- balance.c ---- */

/* This CPU has nothing to run, and takes work from whoever has too much; or it has something again. */
void balance_idle(struct runq *rq);
void balance_busy(void);
/* The current thread is about to run: what is in the queue goes to CPUs that have nothing to run. */
void balance_push(struct runq *rq);

/* ---- notes.c ---- */

/* Look at all threads of this CPU that a note is about. */
void notes_take(struct runq *rq);

/* ---- posted.c ---- */

/* Ring again for what Linux has not taken for RING_AGAIN_US. */
void posted_ring(struct runq *rq);
/* While rq->watch: is there still anything to watch? */
void posted_watch(struct runq *rq);

/* ---- sched.c ---- */

/* A thread of this CPU: something may have changed for it. */
void sched_look(struct runq *rq, struct thread *t);
/* Does what it waits for hold? It may ask for an alarm. */
static inline bool sched_ask(struct runq *rq, struct thread *t)
{
	rq->asked = t;
	return t->cond(t->cond_arg);
}

/* A thread that is in no CPU's lists, to the CPU t->cpu. */
void sched_deliver(struct thread *t);

/* ---- timer.c ---- */

/* It waits no more. */
void alarm_clear(struct runq *rq, struct thread *t);
/* The first whose alarm is due, which is cleared by this; NULL: none is. */
struct thread *alarm_due(struct runq *rq);
/* Look at all who have alarms: what they wait for may have come sooner. */
void alarms_look(struct runq *rq);

/*
 * Run the timer until the earliest of what is wanted: the end of the slice (if
 * the CPU is shared), a look at what Linux has not taken, the alarm. It stops
 * if nothing is.
 */
void timer_set(struct runq *rq, bool share);

#endif
