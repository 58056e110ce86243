/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals: what a handler gets, which are blocked and pending, how they are waited for. */
#include <fcntl.h>
#include <fenv.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "handler.h"
#include "prog.h"

/* ---- what the handler gets ---- */

static void to_self(void)
{
	handle(SIGUSR1, 0);
	CHECK(raise(SIGUSR1) == 0 && calls == 1);
	CHECK(last.si_signo == SIGUSR1 && last.si_code == SI_TKILL && last.si_pid == getpid());
	CHECK(last.si_uid == getuid());
	CHECK(kill(getpid(), SIGUSR1) == 0 && calls == 2 && last.si_code == SI_USER);
	CHECK(last.si_pid == getpid());
	CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 77 }) == 0 && calls == 3);
	CHECK(last.si_code == SI_QUEUE && last.si_int == 77);
	CHECK(kill(0, 0) == 0);
	CHECK_FAILS(kill(99999999, SIGUSR1), ESRCH);
	CHECK_FAILS(kill(getpid(), 65), EINVAL);
	CHECK(calls == 3);
}

static void send_from_child(void *arg)
{
	union sigval value = { .sival_ptr = arg };

	CHECK(sigqueue(getppid(), SIGRTMIN + 3, value) == 0);
}

static void from_child(void)
{
	pid_t pid;

	handle(SIGRTMIN + 3, SA_RESTART);
	handle(SIGCHLD, SA_RESTART);
	block(SIGCHLD, 0);
	pid = prog_fork(send_from_child, (void *)0x123456789abcUL);
	while (calls == 0)
		sched_yield();
	CHECK(last.si_code == SI_QUEUE && last.si_ptr == (void *)0x123456789abcUL);
	CHECK(last.si_pid == pid && last.si_uid == getuid());
	while (!pending(SIGCHLD))
		sched_yield();
	unblock(SIGCHLD, 0);
	CHECK(calls == 2 && last.si_signo == SIGCHLD && last.si_code == CLD_EXITED);
	CHECK(last.si_pid == pid && last.si_status == 0);
	CHECK_EXIT(pid, 0);
}

static sigjmp_buf back;

static void leave(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const char *where = info->si_addr == (void *)uc->uc_mcontext.gregs[REG_RIP] ? "instruction"
			    : info->si_addr == NULL				    ? "0"
										    : "elsewhere";

	say("signal %d, code %d at %s, trap %lld, error %#llx", signo, info->si_code, where,
	    uc->uc_mcontext.gregs[REG_TRAPNO], uc->uc_mcontext.gregs[REG_ERR]);
	siglongjmp(back, 1);
}

