/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of a process that has just been forked, read by its parent before it can have done anything. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "strange.h"

#define TIMES 30

static long word = 1234;

static long by_call(pid_t pid)
{
	long got = 0;
	struct iovec here = { &got, sizeof(got) }, there = { &word, sizeof(word) };

	NEED(process_vm_readv(pid, &here, 1, &there, 1, 0) == sizeof(got));
	return got;
}

static long by_file(pid_t pid)
{
	char path[32];
	long got = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	NEED(fd >= 0 && pread(fd, &got, sizeof(got), (off_t)&word) == sizeof(got));
	close(fd);
	return got;
}

static long by_trace(pid_t pid)
{
	int status;
	long got;

	NEED(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid);
	errno = 0;
	got = ptrace(PTRACE_PEEKDATA, pid, &word, 0);
	NEED(!errno && ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	return got;
}

static void times(const char *name, long (*look)(pid_t pid))
{
	int good = 0, ran[2];
	char c = 0;

	NEED(pipe(ran) == 0);
	for (int i = 0; i < TIMES; i++) {
		pid_t pid;

		/* The child's is the value of this moment. */
		word = 1000 + i;
		pid = fork();
		if (!pid) {
			NEED(write(ran[1], &c, 1) == 1);
			for (;;)
				pause();
		}
		good += look(pid) == 1000 + i;
		/* It has lived: who was born on the LWK and never ran there would be a defect. */
		NEED(read(ran[0], &c, 1) == 1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	say("%s: %d of %d", name, good, TIMES);
}

int main(void)
{
	times("process_vm_readv", by_call);
	times("/proc/PID/mem", by_file);
	times("ptrace", by_trace);
	return 0;
}
