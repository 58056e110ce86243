/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program may do to its kernel by registers: flags, numbers, steps, and frames that are none. */
#include <asm/prctl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "handler.h"
#include "prog.h"

#define TF 0x100UL
#define DF 0x400UL
#define NT 0x4000UL
#define AC 0x40000UL
#define NOT_CANONICAL 0x800000000000UL
#define KERNEL_CODE 0x10
#define KERNEL_DATA 0x18

/* ---- numbers of calls ---- */

static long call(unsigned long nr)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(nr) : "rcx", "r11", "memory");
	return result;
}

static void numbers(void)
{
	static const unsigned long none[] = {
		0x7fffffff, 0x80000000, 0xffffffff, 512, 0x40000000 + SYS_getpid, 0x100000000 + 511
	};

	CHECK(call(SYS_getpid) == getpid());
	CHECK(call(0x100000000 + SYS_getpid) == getpid());
	CHECK(call(0xffffffff00000000 + SYS_getpid) == getpid());
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		CHECK(call(none[i]) == -ENOSYS);
	CHECK(call(~0UL) == -ENOSYS);
}

/* ---- flags ---- */

/* A call, local or offloaded, with these flags set; the flags behind it. */
static unsigned long call_with(unsigned long flags, long nr, long *result)
{
	unsigned long after;

	__asm__ volatile("pushfq; pushfq; or %3, (%%rsp); popfq\n\t"
			 "syscall\n\t"
			 "pushfq; pop %1; popfq"
			 : "=a"(*result), "=&d"(after)
			 : "0"(nr), "r"(flags)
			 : "rcx", "r11", "memory", "cc");
	return after;
}

static void flags(void)
{
	static const unsigned long flag[] = { 1, DF, NT, AC, DF | NT | AC };
	long result;

	for (int i = 0; i < 5; i++) {
		CHECK((call_with(flag[i], SYS_getpid, &result) & flag[i]) == flag[i]);
		CHECK(result == getpid());
		CHECK((call_with(flag[i], SYS_getppid, &result) & flag[i]) == flag[i]);
		CHECK(result == getppid());
	}
}

/* ---- steps ---- */

static volatile int steps;
static char seen[2000];

static void step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	if (info->si_addr != (void *)uc->uc_mcontext.gregs[REG_RIP] || info->si_code != TRAP_TRACE)
		seen[0] = 'x';
	steps++;
}

/* A program that steps itself: each instruction once, the way through the kernel as one. */
static void stepping(void)
{
	struct sigaction act = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
	long result = SYS_getpid;

	NEED(sigaction(SIGTRAP, &act, NULL) == 0);
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n\t"
			 "nop; nop; nop; nop\n\t"
			 "pushfq; andl $~0x100, (%%rsp); popfq\n\t"
			 "nop" ::
				 : "memory", "cc");
	CHECK(steps == 7 && seen[0] == 0);
	steps = 0;
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n\t"
			 "syscall; nop; nop\n\t"
			 "pushfq; andl $~0x100, (%%rsp); popfq\n\t"
			 : "+a"(result)
			 :
			 : "rcx", "r11", "memory", "cc");
	CHECK(result == getpid() && steps >= 4 && steps <= 6 && seen[0] == 0);
	/* Without a handler the first step is the last. */
	NEED(signal(SIGTRAP, SIG_DFL) != SIG_ERR);
}

static sigjmp_buf back;

static void tell(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	say("signal %d, code %d, address %s, trap %lld, error %#llx", signo, info->si_code,
	    info->si_addr ? "given" : "0", uc->uc_mcontext.gregs[REG_TRAPNO],
	    uc->uc_mcontext.gregs[REG_ERR]);
	siglongjmp(back, 1);
}

static void tell_of(int signo)
{
	struct sigaction act = { .sa_sigaction = tell,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	NEED(sigaction(signo, &act, NULL) == 0);
}

static void own_stack(void)
{
	static char space[64 * 1024];
	stack_t stack = { .ss_sp = space, .ss_size = sizeof(space) };

	NEED(sigaltstack(&stack, NULL) == 0);
	for (int signo = SIGILL; signo <= SIGSEGV; signo++)
		if (signo != SIGKILL)
			tell_of(signo);
}

/* int1, and what a frame says of a signal that is no trap. */
static void codes(void)
{
	volatile char *page;

	own_stack();
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile(".byte 0xf1");
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("int3");
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("push %%rbp; mov %0, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::"r"(
					 NOT_CANONICAL)
				 : "rax", "memory");
	tell_of(SIGUSR1);
	page = prog_map(PAGE);
	if (sigsetjmp(back, 1) == 0) {
		page[1] = 1; /* served: it leaves nothing in later frames */
		raise(SIGUSR1);
	}
}

