/* SPDX-License-Identifier: GPL-2.0-only */
/* A handler that takes notes, and a child that sends a signal when one waits for it. */
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "handler.h"
#include "prog.h"

volatile int calls;
volatile siginfo_t last;
volatile sigset_t last_mask;

void take_note(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	last = *info;
	last_mask = ((ucontext_t *)context)->uc_sigmask;
	calls++;
}

void handle(int signo, int flags)
{
	struct sigaction act = { .sa_sigaction = take_note, .sa_flags = SA_SIGINFO | flags };

	NEED(sigaction(signo, &act, NULL) == 0);
}

sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

void block(int a, int b)
{
	sigset_t set = set_of(a, b);

	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
}

void unblock(int a, int b)
{
	sigset_t set = set_of(a, b);

	NEED(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

bool pending(int signo)
{
	sigset_t set;

	NEED(sigpending(&set) == 0);
	return sigismember(&set, signo);
}

struct sender {
	pid_t to;
	long call; /* once this one waits in that call */
	int signo;
};

static void send_when_waiting(void *arg)
{
	struct sender *s = arg;

	await_call(s->to, s->call);
	CHECK(kill(s->to, s->signo) == 0);
}

pid_t expect(long call, int signo)
{
	struct sender s = { getpid(), call, signo };

	return prog_fork(send_when_waiting, &s);
}

void tick(bool on)
{
	struct itimerval timer = { { 0, on ? 20000 : 0 }, { 0, on ? 20000 : 0 } };

	NEED(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}
