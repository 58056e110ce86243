/* SPDX-License-Identifier: GPL-2.0-only */
/* A handler that takes notes, and a child that sends a signal when one waits for it. */
#ifndef HANDLER_H
#define HANDLER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* How often the handler ran, and what it got. */
extern volatile int calls;
extern volatile siginfo_t last;
extern volatile sigset_t last_mask;

/* The handler itself, for an action with SA_SIGINFO. */
void take_note(int signo, siginfo_t *info, void *context);
/* Makes it the handler of signo. */
void handle(int signo, int flags);

sigset_t set_of(int a, int b);
void block(int a, int b);
void unblock(int a, int b);
bool pending(int signo);

/* A child sends signo to the caller once that waits in system call `call`. */
pid_t expect(long call, int signo);
/* SIGALRM every 20 ms, or no more. */
void tick(bool on);

#endif