#define TRY(code)                                 \
	do {                                      \
		if (sigsetjmp(back, 1) == 0) {    \
			code;                     \
			say("no signal: " #code); \
		}                                 \
	} while (0)

/* The synchronous ones, each with its code, address, trap number and error code. */
static void synchronous(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction act = { .sa_sigaction = leave, .sa_flags = SA_SIGINFO };
	volatile char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *readable = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile double zero = 0;

	for (int i = 0; i < 5; i++)
		NEED(sigaction(signals[i], &act, NULL) == 0);
	TRY(none[1] = 1);
	TRY((void)none[1]);
	TRY(readable[1] = 1);
	TRY((void)readable[1]; readable[1] = 1);
	TRY(((void (*)(void))(uintptr_t)readable)());
	TRY(*(volatile char *)0 = 1);
	TRY((void)*(volatile char *)0xffffffff81000000UL);
	TRY((void)*(volatile char *)0x8000000000000000UL);
	TRY(((void (*)(void))0x7ffffffff000UL)());
	TRY(__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::
				     : "eax", "ecx", "edx"));
	TRY(__asm__ volatile("ud2"));
	TRY(__asm__ volatile("int3"));
	TRY(__asm__ volatile("hlt"));
	TRY(__asm__ volatile("cli"));
	TRY(__asm__ volatile("mov %%cr0, %%rax" ::: "rax"));
	TRY(__asm__ volatile("rdmsr" ::"c"(0x10) : "eax", "edx"));
	TRY(__asm__ volatile("int $0x20"));
	TRY(__asm__ volatile("in $0x80, %%al" ::: "eax"));
	TRY(feclearexcept(FE_ALL_EXCEPT); feenableexcept(FE_DIVBYZERO); zero = 1 / zero);
	fedisableexcept(FE_ALL_EXCEPT);
	TRY(__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory"));
}

static void skip_ud2(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo, (void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	uc->uc_mcontext.gregs[REG_RBX] ^= 0xff;
	__asm__ volatile("pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7" ::: "xmm6", "xmm7");
	calls++;
}

/* What the handler changes in the frame is changed, everything else is as before. */
static void frame(void)
{
	struct sigaction act = { .sa_sigaction = skip_ud2, .sa_flags = SA_SIGINFO };
	uint64_t in[8] = { 11, 22, 33, 44, 55, 66, 77, 88 }, out[8];

	NEED(sigaction(SIGILL, &act, NULL) == 0);
	for (int i = 0; i < 10; i++) {
		__asm__ volatile(
			"mov 0(%0), %%rbx; mov 8(%0), %%r12; mov 16(%0), %%r8\n\t"
			"mov 24(%0), %%rdx; movq 32(%0), %%xmm6; movq 40(%0), %%xmm7\n\t"
			"mov 48(%0), %%r11; mov 56(%0), %%rcx; std; stc; ud2\n\t"
			"setc %%al; movzx %%al, %%eax; pushfq; cld\n\t"
			"mov %%rbx, 0(%1); mov %%r12, 8(%1); mov %%r8, 16(%1)\n\t"
			"mov %%rdx, 24(%1); movq %%xmm6, 32(%1); movq %%xmm7, 40(%1)\n\t"
			"mov %%r11, 48(%1); mov %%rcx, 56(%1)\n\t"
			"pop %%rcx; and $0x400, %%ecx; sub $0x400, %%rcx; add %%rcx, 8(%1)\n\t"
			"dec %%rax; add %%rax, 16(%1)" ::"S"(in),
			"D"(out)
			: "rax", "rbx", "rcx", "rdx", "r8", "r11", "r12", "xmm6", "xmm7", "memory",
			  "cc");
		CHECK(out[0] == (11 ^ 0xff));
		CHECK(memcmp(out + 1, in + 1, 7 * 8) == 0);
	}
	CHECK(calls == 10);
}

/* Over a call all registers but rax, rcx and r11 are kept; these have the way back, and the number counts by 32 bits. */
static void keep(long nr, long want)
{
	uint64_t in[12] = { 0, 0, 1UL << 63, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, out[15];
	uint64_t *from = in, *to = out;

	nr |= 0x5a5a5a5aL << 32;
	__asm__ volatile(
		"push %%rbp; mov %1, %%rcx; push %2; push %0; mov %0, %%rax\n\t"
		"mov 0(%%rcx), %%rdi; mov 8(%%rcx), %%rsi; mov 16(%%rcx), %%rdx\n\t"
		"mov 24(%%rcx), %%r10; mov 32(%%rcx), %%r8; mov 40(%%rcx), %%r9\n\t"
		"mov 48(%%rcx), %%rbx; mov 56(%%rcx), %%rbp; mov 64(%%rcx), %%r12\n\t"
		"mov 72(%%rcx), %%r13; mov 80(%%rcx), %%r14; mov 88(%%rcx), %%r15\n\t"
		"std; stc; syscall\n\t"
		"1: pushfq; cld; push %%rcx; mov 24(%%rsp), %%rcx\n\t"
		"mov %%rdi, 0(%%rcx); mov %%rsi, 8(%%rcx); mov %%rdx, 16(%%rcx)\n\t"
		"mov %%r10, 24(%%rcx); mov %%r8, 32(%%rcx); mov %%r9, 40(%%rcx)\n\t"
		"mov %%rbx, 48(%%rcx); mov %%rbp, 56(%%rcx); mov %%r12, 64(%%rcx)\n\t"
		"mov %%r13, 72(%%rcx); mov %%r14, 80(%%rcx); mov %%r15, 88(%%rcx)\n\t"
		"mov %%rax, 96(%%rcx); lea 1b(%%rip), %%rax; pop %%rdx; sub %%rax, %%rdx\n\t"
		"mov %%rdx, 104(%%rcx); pop %%rdx; sub %%r11, %%rdx; mov %%rdx, 112(%%rcx)\n\t"
		"add $16, %%rsp; pop %%rbp"
		: "+D"(nr), "+S"(from), "+d"(to)
		:
		: "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		  "memory", "cc");
	CHECK(memcmp(out, in, sizeof(in)) == 0);
	CHECK((long)out[12] == want);
	CHECK(out[13] == 0 && out[14] == 0);
}

static uintptr_t step_from;
static int steps;

/* The flag is in the frame, so that the steps go on behind the handler, until the program takes it away. */
static void step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	if (steps++ < 12)
		say("step %d: +%ld, code %d", steps,
		    (long)((uintptr_t)uc->uc_mcontext.gregs[REG_RIP] - step_from), info->si_code);
}

static void entry(void)
{
	struct sigaction act = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };

	for (int i = 0; i < 3; i++) {
		keep(SYS_getpid, getpid());
		keep(SYS_gettid, getpid());
		keep(SYS_geteuid, geteuid());
		keep(SYS_sched_yield, 0);
		keep(SYS_getppid, getppid());
		keep(SYS_rt_sigprocmask, -EINVAL);
		keep(460, -ENOSYS);
	}
	NEED(sigaction(SIGTRAP, &act, NULL) == 0);
	__asm__ volatile("lea 1f(%%rip), %%rdx; mov %%rdx, %0\n\t"
			 "pushfq; orl $0x100, (%%rsp); popfq\n\t"
			 "1: mov %1, %%eax; syscall; nop\n\t"
			 "mov %2, %%eax; syscall; nop\n\t"
			 "pushfq; andl $~0x100, (%%rsp); popfq"
			 : "=m"(step_from)
			 : "i"(SYS_getpid), "i"(SYS_getppid)
			 : "rax", "rcx", "rdx", "r11", "memory", "cc");
	say("%d steps", steps);
}

static volatile int go_on;

static void clobber(int signo)
{
	(void)signo;
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::
					 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
					   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
					   "xmm13", "xmm14", "xmm15");
	__asm__ volatile("fninit");
	if (++calls == 20)
		go_on = 1;
}

/*
 * Loads the registers from in[0..11] and a vector register from in[12..15],
 * computes until *flag, and stores them to out.
 */
void spin_registers(const uint64_t *in, volatile int *flag, uint64_t *out, int avx);
__asm__(".text\n"
	"spin_registers:\n\t"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n\t"
	"fninit; fildll (%rdi)\n\t"
	"test %ecx, %ecx; jz 2f; vmovdqu 96(%rdi), %ymm15; jmp 3f\n"
	"2:\tmovdqu 96(%rdi), %xmm15\n"
	"3:\tmov 8(%rdi), %rbx; mov 16(%rdi), %rbp; mov 24(%rdi), %r8; mov 32(%rdi), %r9\n\t"
	"mov 40(%rdi), %r10; mov 48(%rdi), %r12; mov 56(%rdi), %r13; mov 64(%rdi), %r14\n\t"
	"mov 72(%rdi), %r15; mov 80(%rdi), %r11; mov 88(%rdi), %rax\n"
	"1:\tcmpl $0, (%rsi); je 1b\n\t"
	"mov %rbx, 8(%rdx); mov %rbp, 16(%rdx); mov %r8, 24(%rdx); mov %r9, 32(%rdx)\n\t"
	"mov %r10, 40(%rdx); mov %r12, 48(%rdx); mov %r13, 56(%rdx); mov %r14, 64(%rdx)\n\t"
	"mov %r15, 72(%rdx); mov %r11, 80(%rdx); mov %rax, 88(%rdx)\n\t"
	"fistpll (%rdx)\n\t"
	"test %ecx, %ecx; jz 4f; vmovdqu %ymm15, 96(%rdx); vzeroupper; jmp 5f\n"
	"4:\tmovdqu %xmm15, 96(%rdx)\n"
	"5:\tpop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n\t"
	"ret\n");

static void check_registers(uint64_t seed)
{
	bool avx = __builtin_cpu_supports("avx");
	uint64_t in[16], out[16];

	for (int i = 0; i < 16; i++)
		in[i] = out[i] = seed * 0x100001 * (i + 1);
	if (!avx)
		in[14] = in[15] = out[14] = out[15] = 0;
	memset(out, 0, 14 * 8);
	spin_registers(in, &go_on, out, avx);
	CHECK(memcmp(in, out, sizeof(in)) == 0);
}

static void registers_child(void *arg)
{
	NEED(signal(SIGALRM, clobber) != SIG_ERR);
	tick(true);
	check_registers((uintptr_t)arg);
}

/* Three programs that compute, on fewer CPUs, each interrupted by a handler that changes all. */
static void registers(void)
{
	pid_t pid[3];

	for (uintptr_t i = 0; i < 3; i++)
		pid[i] = prog_fork(registers_child, (void *)(i + 12345));
	for (int i = 0; i < 3; i++)
		CHECK_EXIT(pid[i], 0);
}

/* ---- the stack that a handler runs on ---- */

static char alternate[64 * 1024];
static volatile bool on_alternate;
static stack_t inside;

static void where(int signo)
{
	char here;

	on_alternate = &here >= alternate && &here < alternate + sizeof(alternate);
	sigaltstack(NULL, &inside);
	if (signo == SIGUSR1)
		raise(SIGUSR2);
	calls++;
}

static void alternate_stack(void)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) }, now;
	struct sigaction act = { .sa_handler = where };

	CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
	CHECK(sigaltstack(&stack, NULL) == 0);
	NEED(sigaction(SIGUSR2, &act, NULL) == 0);
	raise(SIGUSR2);
	CHECK(calls == 1 && !on_alternate && inside.ss_flags == 0);
	act.sa_flags = SA_ONSTACK;
	NEED(sigaction(SIGUSR2, &act, NULL) == 0);
	raise(SIGUSR2);
	CHECK(calls == 2 && on_alternate && inside.ss_flags == SS_ONSTACK);
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1); /* and SIGUSR2 in its handler */
	CHECK(calls == 4 && on_alternate && inside.ss_flags == SS_ONSTACK);
	stack.ss_flags = 1U << 31; /* SS_AUTODISARM */
	CHECK(sigaltstack(&stack, NULL) == 0);
	raise(SIGUSR2);
	CHECK(calls == 5 && on_alternate && inside.ss_flags == SS_DISABLE);
	CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == (int)(1U << 31));
	stack.ss_flags = 0;
	stack.ss_size = 100;
	CHECK_FAILS(sigaltstack(&stack, NULL), ENOMEM);
	stack.ss_flags = 77;
	CHECK_FAILS(sigaltstack(&stack, NULL), EINVAL);
	stack.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&stack, NULL) == 0);
	raise(SIGUSR2);
	CHECK(calls == 6 && !on_alternate);
}

