/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions behind the system call table, by the file that holds them. Memory's are in mck/sys_memory.h. */
#ifndef MCK_SYSCALLS_H
#define MCK_SYSCALLS_H

#include "mck/clock.h"
#include "mck/lib.h"
#include "mck/syscall.h"

/* ---- signal.c ---- */
s64 sys_rt_sigaction(const u64 arg[6]);
s64 sys_rt_sigprocmask(const u64 arg[6]);
s64 sys_rt_sigreturn(const u64 arg[6]);
s64 sys_sigaltstack(const u64 arg[6]);
s64 sys_tkill(const u64 arg[6]);
s64 sys_tgkill(const u64 arg[6]);

/* ---- process.c, prctl.c ---- */
s64 sys_clone(const u64 arg[6]);
s64 sys_clone3(const u64 arg[6]);
s64 sys_fork(const u64 arg[6]);
s64 sys_vfork(const u64 arg[6]);
s64 sys_exit(const u64 arg[6]);
s64 sys_exit_group(const u64 arg[6]);
s64 sys_set_tid_address(const u64 arg[6]);
s64 sys_arch_prctl(const u64 arg[6]);
s64 sys_prctl(const u64 arg[6]);

/* ---- futex.c, futex_waitv.c, robust.c ---- */
s64 sys_futex(const u64 arg[6]);
s64 sys_futex_waitv(const u64 arg[6]);
s64 sys_set_robust_list(const u64 arg[6]);
s64 sys_get_robust_list(const u64 arg[6]);

/* ---- sched.c ---- */
s64 sys_sched_yield(const u64 arg[6]);
s64 sys_sched_setaffinity(const u64 arg[6]);
s64 sys_sched_getaffinity(const u64 arg[6]);
s64 sys_getcpu(const u64 arg[6]);
/*
 * Linux finds the task with this tid in the caller's pid namespace: 0, and
 * kpage->kout[0] is the thread's id, or 0 if it is none of this instance.
 * -ESRCH; with `change`, -EPERM if the caller may not change its scheduling.
 */
s64 thread_of_tid(u32 tid, bool change);

/* ---- ptrace.c ---- */
s64 sys_ptrace(const u64 arg[6]);

/* ---- rseq.c, membarrier.c ---- */
s64 sys_rseq(const u64 arg[6]);
s64 sys_membarrier(const u64 arg[6]);
/* By the current thread on its way to a handler: if it is in a restartable sequence, it comes back to that one's abort. -errno: it is malformed. */
int rseq_abort(struct thread *t);
/* By the current thread, which has registered an area, on its way back. May wait, and may enter a handler. */
void rseq_resume(struct thread *t);

/* ---- time.c ---- */
s64 sys_clock_gettime(const u64 arg[6]);
s64 sys_gettimeofday(const u64 arg[6]);
s64 sys_time(const u64 arg[6]);
/* What Linux says: 0, or the offloaded call's error or restart code. */
s64 clock_ask(enum clock_id id, u64 *ns);

/* ---- misc.c ---- */
s64 sys_personality(const u64 arg[6]);
s64 sys_restart_syscall(const u64 arg[6]);
s64 sys_sysinfo(const u64 arg[6]);

/*
 * Before the current thread ends: others get its robust futexes, and its word
 * of thread->clear_child_tid is zeroed and woken for, if they live in the space.
 */
void leave_memory(void);
/* Wake up to `count` waiters of the futex at `addr` in the current thread's space; the number woken or -errno. */
s64 futex_wake_user(u64 addr, u32 count);

#endif
