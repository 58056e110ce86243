/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads, processes, the scheduler, waiting. */
#ifndef MCK_TASK_H
#define MCK_TASK_H

#include "abi/slot.h"
#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"

#define NSIG 64
#define SIGBIT(sig) (1UL << ((sig)-1))

/* What Linux calls sigaction, as x86-64 user space passes it. */
struct ksigaction {
	u64 handler; /* 0 SIG_DFL, 1 SIG_IGN */
	u64 flags;
	u64 restorer;
	u64 mask;
};

/* Dispositions, shared by CLONE_SIGHAND. Under `lock`. */
struct sighand {
	u32 refs; /* atomic */
	struct spinlock lock; /* RANK_PROCESS */
	struct ksigaction action[NSIG];
};

/* A thread group: Linux's signal struct. */
struct process {
	u32 refs; /* atomic: threads */
	bool born; /* counted in processes_born */
	bool ran; /* counted in processes_ran */
	char comm[16];
	u64 start_cycles;
	u64 past_cycles; /* of its threads that an exec has replaced; written at exec */
};

static inline void process_get(struct process *p)
{
	__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
}

static inline void sighand_get(struct sighand *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

enum thread_state {
	THREAD_PREPARED, /* waits for its twin's first wait */
	THREAD_RUNNABLE, /* in the run queue or running */
	THREAD_WAITING, /* `cond` tells when it goes on */
	THREAD_DEAD,
};

/*
 * What a new thread has to do in its own context, its twin waiting, before
 * its program runs: return_to_user() calls it once, and frees it. The first
 * member of what exec and clone keep there.
 */
struct thread_start {
	void (*run)(struct thread_start *s);
};

/*
 * One thread. Owned by the CPU it is assigned to (cpu); others reach it only
 * by attention and kpage words, or under the thread table's lock.
 */
struct thread {
	u64 id; /* opaque to the module; ids of dead threads never match */
	struct list run; /* in the CPU's run queue */
	struct list all; /* in the CPU's list of threads */
	u32 cpu; /* place */
	enum thread_state state;
	bool (*cond)(void *arg); /* state WAITING: evaluated by its CPU at each scan, no lock held */
	void *cond_arg;
	bool interruptible; /* a dead flag ends the wait too */
	bool interrupted; /* it did: what wait_for() returns */

	/* arch */
	u8 *kstack; /* base, KSTACK_SIZE */
	u64 ksp; /* saved stack pointer while switched out */
	struct user_regs *regs; /* at the top of kstack */
	void *fpu;
	u64 fs_base, gs_base;
	u64 fault_error; /* of the newest trap from user mode: error code, */
	u64 fault_trap; /* vector, */
	u64 fault_addr; /* CR2 if it was a page fault; all for signal frames */

	/* the pair */
	struct slot *slot; /* NULL before CALL_THREAD_ATTACH */
	struct kpage *kpage;
	u64 slot_uva; /* address of the slot in the proxy */
	u32 twin_index, twin_gen;
	u32 slot_number;
	bool attached;
	u32 end_reason; /* enum thread_end once it must end, set by CALL_THREAD_END, 0 before */
	u32 end_call; /* 1 + index of that call, answered when it has ended; 0: none */

	struct space *space; /* a reference */
	struct process *process; /* a reference */
	struct sighand *sighand; /* a reference */

	/* signals: by the thread itself only */
	u64 mask; /* the truth; kpage->linux_mask is what Linux has */
	u64 saved_mask; /* restored after a temporary mask, if `restore_mask` */
	bool restore_mask;
	u64 altstack_sp, altstack_size;
	u32 altstack_flags;
	u32 caught; /* a signal that the twin's catcher met and whose frame is not built yet, or 0 */
	u8 caught_info[SLOT_SIGINFO_SIZE]; /* its siginfo */

	u64 affinity[ABI_MAX_CPUS / 64];
	u64 clear_child_tid;
	u64 robust_list; /* address and size of the head, as registered */
	u64 robust_size;
	struct thread_start *start; /* kmalloc'd; taken by the first run, or freed with the thread */
	u64 user_cycles, system_cycles, stamp;
	bool born; /* counted in threads_born */
	bool ran; /* has executed user instructions */
	bool idle; /* the idle thread of its CPU */
	u64 ring_stamp; /* cycles of the newest ring for a request that Linux has not taken */
	void (*work)(void *arg); /* a kernel thread's, NULL: runs a program */
	void *work_arg;
};

#define KSTACK_SIZE 16384UL

static inline struct thread *current_thread(void)
{
	return this_cpu()->current;
}

/* ---- threads (task/thread.c) ---- */

/*
 * A thread in state PREPARED with kernel stack and FPU area, in the table;
 * NULL without memory. Takes over the caller's references to space, process
 * and sighand if it succeeds.
 */
void thread_init(void); /* serves CALL_THREAD_ATTACH and CALL_THREAD_END */
struct thread *thread_create(struct space *space, struct process *process, struct sighand *sighand);
/* A thread of the kernel: not in the table, without a program. */
struct thread *thread_create_kernel(void (*work)(void *arg), void *arg, int node);
void thread_reap(struct thread *t); /* switched away from for good; answers end_call */
/* Another CPU for t, under the table's lock. */
void thread_set_cpu(struct thread *t, u32 place);
/* By id, or NULL. The pointer is good while nothing can end the thread: before it is started, and in its own context. */
struct thread *thread_find(u64 id);
/* Frees a thread that nobody else has heard of yet; drops its references; may wait. */
void thread_free(struct thread *t);
/*
 * End thread `id` for `reason` (enum thread_end), wherever it is, also one
 * that was never started; end_call (1 + index, or 0) is answered when it has
 * ended. By id, because it may be gone already: false then. Any context.
 * A creator whose clone failed drops the child by this, with THREAD_UNBORN.
 */
bool thread_end(u64 id, u32 reason, u32 end_call);
/* The same for a child of a clone that Linux has never been told of, if so it is. */
void thread_end_unattached(u64 id);
/* The current thread has to end: CALL_THREAD_END has come, or Linux says that it will. */
bool thread_must_end(const struct thread *t);
/* kpage->user_ns and system_ns from the cycles counted. By the thread itself, before it sends a request. */
void thread_publish_times(struct thread *t);
u64 cycles_to_ns(u64 cycles);
u32 thread_count(void); /* programs' threads in the table */
u32 process_count(void);
/* End of the current thread: accounting, references, answer to end_call; never returns. */
void thread_exit(void) __attribute__((noreturn));
struct process *process_create(const char *comm);
void process_put(struct process *p);
struct sighand *sighand_create(void);
void sighand_put(struct sighand *s);

/* ---- scheduler (task/sched.c) ---- */

struct cpu;
bool sched_prepare_cpu(struct cpu *cpu, int node); /* its run queue and idle thread; false without memory */
#define RING_AGAIN_US 10000 /* what Linux has not taken is rung for again after this time */
/*
 * Assign a PREPARED thread to a CPU (-1: the least loaded allowed one) and let
 * it start once its twin waits (kpage->in_wait). Called before Linux is told of the
 * thread or of its program, so that it can be ended at any time by thread_end().
 */
void sched_start(struct thread *t, int place);
/*
 * This CPU has to look at its waiting threads at `cycles` (of arch_cycles()),
 * at the latest. Said by a wait's condition each time that it is not true: a
 * scan forgets it.
 */
void sched_wake_at(u64 cycles);
/* Let others run; returns when this thread is chosen again. */
void sched_yield_cpu(void);
void sched_idle_loop(void) __attribute__((noreturn)); /* the idle thread of each CPU */
/*
 * The last test before user mode, by the entry code: publishes CPU_USER and
 * sets the timer if it must; false if something was noted meanwhile, and the
 * way back has to begin again.
 */
bool sched_leave(void);
void sched_enter(void); /* the first thing after an entry from user mode */
void sched_tick(void); /* from the timer's interrupt */
/* A kernel thread that runs work(arg) on this CPU soon; false without memory. */
bool sched_kthread(void (*work)(void *arg), void *arg);
bool sched_need_resched(void); /* another thread of this CPU is runnable and the slice is over */
/* Move the current thread to another CPU its mask allows, if it may not stay. */
void sched_migrate_self(void);
u32 sched_thread_count(u32 place);
bool sched_cpu_empty(void); /* no thread but the idle one belongs to this CPU */
void sched_first_run(void *arg); /* where a new thread begins */
void sched_assign(struct thread *t, u32 place); /* a PREPARED thread becomes the CPU's; under the thread table's lock */
u32 sched_place(const struct thread *t); /* the least loaded CPU that its mask allows */
void sched_exit(void) __attribute__((noreturn)); /* the current thread is nobody's any more */
void sched_wait(void); /* until the scan, or whoever else runs, has made the current thread RUNNABLE */

/* ---- waiting (task/waitq.c) ---- */

/*
 * Wait until cond(arg) is true. The condition is evaluated on this thread's
 * CPU after each doorbell, kick or timer, with no lock held, and must not
 * wait. Returns 0, or -EINTR if `interruptible` and the thread must end
 * (CALL_THREAD_END arrived). This one primitive serves Linux's answers (words
 * in shared memory) and waits among LWK threads (the waker kicks the CPU).
 */
int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible);
/* Make `place` look at the conditions of its threads soon. Any context. */
void wake_cpu(u32 place);
void wake_all_cpus(void);

/*
 * The scan: called by the CPU itself when attention was raised, before it
 * halts, and before it returns to user mode. Drains this CPU's ring from
 * Linux (ikc_poll hook), obeys hold words, turns WAITING threads whose
 * condition holds RUNNABLE.
 */
void sched_scan(void);

#endif