/* ---- flags and masks of an action ---- */

static volatile int depth, deepest;

static void again(int signo)
{
	calls++;
	if (++depth > deepest)
		deepest = depth;
	if (calls < 5)
		raise(signo);
	depth--;
}

static void action_flags(void)
{
	struct sigaction act = { .sa_handler = again }, now;
	sigset_t set;

	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
	CHECK(calls == 5 && deepest == 1); /* one after the other */
	act.sa_flags = SA_NODEFER;
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	calls = deepest = 0;
	raise(SIGUSR1);
	CHECK(calls == 5 && deepest == 5); /* one in the other */
	act.sa_flags = SA_RESETHAND;
	act.sa_mask = set_of(SIGUSR2, SIGKILL);
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == again);
	CHECK((now.sa_flags & ~0x04000000) == (int)SA_RESETHAND);
	CHECK(sigismember(&now.sa_mask, SIGUSR2) && !sigismember(&now.sa_mask, SIGKILL));
	calls = 10;
	raise(SIGUSR1);
	CHECK(calls == 11 && sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
	/* sa_mask is blocked while the handler runs, and the old mask comes back. */
	handle(SIGUSR2, 0);
	act = (struct sigaction){ .sa_sigaction = take_note, .sa_flags = SA_SIGINFO };
	act.sa_mask = set_of(SIGHUP, SIGTERM);
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	block(SIGINT, 0);
	raise(SIGUSR1);
	CHECK(sigismember((sigset_t *)&last_mask, SIGINT) == 1);
	CHECK(sigismember((sigset_t *)&last_mask, SIGHUP) == 0);
	NEED(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
	CHECK(sigismember(&set, SIGINT) && !sigismember(&set, SIGHUP) &&
	      !sigismember(&set, SIGUSR1));
	CHECK_FAILS(sigaction(SIGKILL, &act, NULL), EINVAL);
	CHECK_FAILS(sigaction(SIGSTOP, &act, NULL), EINVAL);
	CHECK_FAILS(sigaction(65, &act, NULL), EINVAL);
	CHECK_FAILS(syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 4), EINVAL);
	CHECK_FAILS(sigprocmask(99, &set, NULL), EINVAL);
}

