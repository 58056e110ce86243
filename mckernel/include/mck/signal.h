/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal state of a thread without any talk to Linux: dispositions, masks, alternate stacks, frames. */
#ifndef MCK_SIGNAL_H
#define MCK_SIGNAL_H

#include "mck/lib.h"
#include "mck/signo.h"
#include "mck/task.h"

/* Is it discarded under SIG_DFL? */
bool signal_ignored_by_default(int signo);
/* Mask inside a handler that interrupts code with mask `base`. */
u64 signal_handler_mask(u64 base, const struct ksigaction *action, int signo);

/*
 * What Linux has to have for the application's action: SIG_DFL and SIG_IGN
 * themselves, or the proxy's catcher with the flags that Linux acts upon.
 */
void signal_mirror(const struct ksigaction *app, u64 catcher, u64 restorer,
		   struct ksigaction *real);
/* Must Linux be told when the application changes `old` to `new`? */
bool signal_mirror_differs(int signo, const struct ksigaction *old, const struct ksigaction *new);

/* Copy for fork; `clear`: handlers become SIG_DFL (CLONE_CLEAR_SIGHAND, exec). */
void sighand_copy(struct sighand *to, struct sighand *from, bool clear);
void sighand_get_action(struct sighand *s, int signo, struct ksigaction *action);
void sighand_set_action(struct sighand *s, int signo, const struct ksigaction *action,
			struct ksigaction *old);

/*
 * The action under which Linux has caught signo for the current thread: a
 * sibling may have taken the handler away since. Without one, there never was any.
 */
void sighand_caught_action(struct sighand *s, int signo, struct ksigaction *action);

/*
 * Claims on the actions of a set of signals (task/sigclaim.c). Whoever changes
 * an action in both kernels, or copies it in both, holds one: across its call
 * to Linux, so it is no lock. Taking one waits, with no lock held, for the
 * others to end; -EINTR when the thread must end.
 */
int sighand_claim(struct sighand *s, u64 signals);
void sighand_unclaim(struct sighand *s, u64 signals);

/* The alternate stack of the current thread whose stack pointer is sp. */
bool altstack_contains(const struct thread *t, u64 sp);
u32 altstack_state(const struct thread *t, u64 sp); /* 0, SS_ONSTACK or SS_DISABLE */
int altstack_set(struct thread *t, u64 sp, u64 ss_sp, u32 ss_flags, u64 ss_size);

/* A synchronous signal's siginfo. */
void siginfo_fault(u8 info[SLOT_SIGINFO_SIZE], int signo, int code, u64 addr);

enum signal_effect {
	SIGNAL_ENTERED, /* the handler's frame is built, thread->mask is the handler's */
	SIGNAL_NO_HANDLER, /* SIG_DFL or SIG_IGN, or never another if it was caught */
	SIGNAL_BAD_STACK, /* the frame cannot be written */
};
/*
 * Enter the handler of signo in the current thread, whose registers are those
 * to be resumed after it. `base`: mask that the handler's own is added to;
 * `old`: mask to be restored. `caught`: Linux has run the catcher for it, and it
 * is handled even if the handler has been taken away since. *reset: SA_RESETHAND
 * has taken the handler away.
 * Context: may wait (the stack's pages); no lock.
 */
enum signal_effect signal_enter(int signo, const u8 info[SLOT_SIGINFO_SIZE], u64 base, u64 old,
				bool caught, bool *reset);

#endif
