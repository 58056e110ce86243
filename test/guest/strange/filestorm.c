/* SPDX-License-Identifier: GPL-2.0-only */
/* A file is written again and again while programs look at their mapping: no page goes back in time. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "strange.h"

#define PAGES 12
#define ROUNDS 60

static int fd;
static volatile int *p;
static int seen[PAGES];

static void put(int page, int version)
{
	int words[PAGE / sizeof(int)];

	for (unsigned long i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = version;
	NEED(pwrite(fd, words, sizeof(words), page * PAGE) == sizeof(words));
}

static void look(int page)
{
	int now = p[page * (PAGE / sizeof(int))];

	if (now < seen[page])
		say("page %d: %d after %d", page, now, seen[page]);
	seen[page] = now;
}

/* As Linux sees it. */
static void look_by_linux(int page)
{
	int out[2], now = -1;

	NEED(pipe(out) == 0);
	NEED(write(out[1], (const void *)&p[page * (PAGE / sizeof(int))], sizeof(now)) ==
	     sizeof(now));
	NEED(read(out[0], &now, sizeof(now)) == sizeof(now));
	if (now < seen[page])
		say("page %d: Linux has %d after %d", page, now, seen[page]);
	seen[page] = now;
	close(out[0]);
	close(out[1]);
}

static void look_at_all(void)
{
	for (int i = 0; i < PAGES; i++)
		look(i);
}

static void child_looks(void *unused)
{
	(void)unused;
	look_at_all();
	look_by_linux(3);
}

int main(void)
{
	char name[] = "filestorm.XXXXXX";
	int *own;
	pid_t writer;

	fd = mkstemp(name);
	NEED(fd >= 0 && unlink(name) == 0);
	for (int i = 0; i < PAGES; i++)
		put(i, 0);
	own = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	NEED(own != MAP_FAILED);
	p = own;
	/* The last page is the program's own from now on. */
	own[(PAGES - 1) * (PAGE / sizeof(int))] = ROUNDS;
	writer = fork();
	NEED(writer >= 0);
	if (!writer) {
		for (int n = 1; n <= ROUNDS; n++)
			for (int i = 0; i < PAGES; i++)
				put(i, i == PAGES - 1 ? 0 : n);
		_exit(0);
	}
	alarm(100);
	for (int n = 0; seen[0] < ROUNDS; n++) {
		look_at_all();
		if (n % 16 == 0)
			look_by_linux(n / 16 % PAGES);
		if (n % 256 == 0)
			CHECK_EXIT(prog_fork(child_looks, NULL), 0);
	}
	alarm(0);
	prog_wait(writer);
	look_at_all();
	for (int i = 0; i < PAGES; i++)
		say("page %d: %d", i, seen[i]);
	prog_exit();
}