static volatile int order[64];

static void ordered(int signo, siginfo_t *info, void *context)
{
	(void)context;
	order[calls++] = signo * 100 + info->si_int;
}

/* Blocked signals wait in order: the lowest number first, each number in the order sent. */
static void queue_order(void)
{
	const int sent[] = { SIGRTMIN + 2, SIGRTMIN, SIGRTMIN + 2, SIGRTMIN + 1, SIGRTMIN };
	struct sigaction act = { .sa_sigaction = ordered, .sa_flags = SA_SIGINFO };
	sigset_t all, before;

	sigfillset(&act.sa_mask);
	sigfillset(&all);
	for (int i = 0; i < 3; i++)
		NEED(sigaction(SIGRTMIN + i, &act, NULL) == 0);
	NEED(sigaction(SIGUSR1, &act, NULL) == 0 && sigaction(SIGHUP, &act, NULL) == 0);
	NEED(sigprocmask(SIG_SETMASK, &all, &before) == 0);
	for (int i = 0; i < 5; i++)
		CHECK(sigqueue(getpid(), sent[i], (union sigval){ .sival_int = i }) == 0);
	for (int i = 0; i < 3; i++) /* a standard signal is pending once */
		CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 7 + i }) == 0);
	CHECK(sigqueue(getpid(), SIGHUP, (union sigval){ .sival_int = 6 }) == 0);
	CHECK(calls == 0 && pending(SIGRTMIN) && pending(SIGUSR1) && !pending(SIGUSR2));
	NEED(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	CHECK(calls == 7);
	for (int i = 0; i < calls; i++)
		say("%d", order[i]);
	CHECK(!pending(SIGRTMIN) && !pending(SIGUSR1));
}

