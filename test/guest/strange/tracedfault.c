/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults of a traced child: its tracer sees the signal first, and lets through what it likes. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "strange.h"

#define NOWHERE ((volatile int *)0x1000)
#define STOPS_MAX 9

static sigjmp_buf out;

/* `answer`: with which signal the child goes on from its nth stop. */
struct scene {
	const char *name;
	void (*fault)(void);
	int (*answer)(int signo, int nth);
	int flags; /* of the handler */
};

static int pass(int signo, int nth)
{
	(void)nth;
	return signo;
}

static int third_time(int signo, int nth)
{
	return nth < 3 ? 0 : signo;
}

static int as_usr1(int signo, int nth)
{
	(void)signo, (void)nth;
	return SIGUSR1;
}

static int as_term(int signo, int nth)
{
	(void)signo, (void)nth;
	return SIGTERM;
}

/* The code of a breakpoint is not Linux's (users-guide). */
static int code_of(const siginfo_t *info)
{
	return info->si_signo == SIGTRAP ? 0 : info->si_code;
}

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	say("  handler: SIG%s, code %d, at %d", sigabbrev_np(signo), code_of(info),
	    info->si_addr == NOWHERE);
	siglongjmp(out, 1);
}

static void touch_nowhere(void)
{
	*NOWHERE = 1;
}

static void touch_twice(void)
{
	if (!sigsetjmp(out, 1))
		*NOWHERE = 1;
	*NOWHERE = 1;
}

static void divide(void)
{
	__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::
				 : "eax", "ecx", "edx");
}

static void no_instruction(void)
{
	__asm__ volatile("ud2");
}

static void breakpoint(void)
{
	__asm__ volatile("int3");
}

static void beyond_the_end(void)
{
	int fd = memfd_create("short", 0);
	volatile char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	NEED(map != MAP_FAILED);
	(void)*map;
}

static void blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	*NOWHERE = 1;
}

static void ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	*NOWHERE = 1;
}

static void child(const struct scene *s)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR1 };
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | s->flags };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		NEED(sigaction(signals[i], &action, NULL) == 0);
	NEED(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && raise(SIGSTOP) == 0);
	if (!sigsetjmp(out, 1))
		s->fault();
	say("  goes on");
}

static void play(const struct scene *s)
{
	pid_t pid = fork();
	int status;

	NEED(pid >= 0);
	if (!pid) {
		child(s);
		_exit(0);
	}
	say("%s", s->name);
	NEED(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	NEED(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	for (int nth = 1; waitpid(pid, &status, 0) == pid && WIFSTOPPED(status); nth++) {
		siginfo_t info;

		NEED(nth <= STOPS_MAX && ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
		say("  tracer: SIG%s, code %d, at %d", sigabbrev_np(WSTOPSIG(status)),
		    code_of(&info), info.si_addr == NOWHERE);
		NEED(ptrace(PTRACE_CONT, pid, 0, s->answer(WSTOPSIG(status), nth)) == 0);
	}
	if (WIFSIGNALED(status))
		say("  killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		say("  exit %d", WEXITSTATUS(status));
}

int main(void)
{
	static const struct scene scenes[] = {
		{ "passed", touch_nowhere, pass, 0 },
		{ "taken away twice", touch_nowhere, third_time, 0 },
		{ "another instead", touch_nowhere, as_usr1, 0 },
		{ "a deadly one instead", touch_nowhere, as_term, 0 },
		{ "blocked", blocked, pass, 0 },
		{ "ignored", ignored, pass, 0 },
		{ "a handler for once", touch_twice, pass, SA_RESETHAND },
		{ "division", divide, pass, 0 },
		{ "no instruction", no_instruction, pass, 0 },
		{ "breakpoint", breakpoint, pass, 0 },
		{ "beyond the end of a file", beyond_the_end, pass, 0 },
	};

	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		play(&scenes[i]);
	return 0;
}
