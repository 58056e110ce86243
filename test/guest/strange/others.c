/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls on the memory of other processes, and those that few kernels have: the answer, and what was moved. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define PAGES 8

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#define PR_GET_THP_DISABLE 42
#endif

static char *map(int flags)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, MAP_ANONYMOUS | flags, -1, 0);

	NEED(p != MAP_FAILED);
	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)('a' + i);
	return p;
}

static long moved(bool write, pid_t pid, char *local, size_t size, char *remote)
{
	struct iovec l = { local, size }, r = { remote, size };

	return write ? process_vm_writev(pid, &l, 1, &r, 1, 0)
		     : process_vm_readv(pid, &l, 1, &r, 1, 0);
}

static void said(const char *what, long n)
{
	if (n < 0)
		say("%s: %s", what, strerrorname_np(errno));
	else
		say("%s: %ld", what, n);
}

/* `pid` has the same mappings, for it is a child, or oneself. */
static void move_cases(pid_t pid, char *private, char *shared)
{
	char *buffer = map(MAP_PRIVATE);
	struct iovec two[2] = { { private, PAGE }, { shared + PAGE, PAGE } };
	struct iovec one = { buffer, 2 * PAGE };

	said("read private", moved(false, pid, buffer, 3 * PAGE, private));
	say("  %c %c", buffer[0], buffer[2 * PAGE]);
	said("read shared", moved(false, pid, buffer, 3 * PAGE, shared));
	said("write private", moved(true, pid, "new", 3, private + PAGE));
	said("read what was written", moved(false, pid, buffer, 3, private + PAGE));
	say("  %.3s", buffer);
	said("write shared", moved(true, pid, "new", 3, shared + 2 * PAGE));
	say("  %.3s", shared + 2 * PAGE);
	said("two pieces", process_vm_readv(pid, &one, 1, two, 2, 0));
	say("  %c %c", buffer[0], buffer[PAGE]);
	said("past the end",
	     moved(false, pid, buffer, 3 * PAGE, private + (PAGES - 1) * PAGE + 10));
	said("nothing there", moved(false, pid, buffer, PAGE, (char *)16));
	said("write to what is read only", moved(true, pid, buffer, PAGE, private + 6 * PAGE));
	said("read into nothing", moved(false, pid, (char *)16, PAGE, private));
	said("of no size", moved(false, pid, buffer, 0, private));
	said("with a flag", process_vm_readv(pid, &one, 1, two, 2, 1));
	munmap(buffer, PAGES * PAGE);
}

static void move_all(void)
{
	char *private = map(MAP_PRIVATE), *shared = map(MAP_SHARED);
	pid_t pid;
	char c;
	int ready[2];

	/* A border that stays: nothing is behind either of the two. */
	NEED(mprotect(private + 6 * PAGE, PAGE, PROT_READ) == 0);
	NEED(mprotect(private + 7 * PAGE, PAGE, PROT_NONE) == 0);
	NEED(mprotect(private + 7 * PAGE, PAGE, PROT_READ) == 0);
	say("oneself");
	move_cases(getpid(), private, shared);
	NEED(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		private[3 * PAGE] = 'k';
		NEED(write(ready[1], "", 1) == 1);
		pause();
	}
	NEED(read(ready[0], &c, 1) == 1);
	say("a child");
	move_cases(pid, private, shared);
	said("read what it wrote", moved(false, pid, &c, 1, private + 3 * PAGE));
	say("  %c, here %c", c, private[3 * PAGE]);
	kill(pid, SIGKILL);
	prog_wait(pid);
	said("it is dead", moved(false, pid, &c, 1, private));
}

static long pidfd(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

static void release(void)
{
	pid_t pid = fork();
	long fd;

	if (pid == 0)
		for (;;)
			pause();
	fd = pidfd(pid);
	said("process_mrelease of the living", syscall(SYS_process_mrelease, fd, 0));
	said("with flags", syscall(SYS_process_mrelease, fd, 1));
	said("of no process", syscall(SYS_process_mrelease, -1, 0));
	kill(pid, SIGKILL);
	prog_wait(pid);
	said("process_mrelease of the dead", syscall(SYS_process_mrelease, fd, 0));
}

static void huge(void)
{
	said("THP", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	said("with an argument", prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	said("disable", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	said("THP", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	if (fork() == 0) {
		said("in a child", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
		execl("/proc/self/exe", "others", "inherited", NULL);
		_exit(1);
	}
	wait(NULL);
	said("with an argument", prctl(PR_SET_THP_DISABLE, 0, 1, 0, 0));
	said("enable", prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	said("THP", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

static void rare(void)
{
	said("memfd_secret", syscall(SYS_memfd_secret, 0));
	said("memfd_secret with flags", syscall(SYS_memfd_secret, 77));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		said(argv[1], prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
		return 0;
	}
	move_all();
	release();
	huge();
	rare();
	return 0;
}
