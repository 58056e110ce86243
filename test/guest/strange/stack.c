/* SPDX-License-Identifier: GPL-2.0-only */
/* The stack's limit as it is when the stack grows: lowered, raised, by itself and by others. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "strange.h"

#define MIB (1UL << 20)

static sigjmp_buf back;
static volatile int signo, code;
static volatile unsigned long depth; /* bytes */

static void on_fault(int s, siginfo_t *info, void *context)
{
	(void)context;
	signo = s;
	code = info->si_code;
	siglongjmp(back, 1);
}

static long __attribute__((noinline)) eat(unsigned long left)
{
	volatile char frame[PAGE];

	frame[0] = (char)left;
	depth += sizeof(frame);
	return left > PAGE ? eat(left - PAGE) + frame[0] : frame[0];
}

static void use(const char *name, unsigned long mib, unsigned long limit)
{
	static char other[65536];
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	NEED(sigaltstack(&ss, NULL) == 0 && sigaction(SIGSEGV, &sa, NULL) == 0);
	signo = 0;
	code = 0;
	depth = 0;
	if (!sigsetjmp(back, 1))
		eat(mib * MIB);
	if (signo)
		say("%s: %lu MiB: signal %d, code %d, %s the limit", name, mib, signo, code,
		    depth <= limit * MIB && depth + MIB >= limit * MIB ? "at" : "not at");
	else
		say("%s: %lu MiB: fine", name, mib);
}

static void set(rlim_t limit)
{
	struct rlimit rl;

	NEED(getrlimit(RLIMIT_STACK, &rl) == 0);
	rl.rlim_cur = limit;
	NEED(setrlimit(RLIMIT_STACK, &rl) == 0);
}

static void lowered(void)
{
	set(1 * MIB);
	use("lowered", 4, 1);
}

/* What has grown stays. */
static void lowered_later(void)
{
	use("before", 5, 8);
	set(2 * MIB);
	use("lowered later", 4, 2);
	use("lowered later", 7, 5);
}

static void usual(void)
{
	use("as it was", 7, 8);
	use("as it was", 9, 8);
}

static void raised(void)
{
	set(64 * MIB);
	use("raised", 40, 64);
	use("raised", 70, 64);
}

static void unlimited(void)
{
	set(RLIM_INFINITY);
	use("without", 100, 0);
}

static void by_another(void)
{
	pid_t parent = getpid(), child = fork();

	if (!child) {
		struct rlimit rl = { 20 * MIB, RLIM_INFINITY };

		_exit(prlimit(parent, RLIMIT_STACK, &rl, NULL) != 0);
	}
	NEED(prog_wait(child) == 0);
	use("by another", 15, 20);
	use("by another", 25, 20);
}

static void again(void)
{
	execl("/proc/self/exe", "stack", "again", NULL);
}

/* A new image under a limit that is smaller than what the old one used. */
static void lowered_before(void)
{
	use("before", 6, 8);
	set(3 * MIB);
	again();
}

int main(int argc, char **argv)
{
	(void)argv;
	set(8 * MIB);
	if (argc > 1) {
		set(3 * MIB);
		use("after an exec", 2, 3);
		use("after an exec", 4, 3);
		return 0;
	}
	apart("lowered", lowered);
	apart("lowered later", lowered_later);
	apart("as it was", usual);
	apart("raised", raised);
	apart("unlimited", unlimited);
	apart("by another", by_another);
	apart("before an exec", lowered_before);
	return 0;
}
