/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the futex calls share. */
#ifndef SYSCALL_FUTEX_H
#define SYSCALL_FUTEX_H

#include "mck/arch.h"
#include "mck/deadline.h"
#include "mck/futexq.h"

#define FUTEX_WAITERS 0x80000000U /* bits of the word of a robust futex, or of one with an owner */
#define FUTEX_OWNER_DIED 0x40000000U
#define FUTEX_TID_MASK 0x3fffffffU

/* ---- futex_word.c ---- */

/*
 * A shared word in memory that is Linux's is a futex of Linux's: so they wake each
 * other across the kernels. A private one is for threads of this program alone.
 */
bool futex_is_linux(u64 addr, bool shared);
/*
 * The name of the word at addr in the current thread's space. -EINVAL,
 * -EFAULT, -ENOMEM as Linux's get_futex_key(): of a private one it looks at
 * the address only, of a shared one at the page, which it brings. No lock.
 */
int futex_key(u64 addr, bool shared, enum access access, struct futex_key *key);
/* Brings the page that arch_user_load() or _exchange() missed under a lock: 0 or -EFAULT. No lock. */
int futex_fault_in(u64 addr, enum access access);
/* FUTEX_WAKE_OP's operation on the word: whether its comparison holds, or -ENOSYS, or -EFAULT as arch_user_load(). */
int futex_word_operate(u64 addr, u32 op);

/* ---- futex_wait.c ---- */

/* A timeout of the program's. 0, -EFAULT, -EINVAL, or a restart code. */
s64 futex_deadline(struct deadline *d, u64 timeout, enum clock_id clock, bool absolute);

enum futex_end {
	FUTEX_RUNG, /* a waiter was taken out of its bucket; perhaps in the other cases too */
	FUTEX_EXPIRED,
	FUTEX_SIGNAL, /* one was caught */
	FUTEX_ENDED, /* the thread must end */
};
/* Sleep, with its waiters queued, until there is one of these. */
enum futex_end futex_sleep(struct futex_sleeper *s, struct deadline *d);

/* In the queue, if the word at addr has the value: 0; -EAGAIN if not; or as futex_key(). */
s64 futex_enqueue(struct futex_waiter *w, u64 addr, bool shared, u32 value);
s64 futex_wait(u64 addr, bool shared, u32 value, struct deadline *d, u32 bits);

/* ---- futex_pi.c, futex_requeue_pi.c ---- */

s64 futex_lock_pi(u64 addr, bool shared, struct deadline *d, bool try);
s64 futex_unlock_pi(u64 addr, bool shared);
s64 futex_wait_requeue_pi(u64 addr, bool shared, u32 value, struct deadline *d, u64 addr2);
/*
 * Around a thread's look at its robust list: who meets its tid in a word waits
 * until it is done, and then what others wait for is the first waiter's.
 */
void futex_begin_exit(void);
void futex_finish_exit(void);
/* Another thread's robust list, if the instance has it and it has not ended; else *list stays. */
void futex_robust_list(u32 tid, u64 *list);
s64 futex_cmp_requeue_pi(u64 addr, bool shared, u64 addr2, s32 wake, s32 move, u32 value);

#endif