/* ---- frames that no kernel has written ---- */

static const char *spoil_what;
static unsigned long spoil_value;

static void spoil(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *state = (char *)uc->uc_mcontext.fpregs;
	greg_t *selectors = &uc->uc_mcontext.gregs[REG_CSGSFS];
	char what = *spoil_what;

	(void)signo, (void)info;
	if (what == 'r')
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)spoil_value;
	else if (what == 'c')
		*selectors = (*selectors & ~0xffffL) | (greg_t)spoil_value;
	else if (what == 's')
		*selectors = (*selectors & 0xffffffffffffL) | (greg_t)spoil_value << 48;
	else if (what == 'f')
		uc->uc_mcontext.fpregs = (fpregset_t)spoil_value;
	else if (what == 'm')
		memset(state + 24, 0xff, 4); /* MXCSR's reserved bits */
	else if (what == 'x')
		state[512 + spoil_value] |= 0x40; /* of XSAVE's header */
	else if (what == '1')
		memset(state + 464, 0, 4); /* the first magic number */
	else if (what == 'l')
		uc->uc_mcontext.gregs[REG_EFL] = -1L & ~(greg_t)(TF | AC | DF);
}

static void spoiled(const char *what, unsigned long value)
{
	struct sigaction act = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };

	spoil_what = what;
	spoil_value = value;
	NEED(sigaction(SIGUSR2, &act, NULL) == 0);
	if (sigsetjmp(back, 1) == 0) {
		raise(SIGUSR2);
		say("goes on: %s %#lx", what, value);
	} else {
		say("was: %s %#lx", what, value);
	}
}

static void frames(void)
{
	own_stack();
	spoiled("rip", NOT_CANONICAL);
	spoiled("rip", 0x8000000000000000UL);
	spoiled("rip", 0xffffffff81000000UL);
	spoiled("rip", 0x7ffffffff000UL);
	spoiled("cs", KERNEL_CODE);
	spoiled("cs", 0x7f);
	spoiled("cs", 0);
	spoiled("ss", KERNEL_DATA);
	spoiled("ss", 0x1233);
	spoiled("mxcsr", 0);
	spoiled("xstate", 7); /* a component that no CPU has */
	spoiled("xstate", 16); /* reserved */
	spoiled("1st magic", 0);
	spoiled("fpstate", 0);
	spoiled("fpstate", 16);
	spoiled("fpstate", 0xffffffff81000000UL);
	spoiled("lots of flags", 0);
}

static void die_by_handler(void *handler)
{
	struct sigaction act = { .sa_flags = SA_NODEFER };

	memcpy(&act.sa_handler, &handler, sizeof(handler));
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
}

static void die_by_all(void *handler)
{
	struct sigaction act = { .sa_flags = SA_NODEFER };

	memcpy(&act.sa_handler, &handler, sizeof(handler));
	NEED(sigaction(SIGSEGV, &act, NULL) == 0);
	*(volatile int *)NULL = 1;
}

static void die_by_step(void *arg)
{
	(void)arg;
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory");
}

/* Handlers at no address: also SIGSEGV's own, until its stack is full. */
static void handlers(void)
{
	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	NEED(setrlimit(RLIMIT_STACK, &(struct rlimit){ 1 << 20, 1 << 20 }) == 0);
	CHECK_KILLED(prog_fork(die_by_handler, (void *)NOT_CANONICAL), SIGSEGV);
	CHECK_KILLED(prog_fork(die_by_handler, (void *)0xffffffff81000000UL), SIGSEGV);
	CHECK_KILLED(prog_fork(die_by_all, (void *)NOT_CANONICAL), SIGSEGV);
	CHECK_KILLED(prog_fork(die_by_step, NULL), SIGTRAP);
}

