/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads, processes, the scheduler, waiting. */
#ifndef MCK_TASK_H
#define MCK_TASK_H

#include "abi/slot.h"
#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"
#include "mck/objects.h"

/* ---- threads (task/thread.c) ---- */

/*
 * A thread in state PREPARED with kernel stack and FPU area, in the table;
 * NULL without memory. Takes over the caller's references to space, process
 * and sighand if it succeeds.
 */
/* Where a thread's twin and its mailbox are. */
struct attachment {
	u64 slot_pa, kpage_pa;
	u32 twin_index, twin_gen;
	u32 slot_number;
	u64 linux_space; /* the module's id of the space */
};
s64 thread_attach(u64 id, const struct attachment *a); /* 0, -ESRCH or -ENOMEM; any context */
struct thread *thread_create(struct space *space, struct process *process, struct sighand *sighand);
/* A thread of the kernel: not in the table, without a program. */
struct thread *thread_create_kernel(void (*work)(void *arg), void *arg, int node);
/* It has been switched away from for good. Ends by thread_gone(), now or when the note about it has been taken. */
void thread_reap(struct thread *t);
/* Nobody knows of it any more: frees it, and answers end_call. */
void thread_gone(struct thread *t);
/* Another CPU for t, under the table's lock. */
void thread_set_cpu(struct thread *t, u32 place);
/* By id, or NULL. The pointer is good while nothing can end the thread: before it is started, and in its own context. */
struct thread *thread_find(u64 id);
/*
 * By tid, one that has run: of this process first, then of any. Who asks keeps it
 * from passing futex_finish_exit() for as long as it uses the pointer.
 */
struct thread *thread_by_tid(u32 tid, struct process *process);
/* It is found by that from its first run on, until futex_finish_exit() or its end. A second removal does nothing. */
void tid_add(struct thread *t);
void tid_remove(struct thread *t);
/* Of what a new thread had to do: ->drop, and the memory. */
void thread_start_free(struct thread_start *s);
/* Frees a thread that nobody else has heard of yet; drops its references; may wait. */
void thread_free(struct thread *t);
/*
 * End thread `id` for `reason` (enum thread_end), wherever it is, also one
 * that was never started; end_call (1 + index, or 0) is answered when it has
 * ended. By id, because it may be gone already: false then. Any context.
 */
bool thread_end(u64 id, u32 reason, u32 end_call);
/* With THREAD_UNBORN, for the child of a clone that has failed, if Linux was never told of it. */
void thread_end_unattached(u64 id);
/* The current thread has to end: CALL_THREAD_END has come, or Linux says that it will. */
bool thread_must_end(const struct thread *t);
/*
 * fn of thread `id`, under the lock of the table of threads: it cannot end or
 * change its CPU meanwhile. False: there is none.
 */
bool thread_with(u64 id, void (*fn)(struct thread *t, void *arg), void *arg);
u32 thread_count(void); /* programs' threads in the table */
u32 process_count(void);
/* End of the current thread: accounting, references, answer to end_call; never returns. */
void thread_exit(void) __attribute__((noreturn));
struct process *process_create(const char *comm);
void process_put(struct process *p);
struct sighand *sighand_create(void);
void sighand_put(struct sighand *s);

/* ---- CPU time (task/cputime.c) ---- */

/* kpage->user_ns and system_ns from the cycles counted. By the thread itself, at its end. */
void thread_publish_times(struct thread *t);
u64 cycles_to_ns(u64 cycles);

/* ---- scheduler (task/sched.c) ---- */

struct cpu;
bool sched_prepare_cpu(struct cpu *cpu,
		       int node); /* its run queue and idle thread; false without memory */
#define RING_AGAIN_US 10000 /* what Linux has not taken is rung for again after this time */
/*
 * Assign a PREPARED thread to a CPU (-1: the least loaded allowed one) and let
 * it start once its twin waits (kpage->in_wait). Called before Linux is told of the
 * thread or of its program, so that it can be ended at any time by thread_end().
 */
void sched_start(struct thread *t, int place);
/*
 * By a wait's condition that is not true: it is asked again at `cycles` (of
 * arch_cycles()), at the latest. The newest of what it has said counts.
 */
