/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of a child that computes, and of one that waits in a call, as its tracer reads them. */
#include <asm/prctl.h>
#include <elf.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "strange.h"

#define XMM7 (160 + 7 * 16) /* in the format of FXSAVE */
#define DR7 (offsetof(struct user, u_debugreg) + 7 * sizeof(long)) /* turns breakpoints on */
#define VECTOR 0x1122334455667788UL

/* Known values everywhere, and then for ever the one or the other. */
__asm__(".text\n"
	"fill:\n"
	"	movabs $0x1122334455667788, %rax\n"
	"	movq %rax, %xmm7\n"
	"	mov $0x1001, %rbx\n"
	"	mov $0x1002, %rbp\n"
	"	mov $0x1012, %r12\n"
	"	mov $0x1013, %r13\n"
	"	mov $0x1014, %r14\n"
	"	mov $0x1015, %r15\n"
	"	mov $0x1006, %rsi\n"
	"	ret\n"
	"compute:\n"
	"	call fill\n"
	"compute_at:\n"
	"	jmp compute_at\n"
	"compute_end:\n"
	"wait_in_call:\n"
	"	call fill\n"
	"0:	mov $34, %eax\n" /* pause */
	"	syscall\n"
	"wait_at:\n"
	"	jmp 0b\n"
	"wait_end:\n");

void compute(void), wait_in_call(void);
extern const char compute_at[], compute_end[], wait_at[], wait_end[];

static long word_of(pid_t pid, size_t offset)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKUSER, pid, offset, 0);
	NEED(!errno);
	return word;
}

static void attach(pid_t pid)
{
	NEED(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* Stopped where it is to be. */
static void stop_at(pid_t pid, const char *from, const char *to)
{
	for (;;) {
		long ip;

		attach(pid);
		ip = word_of(pid, 8 * RIP);
		if (ip >= (long)from && ip < (long)to)
			return;
		NEED(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	}
}

static void show_general(const char *name, pid_t pid, const struct user_regs_struct *r)
{
	unsigned long fs = 0, base = 0;
	char here;

	NEED(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) == 0);
	say("%s: %llx %llx %llx %llx %llx %llx %llx, call %lld, cs %llx ss %llx, others %llx", name,
	    r->rbx, r->rbp, r->r12, r->r13, r->r14, r->r15, r->rsi, r->orig_rax, r->cs, r->ss,
	    r->ds | r->es | r->fs | r->gs | r->gs_base);
	NEED(ptrace(PTRACE_ARCH_PRCTL, pid, &base, ARCH_GET_FS) == 0);
	say("%s: its data is %s, its stack %s", name,
	    r->fs_base == fs && base == fs ? "there" : "elsewhere",
	    r->rsp - (unsigned long)&here + 65536 < 131072 ? "there" : "elsewhere");
}

static void show_vectors(const char *name, pid_t pid)
{
	static unsigned char extended[16384];
	struct user_fpregs_struct fp;
	struct iovec iov = { extended, sizeof(extended) };
	unsigned long one, other, features;

	NEED(ptrace(PTRACE_GETFPREGS, pid, 0, &fp) == 0);
	memcpy(&one, (char *)&fp + XMM7, sizeof(one));
	NEED(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov) == 0 && iov.iov_len > 576);
	memcpy(&other, extended + XMM7, sizeof(other));
	memcpy(&features, extended + 464, sizeof(features));
	say("%s: vectors %s and %s, features %lx, control word %x", name,
	    one == VECTOR ? "right" : "wrong", other == VECTOR ? "right" : "wrong", features & 7,
	    fp.cwd);
}

static void look(const char *name, void (*run)(void), const char *from, const char *to)
{
	struct user_regs_struct one, other;
	struct iovec iov = { &other, sizeof(other) }, little = { &other, 16 };
	pid_t pid = fork();

	if (!pid)
		run();
	stop_at(pid, from, to);
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &one) == 0);
	NEED(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == 0);
	show_general(name, pid, &one);
	say("%s: both the same: %d, %zu bytes, by words %d", name,
	    !memcmp(&one, &other, sizeof(one)), iov.iov_len,
	    word_of(pid, 8 * R14) == (long)one.r14 && word_of(pid, 8 * FS) == (long)one.fs);
	memset(&other, 0xff, sizeof(other));
	NEED(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &little) == 0);
	say("%s: %zu of it: %llx %llx", name, little.iov_len, other.r14, other.r13);
	show_vectors(name, pid);
	say("%s: a word too far: %s", name,
	    ptrace(PTRACE_PEEKUSER, pid, sizeof(struct user), 0) == -1 ? strerror(errno) : "there");
	say("%s: to nowhere: %s", name,
	    ptrace(PTRACE_GETREGS, pid, 0, 16) ? strerror(errno) : "done");
	NEED(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	say("%s: when it runs: %s", name,
	    ptrace(PTRACE_GETREGS, pid, 0, &one) ? strerror(errno) : "done");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* What comes of it on the LWK is no concern of Linux's: guest/debug. */
static void set(void)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	pid_t pid = fork();

	if (!pid)
		compute();
	stop_at(pid, compute_at, compute_end);
	NEED(ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0);
	say("set: %s", ptrace(PTRACE_SETREGS, pid, 0, &regs) ? strerror(errno) : "done");
	say("by note: %s",
	    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) ? strerror(errno) : "done");
	say("by words: %s", ptrace(PTRACE_POKEUSER, pid, 8 * RBX, 1) ? strerror(errno) : "done");
	say("a base: %s",
	    ptrace(PTRACE_ARCH_PRCTL, pid, 0, ARCH_SET_GS) ? strerror(errno) : "done");
	say("a breakpoint: %s", ptrace(PTRACE_POKEUSER, pid, DR7, 1) ? strerror(errno) : "done");
	say("none: %s", ptrace(PTRACE_POKEUSER, pid, DR7, 0) ? strerror(errno) : "done");
	NEED(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	say("before: %s", ptrace(PTRACE_SETREGS, pid, 0, &regs) ? strerror(errno) : "done");
	stop_at(pid, compute_at, compute_end);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		set();
		return 0;
	}
	look("computes", compute, compute_at, compute_end);
	look("waits", wait_in_call, wait_at, wait_end);
	return 0;
}
