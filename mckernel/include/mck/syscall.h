/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call table and what its groups share. */
#ifndef MCK_SYSCALL_H
#define MCK_SYSCALL_H

#include "mck/lib.h"
#include "mck/task.h"

enum syscall_route {
	ROUTE_NONE, /* no line: no call of this number, or one that nobody has thought about */
	ROUTE_OFFLOAD,
	ROUTE_LOCAL,
	ROUTE_SPLIT,
	ROUTE_REFUSED,
	ROUTE_WORD,
};

struct syscall_entry {
	const char *name;
	enum syscall_route route;
	s64 (*fn)(const u64 arg[6]); /* LOCAL, SPLIT; REFUSED: NULL, fails with `error` */
	s32 error;
	u32 word; /* WORD: where in struct kpage the result stands, a u32; never 0 */
};
#define SYSCALL_MAX 463 /* one beyond the last call of the newest kernel supported, 6.12 */
extern const struct syscall_entry syscall_table[SYSCALL_MAX];

/* Carry out one call of the current thread: its result or a restart code. May wait. */
s64 syscall_serve(u32 nr, const u64 arg[6]);
/* Check the table against itself, and panic; tell arch/ of its words. Called once at start. */
void syscall_init(void);
/* The check: NULL, or what is wrong with line *nr. */
const char *syscall_table_check(u32 *nr);

/* ---- signals (syscall/signal.c over task/signal.c) ---- */

/* A synchronous signal of the current thread: its handler's frame is built, or the thread dies of it. */
void signal_force(int signo, int code, u64 addr);
/* Linux's action for these becomes SIG_DFL. */
void signal_default_in_linux(u64 signals);
/* Change the current thread's mask; on the way to user mode Linux is told if it blocks what is now unblocked. */
void signal_set_mask(u64 mask);
/*
 * The end of each system call: `value` is its result or a restart code. Sets
 * the registers, and enters the handler of what was caught during it.
 */
void signal_finish_call(struct user_regs *regs, u64 nr, const u64 arg[6], s64 value);
/* Something is pending in Linux for this thread, or Linux blocks more than it does. Any context. */
bool signal_wanted(const struct thread *t);
/* Ask Linux by the exact mask; true: a signal stands in thread->caught. */
bool signal_ask(void);
/* Ask, and enter the handler of what comes. On the way to user mode. */
void signal_poll(void);

#endif