static void send_blocked(void *arg)
{
	struct gate *g = arg;

	CHECK(kill(getppid(), SIGUSR1) == 0);
	gate_open(*g);
}

/* Whatever a process does with SIGUSR1 blocked, it is not delivered before it is unblocked. */
static void blocked(void)
{
	struct gate g = gate_make();
	int fd = prog_file(10);
	pid_t pid;

	handle(SIGUSR1, 0);
	for (int i = 0; i < 5; i++) {
		calls = 0;
		block(SIGUSR1, 0);
		pid = prog_fork(send_blocked, &g);
		gate_await(g);
		for (int j = 0; j < 100; j++)
			CHECK(lseek(fd, j, SEEK_SET) == j && getpid() > 0 && calls == 0);
		CHECK(pending(SIGUSR1) && calls == 0);
		unblock(SIGUSR1, 0);
		CHECK(calls == 1 && last.si_pid == pid && !pending(SIGUSR1));
		CHECK_EXIT(pid, 0);
	}
	/* Ignored and default-ignored ones leave nothing pending. */
	block(SIGUSR1, SIGWINCH);
	raise(SIGUSR1), raise(SIGWINCH);
	CHECK(pending(SIGUSR1) && pending(SIGWINCH));
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR && !pending(SIGUSR1));
	unblock(SIGUSR1, SIGWINCH);
	CHECK(!pending(SIGWINCH));
}

