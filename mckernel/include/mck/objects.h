/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that every room knows, as data: spaces, processes, threads. What is done with them is in mm.h and task.h. */
#ifndef MCK_OBJECTS_H
#define MCK_OBJECTS_H

#include "abi/boot.h"
#include "abi/slot.h"
#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"
#include "mck/policy.h"
#include "mck/tree.h"

struct region;
struct claim;
struct space_epoch;
struct futex_pi;

/* An address space: regions and page tables. */
struct space {
	struct spinlock lock;
	u32 refs; /* atomic: threads on it (vfork and CLONE_VM children included) */
	u64 id; /* opaque to the module */
	u64 root_pa;
	struct space_epoch *epoch; /* shared with the module */
	u64 epoch_pa;
	u64 linux_id; /* the module's id of it, for LCALL_ZAP */

	/* under lock */
	struct list regions; /* in ascending order, */
	struct tree tree; /* and the same ones to be found */
	u32 region_count;
	u64 mmap_base; /* top-down search starts here */
	u64 brk_start, brk_end, brk_limit;
	u64 stack_top;
	u64 total_pages; /* for RLIMIT_AS */
	u64 data_pages;
	u64 locked_pages; /* for RLIMIT_MEMLOCK */
	u64 stack_limit; /* RLIMIT_STACK as last seen, for faults that Linux asks for; space_create: 8 MiB */
	bool lock_future; /* MCL_FUTURE, */
	bool lock_onfault; /* and what is locked by it need not be there at once */
	struct region *hit; /* found last, or NULL */
	u64 *low_table; /* the table of level 1 that entry_at() found last, for 2 MiB from low_va on, or NULL */
	u64 low_va;
	struct claim *claims; /* sleepable claims on ranges */
	/*
	 * A fork is copying. Until it ends no thread gets a page that it could
	 * change behind the fork's back: the child sees what each thread had
	 * written up to some moment, and nothing that it wrote later.
	 */
	bool forking;
	/*
	 * Forks whose second half, Linux's, is under way; and changes to what is
	 * Linux's that are under way or wait for those (mm/mirror.c).
	 */
	u32 cloning, mirroring;
	u64 mirror_turn; /* another with each such change that begins, or ends */
	u32 membarrier; /* atomic: the commands that its threads may use (syscall/membarrier.c) */
	bool no_huge; /* PR_SET_THP_DISABLE: set by any of its threads, read by faults, without order */
	bool admin; /* who built it had CAP_SYS_ADMIN: for what nobody of its threads asks for (mm/commit.c) */
	struct list dead_tables; /* frames of unlinked table pages that a walker may still be in */

	u32 pins; /* atomic: short holds by fault answers; the end of the space waits for them */
	struct list by_id; /* under the lock of the table of spaces */
};

#define NSIG 64
#define SIGBIT(sig) (1UL << ((sig)-1))

/* What Linux calls sigaction, as user space passes it. */
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
	/* The last action with a handler, for signals that were caught under it (signal_enter()). */
	struct ksigaction handled[NSIG];
	u64 claimed; /* signals: only the claim's holder changes their action (task/sigclaim.c) */
};

/* A thread group: Linux's signal struct. */
struct process {
	u32 refs; /* atomic: threads, and who is about to make one */
	struct list
		threads; /* those in the table of threads, by thread->siblings; under its lock */
	bool born; /* counted in processes_born */
	bool ran; /* counted in processes_ran */
	char comm[16];
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
 * its program runs: up_return() calls it once, and frees it. The first
 * member of what exec and clone keep there.
 */
struct thread_start {
	void (*run)(struct thread_start *s);
	void (*drop)(struct thread_start *s); /* before it is freed, run or not; or NULL */
};

/*
 * One thread. Owned by the CPU it is assigned to (cpu); others reach it only
 * by notes and kpage words, or under the thread table's lock.
 */
struct thread {
	u64 id; /* opaque to the module; ids of dead threads never match */
	struct thread *next_id; /* in its chain of the table; under the table's lock */
	struct tree_node run; /* in the CPU's run queue: task/order.c */
	struct list all; /* in the CPU's list of threads, */
	void *at; /* and whose struct runq has it; NULL: nobody's. By the CPU that has it */
	struct list siblings; /* in its process's list; under the thread table's lock */
	u32 tid; /* what it is found by in task/tids.c, constant from its birth on */
	struct thread *tid_next; /* in its chain there, under the chain's lock */
	u32 cpu; /* place */
	enum thread_state state;
	/* A note about it, see abi/note.h: by who adds it and by the CPU that takes it. */
	u32 note_queued;
	u64 note_next;
	/* State WAITING: evaluated by its CPU when it is looked at, no lock held. */
	bool (*cond)(void *arg);
	void *cond_arg;
	/* By its CPU: linked to itself, or in the lists of its struct runq. */
	struct list asks; /* while it waits */
	struct list posted;
	struct tree_node alarm;
	u64 alarm_at; /* cycles: its condition wants to be asked again; 0: it is in no tree */
	bool interruptible; /* a dead flag ends the wait too */
	bool interrupted; /* it did: what wait_for() returns */