/* ---- bases and births ---- */

static long clone3(unsigned long flags, unsigned long exit_signal, unsigned long stack,
		   unsigned long stack_size, unsigned long set_tid)
{
	const unsigned long args[11] = {
		[0] = flags, [4] = exit_signal, [5] = stack, [6] = stack_size, [8] = set_tid
	};

	return syscall(SYS_clone3, args, sizeof(args));
}

static void refusals(void)
{
	unsigned long base = 1;
	int word = 1;

	CHECK_FAILS(syscall(SYS_arch_prctl, ARCH_SET_GS, NOT_CANONICAL), EPERM);
	CHECK_FAILS(syscall(SYS_arch_prctl, ARCH_SET_FS, ~0UL), EPERM);
	CHECK_FAILS(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x7ffffffff000UL), EPERM);
	CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == 0);
	CHECK_FAILS(syscall(SYS_arch_prctl, ARCH_GET_GS, 8), EFAULT);
	CHECK_FAILS(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, NOT_CANONICAL), EPERM);
	CHECK_FAILS(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_FAILS(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_FAILS(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED, 0, &word, 0, 0), EINVAL);
	CHECK_FAILS(clone3(CLONE_PARENT, SIGCHLD, 0, 0, 0), EINVAL);
	CHECK_FAILS(clone3(0, 65, 0, 0, 0), EINVAL);
	CHECK_FAILS(clone3(SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_FAILS(clone3(0, SIGCHLD, 0, PAGE, 0), EINVAL);
	CHECK_FAILS(clone3(0, SIGCHLD, PAGE, 0, 0), EINVAL);
	CHECK_FAILS(clone3(0, SIGCHLD, ~0UL - PAGE, PAGE, 0), EINVAL);
	CHECK_FAILS(clone3(0, SIGCHLD, 0, 0, PAGE), EINVAL);
	CHECK_FAILS(syscall(SYS_clone3, &word, 63), EINVAL);
	CHECK_FAILS(syscall(SYS_clone3, &word, PAGE + 1), E2BIG);
	CHECK_FAILS(syscall(SYS_sched_setaffinity, 99999999, sizeof(base), &base), ESRCH);
	CHECK_FAILS(syscall(SYS_sched_getaffinity, 99999999, sizeof(base), &base), ESRCH);
	CHECK_FAILS(syscall(SYS_sched_getaffinity, 0, 7, &base), EINVAL);
	CHECK_FAILS(syscall(SYS_sched_setaffinity, 0, 0, &base), EINVAL);
	CHECK_FAILS(syscall(SYS_sched_setaffinity, 0, sizeof(base), 8), EFAULT);
}

/* ---- gates of 32-bit programs: not those of the LWK, and no way into its kernel either ---- */

static void by_int80(void *arg)
{
	(void)arg;
	__asm__ volatile("int $0x80" ::"a"(20) : "memory");
}

static void by_sysenter(void *arg)
{
	(void)arg;
	__asm__ volatile("sysenter" ::"a"(20) : "memory");
}

/*
 * To 32-bit code, which Linux has and the LWK has not. (Not by a far return:
 * QEMU 7.2 pops its operands with the kernel's rights, which SMAP forbids, and
 * the program faults for ever.)
 */
static void by_far_jump(void *arg)
{
	static const struct {
		uint32_t offset;
		uint16_t selector;
	} target = { 0x1000, 0x23 };

	(void)arg;
	__asm__ volatile("ljmp *%0" ::"m"(target) : "memory");
}

static void gates(void)
{
	int status;

	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	CHECK_KILLED(prog_fork(by_int80, NULL), SIGSEGV);
	CHECK_KILLED(prog_fork(by_far_jump, NULL), SIGSEGV);
	/* The one or the other, by the CPU's maker. */
	status = prog_wait(prog_fork(by_sysenter, NULL)) & 0x7f;
	CHECK(status == SIGSEGV || status == SIGILL);
}

static const struct prog_case cases[] = {
	{ "numbers", numbers },	  { "flags", flags },	{ "stepping", stepping },
	{ "codes", codes },	  { "frames", frames }, { "handlers", handlers },
	{ "refusals", refusals }, { "gates", gates },
};
PROG_MAIN(cases)