/* ---- waiting for signals ---- */

static void suspend(void)
{
	sigset_t mask = set_of(SIGCHLD, 0), now;
	pid_t pid;

	handle(SIGUSR1, SA_RESTART);
	block(SIGUSR1, SIGCHLD);
	for (int i = 1; i <= 3; i++) {
		pid = expect(SYS_rt_sigsuspend, SIGUSR1);
		CHECK_FAILS(sigsuspend(&mask), EINTR);
		CHECK(calls == i);
		NEED(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
		CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGCHLD));
		CHECK(sigismember((sigset_t *)&last_mask, SIGUSR1) == 1);
		CHECK_EXIT(pid, 0);
	}
	/* One that is pending already. */
	raise(SIGUSR1);
	CHECK_FAILS(sigsuspend(&mask), EINTR);
	CHECK(calls == 4);
	unblock(SIGUSR1, 0);
	pid = expect(SYS_pause, SIGUSR1);
	CHECK_FAILS(pause(), EINTR);
	CHECK(calls == 5);
	CHECK_EXIT(pid, 0);
}

static void timed_wait(void)
{
	sigset_t set = set_of(SIGUSR1, SIGRTMIN);
	struct timespec none = { 0, 0 }, little = { 0, 1000000 };
	siginfo_t info;
	pid_t pid;

	handle(SIGUSR2, 0);
	block(SIGUSR1, SIGRTMIN);
	CHECK_FAILS(sigtimedwait(&set, &info, &none), EAGAIN);
	CHECK_FAILS(sigtimedwait(&set, &info, &little), EAGAIN);
	CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 5 }) == 0);
	CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_int == 5 && info.si_code == SI_QUEUE);
	pid = expect(SYS_rt_sigtimedwait, SIGUSR1);
	CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == pid);
	CHECK_EXIT(pid, 0);
	pid = expect(SYS_rt_sigtimedwait, SIGUSR2);
	CHECK_FAILS(sigwaitinfo(&set, &info), EINTR);
	CHECK(calls == 1);
	CHECK_EXIT(pid, 0);
	CHECK(!pending(SIGUSR1) && !pending(SIGRTMIN));
}

static void signal_descriptor(void)
{
	sigset_t set = set_of(SIGUSR1, SIGRTMIN);
	struct signalfd_siginfo info;
	int fd;
	pid_t pid;

	block(SIGUSR1, SIGRTMIN);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	NEED(fd >= 0);
	CHECK_FAILS(read(fd, &info, sizeof(info)), EAGAIN);
	CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 9 }) == 0);
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info));
	CHECK(info.ssi_signo == (unsigned int)SIGRTMIN && info.ssi_int == 9);
	NEED(fcntl(fd, F_SETFL, 0) == 0);
	pid = expect(SYS_read, SIGUSR1);
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info));
	CHECK(info.ssi_signo == SIGUSR1 && info.ssi_pid == (unsigned int)pid);
	CHECK_EXIT(pid, 0);
}