	/* arch */
	u8 *kstack; /* base, KSTACK_SIZE */
	struct user_regs *regs; /* at the top of kstack */
	struct arch_thread arch;

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
	u64 altstack_sp, altstack_size;
	u32 altstack_flags;
	u32 caught; /* a signal that the twin's catcher met and whose frame is not built yet, or 0 */
	u8 caught_info[SLOT_SIGINFO_SIZE]; /* its siginfo */

	/* Written under the thread table's lock once it has started, also by other threads; read word by word by anybody. */
	u64 affinity[ABI_MAX_CPUS / 64];
	struct policy policy; /* where its memory comes from: mck/policy.h */
	u64 clear_child_tid;
	u64 robust_list; /* address of the head, as registered, or 0; by itself, read by others */
	/* Locks with priority inheritance that others wait for, and the one that it waits for: syscall/futex_pi.c, under its lock. */
	struct futex_pi *pi_owned, *pi_waits;
	enum pi_end { PI_END_NOT, PI_END_BEGUN, PI_END_DEAD } pi_end; /* likewise */
	struct thread_start
		*start; /* kmalloc'd; taken by the first run, or freed with the thread */
	struct thread_times times; /* by its CPU: task/cputime.c; read by Linux */
	/*
	 * What it has run, by its weight, in cycles (order.c): on the clock of its
	 * CPU, and while it is on its way to one, how far it is from that clock.
	 */
	u64 vtime;
	u64 vtime_at; /* what it had run when vtime was reckoned last */
	u32 rank; /* as it was when it came into the queue: above all others of a lower one */
	u32 sched_seen; /* kpage->sched, when it was looked at last; by its CPU */
	u32 inherited; /* the highest rank of who waits for a lock of its: by futex_pi.c, under its lock; read by anybody */
	u64 rr_end; /* what it will have run when its turn among SCHED_RR of its priority is over */
	bool born; /* counted in threads_born */
	bool ran; /* has executed user instructions */
	bool idle; /* the idle thread of its CPU */
	bool read_implies_exec; /* of its personality; by itself only */
	/*
	 * Something may stand between it and its program: up_return() looks
	 * before it runs on. By its own CPU only: set when the CPU's notes are
	 * taken, when it is switched to, and by whatever it does itself that may
	 * hold it up. Without it, only a new note can: all that others change for
	 * it comes with one.
	 */
	bool look;
	/*
	 * The area that it has registered for restartable sequences, or 0, and the
	 * word that marks their ends; by itself only. An event is whatever such a
	 * sequence must not survive: set at each switch to it, by its CPU.
	 */
	u64 rseq;
	u32 rseq_sig;
	bool rseq_event;
	u64 ring_stamp; /* cycles of the newest ring for a request; while it is posted */
	void (*work)(void *arg); /* a kernel thread's, NULL: runs a program */
	void *work_arg;
};

#define KSTACK_SIZE 16384UL

static inline struct thread *current_thread(void)
{
	return this_cpu()->current;
}

static inline bool thread_may_run_on(const struct thread *t, u32 place)
{
	return __atomic_load_n(&t->affinity[place / 64], __ATOMIC_RELAXED) >> place % 64 & 1;
}

#endif
