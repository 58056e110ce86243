/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of a private mapping that have been looked at, and the file changes behind them. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pages.h"

#define PAGES 16

static void put_by_child(void)
{
	put(2, 'C');
}

/* A fresh file of a letter per page, mapped and seen, every second page by Linux. */
static void start(int file, int prot)
{
	fd = file;
	NEED(fd >= 0);
	for (int i = 0; i < PAGES; i++)
		put(i, 'a' + i);
	p = mmap(NULL, PAGES * PAGE, prot, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	for (int i = 0; i < PAGES; i++) {
		look(i);
		if (i % 2)
			write_out(i);
	}
}

static void end(void)
{
	NEED(munmap(p, PAGES * PAGE) == 0 && close(fd) == 0);
}

static void writes(void)
{
	p[3 * PAGE] = '!';
	for (int i = 0; i < 4; i++)
		put(i, 'A' + i);
	look(0);
	write_out(1);
	apart("a child writes", put_by_child);
	look(2);
	look(3);
	look(4);
	TRY(mprotect(p + 6 * PAGE, PAGE, PROT_NONE));
	put(6, 'G');
	TRY(mprotect(p + 6 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	look(6);
	NEED(mlock(p + 7 * PAGE, PAGE) == 0);
	put(7, 'H');
	look(7);
	put(8, 'I');
	p[8 * PAGE + 1] = '!';
	look(8);
	put(8, 'J');
	look(8);
}

/* The child has the mapping, and sees what the parent writes. */
static void child_looks(void)
{
	int go[2];
	pid_t pid;
	char c;

	NEED(pipe(go) == 0);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		NEED(read(go[0], &c, 1) == 1);
		look(9);
		write_out(10);
		_exit(0);
	}
	put(9, 'J');
	put(10, 'K');
	NEED(write(go[1], "", 1) == 1);
	prog_wait(pid);
	close(go[0]);
	close(go[1]);
}

static void sizes(void)
{
	NEED(ftruncate(fd, 12 * PAGE + 100) == 0);
	look(13);
	write_out(14);
	look_at(12 * PAGE + 99);
	look_at(12 * PAGE + 100);
	NEED(pwrite(fd, "++++", 4, 12 * PAGE + 100) == 4);
	look_at(12 * PAGE + 103);
	look_at(12 * PAGE + 104);
	put(13, 'N');
	look(13);
	look_at(12 * PAGE + 104);
	look(14);
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * PAGE, PAGE))
		look(4);
	NEED(ftruncate(fd, 0) == 0);
	look(0);
	write_out(5);
	put(0, 'Z');
	look(0);
}

/* Without a call that could bring the news. */
static void computes(void)
{
	volatile char *first = p;
	pid_t pid;

	put(0, 'a');
	look(0);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		usleep(200000);
		put(0, 'b');
		_exit(0);
	}
	alarm(60);
	while (*first == 'a')
		;
	alarm(0);
	say("it has changed: %c", *first);
	prog_wait(pid);
}

static void all(int file)
{
	start(file, PROT_READ | PROT_WRITE);
	writes();
	child_looks();
	sizes();
	computes();
	end();
}

int main(void)
{
	char name[] = "filechange.XXXXXX";
	int file = mkstemp(name);

	NEED(file >= 0 && unlink(name) == 0);
	say("a file");
	all(file);
	say("a memfd");
	all(memfd_create("filechange", 0));
	/* Not open for writing while it is mapped: pages come from the cache. */
	say("a file that is opened for writing later");
	file = open("later", O_RDWR | O_CREAT | O_EXCL, 0600);
	NEED(file >= 0);
	start(file, PROT_READ);
	end();
	fd = open("later", O_RDONLY);
	NEED(fd >= 0);
	p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	look(1);
	NEED(close(fd) == 0);
	fd = open("later", O_RDWR);
	NEED(fd >= 0);
	put(1, 'X');
	look(1);
	sizes();
	end();
	NEED(unlink("later") == 0);
	prog_exit();
}