void sched_wake_at(u64 cycles);
/* Something was sent to Linux: until it is taken, it will be rung for again. */
void sched_watch(void);
/* Linux was rung for a request of the current thread. */
void sched_posted(void);
/* The current thread is about to run its program: the timer does what it has to meanwhile. */
void sched_settle(void);
/* Let others run; returns when this thread is chosen again. Yield: all others of this CPU come first. */
void sched_preempt(void);
void sched_yield_cpu(void);
/*
 * One turn of a long loop in the kernel, which may be one that a program chose
 * the length of: the scan, and other threads if the slice is over. False: the
 * current thread must end. May wait.
 */
bool sched_turn(void);
void sched_idle_loop(void) __attribute__((noreturn)); /* the idle thread of each CPU */
/* A kernel thread that runs work(arg) on this CPU soon; false without memory. */
bool sched_kthread(void (*work)(void *arg), void *arg);
bool sched_need_resched(void); /* another thread of this CPU has to run first: task/order.c */
/* Of a higher rank, all run before any of a lower one: real-time priority, own or inherited; 0: by time. */
u32 sched_rank(const struct thread *t);
/* t->inherited has changed. Any context. */
void sched_rank_changed(const struct thread *t);
/* Move the current thread to another CPU its mask allows, if it may not stay. */
void sched_migrate_self(void);
u32 sched_thread_count(u32 place);
bool sched_cpu_empty(void); /* no thread but the idle one belongs to this CPU */
void sched_first_run(void *arg); /* where a new thread begins */
/* A PREPARED thread becomes the CPU's; under the thread table's lock. */
void sched_assign(struct thread *t, u32 place);
u32 sched_place(const struct thread *t); /* the least loaded CPU that its mask allows */
void sched_exit(void) __attribute__((noreturn)); /* the current thread is nobody's any more */
/* Until the scan, or whoever else runs, has made the current thread RUNNABLE. */
void sched_wait(void);

/* ---- waiting (task/waitq.c) ---- */

/*
 * Wait until cond(arg) is true. The condition is evaluated on this thread's
 * CPU with no lock held, and must not wait. Returns 0, or -EINTR if
 * `interruptible` and the thread must end (CALL_THREAD_END arrived).
 *
 * wait_told(): evaluated when a note is about this thread, by Linux (what it
 * changes in a kpage) or by sched_note(), and at its alarm. Thousands may wait
 * so. wait_for(): also at each doorbell, kick and timer of the CPU, for what
 * wakes CPUs and not threads; what few wait for, or not for long.
 */
int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible);
int wait_told(bool (*cond)(void *arg), void *arg, bool interruptible);
/*
 * A note about t to its CPU, which the caller has to wake: its place. What t
 * shall see was stored before that. The caller keeps t from its end meanwhile.
 */
u32 sched_note(struct thread *t);
/* Is there one about t? For whoever knows that nobody adds any more. */
bool note_keeps(const struct thread *t);
/* Make `place` look at the conditions of its threads soon. Any context. */
void wake_cpu(u32 place);
void wake_all_cpus(void);

/*
 * The scan: called by the CPU itself when attention was raised, before it
 * halts, and on its way to user mode. Drains this CPU's ring from
 * Linux (ikc_poll hook), and looks at the threads that it has notes about: obeys
 * hold words, turns WAITING threads whose condition holds RUNNABLE.
 */
void sched_scan(void);

/* ---- hold (task/hold.c) ---- */

/* By the scan, of a thread that is in the kernel. True: an odd one, answered for the first time; the twin waits for it. */
bool hold_answer(struct thread *t);
/* By the current thread, the last thing but leaving for user mode that it does. True: it has waited, and has to look at all again. */
bool hold_obey(struct thread *t);
/* The current thread is on hold: its twin is away. */
bool hold_is_on(void);
/* Wait until it is not, or the thread must end. */
void hold_wait(void);

/* ---- what task/ asks of the rooms above it (main/join_tasks.c, main/status.c) ---- */

void up_poll(void); /* serve what Linux has sent to this CPU */
bool up_untaken(void); /* Linux has not taken, or answered, all that this CPU sent */
void up_ring_again(void); /* if so for RING_AGAIN_US */
void up_call_twin(const struct thread *t); /* the twin has something to look at */
void up_rank_changed(
	struct thread *t); /* while it waits: for a lock, it may be (syscall/futex_inherit.c) */
void up_ended(u32 end_call); /* answer CALL_THREAD_END */
bool up_stopping(void); /* shutdown is under way: a CPU without threads stops */
void up_cpu_stop(void) __attribute__((noreturn));

#endif
