/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes a page under the eyes of a Linux process: stale ROUNDS. What Linux
 * reads for this program is always the page of now, and never one of before,
 * though another process of Linux brings it into Linux's tables at any moment.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

/* What Linux finds there. */
static uint64_t linux_reads(const uint64_t *p, int fd[2])
{
	uint64_t value = 0;

	NEED(write(fd[1], p, sizeof(*p)) == sizeof(*p));
	NEED(read(fd[0], &value, sizeof(value)) == sizeof(value));
	return value;
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* Puts another page at p, in one of the ways that there are. */
static void change(uint64_t *p, unsigned int how)
{
	switch (how % 4) {
	case 0:
		NEED(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0) == p);
		break;
	case 1:
		NEED(madvise(p, PAGE, MADV_DONTNEED) == 0);
		break;
	case 2:
		NEED(munmap(p, PAGE) == 0);
		NEED(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0) == p);
		break;
	case 3:
		/* A copy, when it is next written here. */
		CHECK_EXIT(prog_fork(do_nothing, NULL), 0);
		break;
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? atoi(argv[1]) : 100;
	uint64_t *p = prog_map(PAGE);
	int fd[2];

	NEED(pipe(fd) == 0);
	say("%d %p", getpid(), (void *)p);
	for (unsigned int i = 1; i <= rounds; i++) {
		change(p, i % 32 ? i % 3 : 3);
		CHECK(i % 32 == 0 || linux_reads(p, fd) == 0);
		*p = i;
		CHECK(linux_reads(p, fd) == i);
	}
	say("done");
	prog_exit();
}
