/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that the rest of the kernel asks of an architecture; arch/fake answers it on a host. */
#ifndef MCK_ARCH_H
#define MCK_ARCH_H

#include "abi/boot.h"
#include "mck/lib.h"
#include "mck/x86_64/machine.h" /* struct user_regs, struct arch_thread, USER_END */

struct thread;
struct space;

/* ---- CPUs ---- */

/* Data of one CPU. Owned by that CPU except where said. Found by this_cpu(). */
struct cpu {
	struct cpu *self;
	u64 kernel_stack; /* top, for the system call entry; set at each switch */
	u64 entry_scratch; /* of the entry code */
	u32 place; /* 0 .. boot->cpu_count - 1 */
	u32 lock_depth; /* locks held now, for assertions */
	u32 lock_rank[8]; /* of these, in the order taken */
	struct boot_cpu *boot; /* shared with Linux, see abi/boot.h */
	struct thread *current; /* never NULL after start: the idle thread or a user's */
	struct space *space; /* whose tables are loaded, NULL: the kernel's */
	u32 kick; /* atomic: another LWK CPU wants a scan; the CPU itself clears it */
	u32 rseq_request; /* set by others (atomic), who then kick: the thread that runs begins its sequence again */
	u32 chunk; /* of memory, where mm/phys.c has found a frame last */
	u32 stacks_seen; /* the same: the freed stacks that its TLB has forgotten, see arch/x86_64/kstack.c */
	void *arch; /* GDT, TSS, stacks */
	void *runq; /* struct runq, task/sched.c */
};

extern struct cpu *cpu_table[ABI_MAX_CPUS];
extern struct lwk_boot_params *boot_params; /* mapped for good */
extern u32 cpu_count;

static inline struct cpu *cpu_of(u32 place)
{
	return cpu_table[place];
}

struct cpu *this_cpu(void);

/* Interrupts on, halt, interrupts off again, with no window in which a doorbell is lost. */
void arch_idle(void);
/* One turn of a spinning loop: pause, answer TLB flush requests, raise the heartbeat. */
void arch_relax(void);
/* Stop every other CPU of the instance for good, whatever it does (panic). */
void arch_stop_others(void);
void arch_answer_flush(void); /* what other CPUs have asked of this one */
/* Interrupt another LWK CPU so that it looks at its attention word and flush requests. */
void arch_kick(u32 place);
#define KICK_AGAIN_US 1000 /* an edge can be lost: who waits kicks again */
/* Ring the Linux CPU that serves this CPU (boot_cpu.doorbell_*). */
void arch_ring_linux(void);
/* One-shot timer of this CPU in about `us` microseconds; 0 stops it. It only ends a halt or sets need_resched. */
void arch_timer(u64 us);
/* Cycles of a counter of constant rate, for CPU accounting; boot_params->cycles_khz, never 0 after calibrate_cycles(), is its rate. */
u64 arch_cycles(void);
void arch_halt(void) __attribute__((noreturn)); /* for good, interrupts off */
u64 arch_random(void);
/* index where it is below size, else 0, without a branch: for an index of a program's behind its test. */
u64 arch_index_nospec(u64 index, u64 size);
/*
 * The counter that Linux keeps its time by, as a clock page names it: false if
 * it cannot be read. Found once, from the page of the boot.
 */
void arch_counter_init(const struct clock_page *page);
bool arch_counter_read(const struct clock_page *page, u64 *counter);
/* Registers and backtrace of this CPU into the log (with symbol names). */
void arch_backtrace(void);

/* ---- physical memory ---- */

/* The direct map of the instance's memory. */
void *pa_to_va(u64 pa);
u64 va_to_pa(const void *va); /* of the direct map or the image */
/*
 * Map a page (or `size` bytes) of Linux's memory named in a message;
 * permanent. Returns its address or NULL. What it returns before
 * arch_memory_init() is good until then only.
 */
void *arch_map_linux(u64 pa, u64 size);
/* The same for device registers, uncached. */
void *arch_map_device(u64 pa, u64 size);

/* ---- address spaces ---- */