static void poll_mask(void)
{
	sigset_t mask = set_of(SIGCHLD, 0), now;
	struct gate g = gate_make();
	struct pollfd p = { g.fd[0], POLLIN, 0 };
	pid_t pid;

	handle(SIGUSR1, SA_RESTART);
	block(SIGUSR1, SIGCHLD);
	pid = expect(SYS_ppoll, SIGUSR1);
	CHECK_FAILS(ppoll(&p, 1, NULL, &mask), EINTR);
	CHECK(calls == 1);
	CHECK_EXIT(pid, 0);
	NEED(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
	CHECK(sigismember(&now, SIGUSR1));
	raise(SIGUSR1);
	CHECK(calls == 1);
	CHECK_FAILS(ppoll(&p, 1, NULL, &mask), EINTR);
	CHECK(calls == 2);
	gate_open(g);
	CHECK(ppoll(&p, 1, NULL, &mask) == 1 && calls == 2);
}

/* ---- children, exits, jumps ---- */

static void member(void *arg)
{
	struct gate *g = arg;

	gate_open(g[0]);
	gate_await(g[1]);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void group(void)
{
	struct gate g[2] = { gate_make(), gate_make() };
	pid_t pid[4];

	for (int i = 0; i < 4; i++) {
		pid[i] = prog_fork(member, g);
		CHECK(setpgid(pid[i], pid[0]) == 0);
		gate_await(g[0]);
	}
	CHECK(kill(-pid[0], SIGTERM) == 0);
	for (int i = 0; i < 4; i++)
		CHECK_KILLED(pid[i], SIGTERM);
	CHECK_FAILS(kill(-pid[0], SIGTERM), ESRCH);
}

static void children_ignored(void)
{
	struct sigaction act = { .sa_sigaction = take_note, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP };
	struct gate g[2] = { gate_make(), gate_make() };
	pid_t pid;

	NEED(sigaction(SIGCHLD, &act, NULL) == 0);
	pid = prog_fork(member, g);
	gate_await(g[0]);
	CHECK(kill(pid, SIGSTOP) == 0);
	await_state(pid, 'T');
	CHECK(kill(pid, SIGCONT) == 0 && calls == 0);
	gate_open(g[1]);
	CHECK_EXIT(pid, 0);
	CHECK(calls == 1 && last.si_code == CLD_EXITED);
	act.sa_flags |= SA_NOCLDWAIT;
	NEED(sigaction(SIGCHLD, &act, NULL) == 0);
	pid = prog_fork(do_nothing, NULL);
	while (calls == 1)
		sched_yield();
	CHECK(prog_wait(pid) == -ECHILD);
	NEED(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	pid = prog_fork(do_nothing, NULL);
	CHECK(prog_wait(pid) == -ECHILD);
	CHECK(calls == 2);
}

static void jump(int signo)
{
	siglongjmp(back, signo);
}

static void jumps(void)
{
	sigset_t now;

	NEED(signal(SIGUSR1, jump) != SIG_ERR && signal(SIGSEGV, jump) != SIG_ERR);
	for (volatile int i = 0; i < 50; i++) {
		if (sigsetjmp(back, 1) == 0) {
			if (i % 2)
				raise(SIGUSR1);
			else
				*(volatile int *)NULL = 1;
			CHECK(!"the handler has jumped");
		}
	}
	NEED(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
	CHECK(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGSEGV));
}

static void segv_blocked(void *arg)
{
	(void)arg;
	NEED(signal(SIGSEGV, jump) != SIG_ERR);
	block(SIGSEGV, 0);
	*(volatile int *)NULL = 1;
}

static void segv_ignored(void *arg)
{
	(void)arg;
	NEED(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
	CHECK(raise(SIGSEGV) == 0);
	*(volatile int *)NULL = 1;
}

static void bad_stack(int signo)
{
	(void)signo;
}

static void segv_no_stack(void *arg)
{
	stack_t stack = { .ss_sp = (void *)PAGE, .ss_size = 1 << 16 };
	struct sigaction act = { .sa_handler = bad_stack, .sa_flags = SA_ONSTACK };

	(void)arg;
	NEED(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
}

static void segv_return(void *arg)
{
	(void)arg;
	/* A return from no signal: whatever stands on the stack is no frame. */
	__asm__ volatile("mov $0x7000, %%rsp; mov $15, %%eax; syscall" ::: "rax", "memory");
	__builtin_unreachable();
}

/* What no handler can save. */
static void forced(void)
{
	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	CHECK_KILLED(prog_fork(segv_blocked, NULL), SIGSEGV);
	CHECK_KILLED(prog_fork(segv_ignored, NULL), SIGSEGV);
	CHECK_KILLED(prog_fork(segv_no_stack, NULL), SIGSEGV);
	CHECK_KILLED(prog_fork(segv_return, NULL), SIGSEGV);
}

static void fork_in_handler(int signo)
{
	pid_t pid = fork();

	(void)signo;
	if (pid == 0)
		_exit(6);
	CHECK_EXIT(pid, 6);
	calls++;
}

static void inherited_child(void *arg)
{
	struct sigaction now;
	sigset_t set;

	(void)arg;
	CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == fork_in_handler);
	NEED(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
	CHECK(sigismember(&set, SIGUSR2) && !pending(SIGUSR2));
	raise(SIGUSR1);
	CHECK(calls == 2);
}

/* Handlers and mask are inherited, pending signals are not; a handler may fork. */
static void inherited(void)
{
	NEED(signal(SIGUSR1, fork_in_handler) != SIG_ERR);
	raise(SIGUSR1);
	CHECK(calls == 1);
	block(SIGUSR2, 0);
	raise(SIGUSR2);
	CHECK_EXIT(prog_fork(inherited_child, NULL), 0);
	CHECK(pending(SIGUSR2));
}

static void pong(int signo, siginfo_t *info, void *context)
{
	(void)context;
	calls++;
	if (info->si_int > 0)
		sigqueue(info->si_pid, signo, (union sigval){ .sival_int = info->si_int - 1 });
}

static void ping_child(void *arg)
{
	(void)arg;
	while (calls < 50)
		sched_yield();
}

static void ping_pong(void)
{
	struct sigaction act = { .sa_sigaction = pong, .sa_flags = SA_SIGINFO };
	pid_t pid;

	NEED(sigaction(SIGRTMIN + 1, &act, NULL) == 0);
	pid = prog_fork(ping_child, NULL);
	CHECK(sigqueue(pid, SIGRTMIN + 1, (union sigval){ .sival_int = 99 }) == 0);
	while (calls < 50)
		sched_yield();
	CHECK_EXIT(pid, 0);
	CHECK(calls == 50);
}

static const struct prog_case cases[] = {
	{ "to_self", to_self },
	{ "from_child", from_child },
	{ "synchronous", synchronous },
	{ "frame", frame },
	{ "entry", entry },
	{ "registers", registers },
	{ "alternate_stack", alternate_stack },
	{ "action_flags", action_flags },
	{ "queue_order", queue_order },
	{ "blocked", blocked },
	{ "suspend", suspend },
	{ "timed_wait", timed_wait },
	{ "signal_descriptor", signal_descriptor },
	{ "poll_mask", poll_mask },
	{ "group", group },
	{ "children_ignored", children_ignored },
	{ "jumps", jumps },
	{ "forced", forced },
	{ "inherited", inherited },
	{ "ping_pong", ping_pong },
};
PROG_MAIN(cases)
