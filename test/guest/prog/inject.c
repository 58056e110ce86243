/* SPDX-License-Identifier: GPL-2.0-only */
/* Another process's memory and system calls, by force. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/layout.h"
#include "inject.h"
#include "prog.h"

bool inject_read(pid_t pid, unsigned long at, void *to, size_t size)
{
	struct iovec here = { to, size }, there = { (void *)at, size };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

bool inject_write(pid_t pid, unsigned long at, const void *from, size_t size)
{
	struct iovec here = { (void *)from, size }, there = { (void *)at, size };

	return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

bool inject_poke_text(pid_t pid, unsigned long at, const void *from, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		n = pwrite(fd, from, size, (off_t)at);
		close(fd);
	}
	return n == (ssize_t)size;
}

/* Where the proxy has a SYSCALL instruction. */
static unsigned long find_syscall(pid_t pid)
{
	static unsigned long found;
	unsigned char text[PAGE];

	if (found || !inject_read(pid, PROXY_TEXT, text, sizeof(text)))
		return found;
	for (size_t i = 0; i + 1 < sizeof(text) && !found; i++)
		if (text[i] == 0x0f && text[i + 1] == 0x05)
			found = PROXY_TEXT + i;
	return found;
}

/* Waits for a stop. False: it has ended, or does not stop, and is killed. */
static bool await_stop(pid_t pid)
{
	int status;

	for (int i = 0; i < 2000; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG | WNOWAIT);

		if (got < 0)
			return false;
		if (got == pid) {
			/* The end is left for whoever keeps account. */
			if (!WIFSTOPPED(status))
				return false;
			return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
		}
		usleep(1000);
	}
	kill(pid, SIGKILL);
	return false;
}

/* Through the call, past stops for signals that came between. */
static bool run_call(pid_t pid)
{
	for (int stops = 0; stops < 2; stops++) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 || !await_stop(pid))
			return false;
	}
	return true;
}

static bool make_call(pid_t pid, const struct inject_call *call, bool restore)
{
	struct user_regs_struct before, regs;
	unsigned long at = find_syscall(pid);

	if (!at || ptrace(PTRACE_GETREGS, pid, NULL, &before) != 0)
		return false;
	/* Not a proxy yet. */
	if (before.rip < PROXY_TEXT || before.rip >= PROXY_TEXT + PROXY_TEXT_SIZE)
		return false;
	regs = before;
	regs.rip = at;
	regs.rax = call->nr;
	regs.orig_rax = ~0UL;
	regs.rdi = call->arg[0];
	regs.rsi = call->arg[1];
	regs.rdx = call->arg[2];
	regs.r10 = call->arg[3];
	regs.r8 = call->arg[4];
	regs.r9 = call->arg[5];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) != 0 || !run_call(pid))
		return false;
	if (restore)
		ptrace(PTRACE_SETREGS, pid, NULL, &before);
	return true;
}

bool inject_call(pid_t pid, const struct inject_call *call, bool restore)
{
	bool good;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
		return false;
	good = ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && await_stop(pid) &&
	       make_call(pid, call, restore);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return good;
}