/* Fill the kernel's half of a new root table. */
void arch_init_root(u64 root_pa);
/* Root of it, or the kernel's if NULL; flushes user TLB entries. */
void arch_load_space(struct space *space);
void arch_flush_page(u64 va); /* this CPU */
void arch_flush_all(void); /* this CPU, user entries */
/*
 * Flush [start, end) of `space` on every CPU that may hold entries of it and
 * wait for their answers. May be called under the space's lock.
 */
void arch_flush_space(struct space *space, u64 start, u64 end);
/*
 * Every CPU that runs a thread of `space` has passed a full barrier, and fetches
 * its instructions anew; this one too, and whoever runs one later. No lock held.
 */
void arch_sync_space(struct space *space);

/* How memory of a program is touched. */
enum access {
	ACCESS_READ = 0,
	ACCESS_WRITE = 1,
	ACCESS_EXEC = 2,
	ACCESS_FORCE = 3, /* a tracer's write, whether the program may write or not: FAULT_FORCE */
};

/* By a page fault that the machine tells of with `error`. */
enum access arch_fault_access(u64 error);
/* Is `addr` where programs older than the vDSO call gettimeofday, time or getcpu? Then its number. */
bool arch_old_call(u64 addr, u32 *nr);
/* A page fault of t has become a signal: what the frame says about it, until the next exception that does. */
void arch_fault_note(struct thread *t, u64 addr, u64 error);
/*
 * At start, for all CPUs: system call `nr` is answered by the u32 at `word` of the
 * thread's kpage, and may be without up_syscall() and up_leave() being called.
 */
void arch_call_word(u32 nr, u32 word);

/* ---- user memory of the current thread ---- */

/* 0 or -EFAULT. May wait (faults on file pages): no lock may be held. */
int copy_from_user(void *dst, u64 src, size_t size);
int copy_to_user(u64 dst, const void *src, size_t size);
int clear_user(u64 dst, size_t size);
/*
 * A word of it, aligned, in one access: 0 or -EFAULT. With a lock held they
 * never wait, and fail also where a fault would have brought the page.
 */
int arch_user_load(u64 addr, u32 *value);
/* Compare and exchange: *old becomes what was there, which is what it was if `new` is there now. */
int arch_user_exchange(u64 addr, u32 *old, u32 new);
/* Length without NUL, or -EFAULT, or -ENAMETOOLONG. */
long strncpy_from_user(char *dst, u64 src, size_t size);

/* ---- threads ---- */

/* Places for kernel stacks: once, when there is memory. */
void arch_kstacks_init(void);
/*
 * KSTACK_SIZE bytes, not zeroed, aligned to their size, with pages below that
 * nothing maps: an overflow is a panic that names the stack. NULL without memory.
 */
void *arch_kstack_alloc(int node);
void arch_kstack_free(void *stack);
/* Prepare a new thread's kernel stack so that the first switch to it calls entry(arg). */
void arch_thread_init(struct thread *t, void (*entry)(void *), void *arg);
/* Save prev, restore next: stack, FPU, thread pointer, space. Returns in prev when it is switched to again. */
void arch_switch(struct thread *prev, struct thread *next);
/*
 * The current thread halts its CPU and stays current: what that CPU has of its
 * program is in memory as well, until it goes on.
 */
void arch_park(struct thread *t);
void arch_unpark(struct thread *t);
/* Leave for user mode with the registers in thread->regs. */
void arch_enter_user(struct thread *t) __attribute__((noreturn));
/* Registers of a fresh program. */
void arch_regs_exec(struct user_regs *regs, u64 entry, u64 sp);
/* FPU state: initial for exec, copied for fork. xsave area owned by the thread. */
int arch_fpu_alloc(struct thread *t);
void arch_fpu_free(struct thread *t);
void arch_fpu_reset(struct thread *t);
void arch_fpu_copy(struct thread *to, struct thread *from);
/* Where the thread's own data is, CLONE_SETTLS: of the current thread, effective at once. */
void arch_set_tls(struct thread *t, u64 base);
void arch_copy_tls(struct thread *to, struct thread *from);
s64 arch_prctl(u32 option, u64 value); /* the system call, of the current thread */

