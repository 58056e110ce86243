/* SPDX-License-Identifier: GPL-2.0-only */
/* Shows its memory to Linux and waits: lend splice FIFO PAGES, lend map. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "prog.h"

/* Its pages, each full of a letter, into a pipe that somebody else holds. */
static void splice_pages(const char *fifo, size_t count)
{
	char *p = prog_map(count * PAGE);
	int fd = open(fifo, O_WRONLY);
	struct iovec part = { p, count * PAGE };

	for (size_t i = 0; i < count; i++)
		memset(p + i * PAGE, 'a' + i % 26, PAGE);
	NEED(fd >= 0 && fcntl(fd, F_SETPIPE_SZ, count * PAGE) >= (int)(count * PAGE));
	NEED(vmsplice(fd, &part, 1, 0) == (ssize_t)(count * PAGE));
	say("ready");
	pause();
}

static const char constant[PAGE] __attribute__((aligned(PAGE))) = "constant";

/* Pages of each kind; prints their addresses. */
static void show_pages(void)
{
	char *readable = prog_map(PAGE), *writable = prog_map(PAGE), *none = prog_map(PAGE);
	char *fresh = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte;
	int fd[2];

	strcpy(readable, "readable");
	strcpy(writable, "writable");
	strcpy(none, "none");
	NEED(mprotect(readable, PAGE, PROT_READ) == 0 && mprotect(none, PAGE, PROT_NONE) == 0);
	/* Linux has the readable ones already. */
	NEED(pipe(fd) == 0 && write(fd[1], readable, 1) == 1 && write(fd[1], constant, 1) == 1);
	say("constant %p readable %p fresh %p none %p writable %p", (void *)constant, readable,
	    fresh, none, writable);
	NEED(read(STDIN_FILENO, &byte, 1) >= 0);
	say("%s %s %s %d", constant, readable, writable, fresh[0]);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "splice") == 0)
		splice_pages(argv[2], strtoul(argv[3], NULL, 10));
	else if (argc == 2 && strcmp(argv[1], "map") == 0)
		show_pages();
	else
		return 2;
	prog_exit();
}
