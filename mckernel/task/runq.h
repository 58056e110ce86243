/* SPDX-License-Identifier: GPL-2.0-only */
/* One CPU's scheduling data, for the files of task/ that share it. */
#ifndef TASK_RUNQ_H
#define TASK_RUNQ_H

#include "mck/task.h"

/* Owned by its CPU, but for what is under the lock. */
struct runq {
	struct list queue; /* RUNNABLE, but for the current thread */
	struct list all; /* every thread of this CPU but the idle one */
	struct thread *idle;
	struct thread *from; /* whom the newest switch left */
	u64 slice_end; /* cycles */
	u64 poll_us; /* how long to look before halting: grows when more of it would have helped */
	bool timer; /* the one-shot timer runs, */
	u64 timer_at; /* until then (cycles) */
	u64 alarm; /* cycles: a condition wants to be asked again; 0: none */
	bool tick; /* it has come: written by its handler */
	bool watch; /* something sent to Linux may not have been taken */

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

static inline u64 us_to_cycles(u64 us)
{
	return us * boot_params->cycles_khz / 1000;
}

/* ---- timer.c ---- */

/*
 * Run the timer until the earliest of what is wanted: the end of the slice (if
 * the CPU is shared), a look at what Linux has not taken, the alarm. It stops
 * if nothing is.
 */
void timer_set(struct runq *rq, bool share);

#endif