/* Registers as a tracer reads them. */
enum regset {
	REGSET_GENERAL, /* PTRACE_GETREGS */
	REGSET_FP, /* PTRACE_GETFPREGS */
	REGSET_EXTENDED, /* these and the vectors */
};
/* A request of ptrace() about registers, or bases, that a program of the LWK has of its own. */
struct regset_request {
	bool write;
	bool note; /* PTRACE_GETREGSET: `to` and `size` are those of the iovec at arg[3], once Linux has answered */
	enum regset set;
	u64 to, size, offset; /* what Linux fills, and where that is in the set */
};
/* False: it is none. */
bool arch_regset_request(const u64 arg[6], struct regset_request *r);
size_t arch_regset_size(enum regset set);
/*
 * Of another thread, which does not run its program meanwhile (it is on hold, or
 * waits for its twin), into as many bytes. False: it is still on its CPU; try
 * again. Under the thread table's lock.
 */
bool arch_regset_read(const struct thread *t, enum regset set, void *buf);

/*
 * Signal frames, Linux's layout. Pushes a frame for signo on the user stack
 * (or alternate stack at [ss_sp, ss_sp + ss_size) if `use_altstack` and not
 * on it yet) and changes regs to enter the handler. 0 or -EFAULT.
 */
struct sigframe_args {
	int signo;
	u64 handler, flags, restorer; /* as in the application's sigaction */
	u64 old_mask; /* saved in the frame */
	u8 siginfo[128];
	u64 altstack_sp, altstack_size; /* size 0: none */
	u32 altstack_flags;
};
u64 arch_sigframe_size(void); /* at most, for AT_MINSIGSTKSZ */
int arch_sigframe_push(struct thread *t, const struct sigframe_args *args);
/* rt_sigreturn: restores registers and FPU; returns the saved mask (and alternate stack); -EFAULT if malformed. */
int arch_sigframe_pop(struct thread *t, u64 *mask, u64 *ss_sp, u32 *ss_flags, u64 *ss_size);

/* Bring up this CPU's tables (called by main.c's start code); implemented in arch/x86_64/cpu.c. */
void arch_cpu_init(u32 place);
/*
 * The kernel's page tables: the first CPU builds them (with
 * up_early_pages()) and every CPU moves to them; boot_params and the log
 * move to their places for good.
 */
void arch_memory_init(void);
/* These become the data of this CPU: this_cpu() works, and exceptions are reported, from here on. */
void arch_cpu_set(struct cpu *cpu);
/* Leave the stack of the boot for good. */
void arch_run_on(u64 stack_top, void (*fn)(void)) __attribute__((noreturn));

/* ---- what the architecture asks of the rooms above it ---- */

/* Memory (main/join_arch.c): see mck/mm.h. */
u64 up_early_pages(u64 pages); /* phys_early_alloc */
u64 up_page_alloc(unsigned int order, int node);
u64 up_page_alloc_zero(unsigned int order, int node);
void up_page_free(u64 pa, unsigned int order);
void *up_kmalloc(size_t size);
void *up_kzalloc(size_t size);
void up_kfree(void *p);

/* 0, SS_ONSTACK or SS_DISABLE: see mck/signal.h. */
u32 up_altstack_state(const struct thread *t, u64 sp);

/* Entries into the kernel: where they are served. The first thing after one from user mode; and the timer's interrupt. */
void up_enter(void);
void up_tick(void);
/*
 * The last test before user mode, and on a short way the only one: publishes
 * LWK_CPU_USER. False if the thread has to look, or something is noted:
 * up_return() comes first, and then this again.
 */
bool up_leave(void);
/* Serve the system call in the registers, and set its result. Returns on the way to user mode. */
void up_syscall(struct user_regs *regs);
/* A page fault or an exception of user mode. */
void up_user_fault(u64 addr, u64 error);
void up_user_exception(int signo, int code, u64 addr);
/* A fault in kernel mode on a user address (usercopy). true: served, try again. */
bool up_kernel_fault(u64 addr, u64 error);
/*
 * The long way back to user mode, interrupts off: scan, hold, end, deferred
 * signals, time sharing, the timer, until nothing is left to do. Whenever
 * up_leave() says so, which it does first of all in a new thread.
 */
void up_return(void);

#endif
