/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uses much memory: touch fill|fresh|verify|fork MIB, touch file PATH, touch greedy,
 * touch share MIB, touch keep MIB FIFO.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define MIB (1UL << 20)

static uint64_t mark(size_t page)
{
	return page * 0x9e3779b97f4a7c15UL + 1;
}

static void write_marks(char *p, size_t size)
{
	for (size_t i = 0; i < size / PAGE; i++) {
		*(uint64_t *)(p + i * PAGE) = mark(i);
		*(uint64_t *)(p + i * PAGE + PAGE - 8) = ~mark(i);
	}
}

static bool has_marks(const char *p, size_t size)
{
	for (size_t i = 0; i < size / PAGE; i++)
		if (*(uint64_t *)(p + i * PAGE) != mark(i) ||
		    *(uint64_t *)(p + i * PAGE + PAGE - 8) != ~mark(i))
			return false;
	return true;
}

/* Leaves memory full of 0xa5 behind: of mappings, heap and stack. */
static void fill(size_t size)
{
	char *heap = sbrk(size / 8), stack[MIB];

	memset(prog_map(size / 4 * 3), 0xa5, size / 4 * 3);
	memset(prog_shared(size / 8), 0xa5, size / 8);
	memset(heap, 0xa5, size / 8);
	memset(stack, 0xa5, sizeof(stack));
	__asm__ volatile("" ::"r"(stack) : "memory");
}

static char in_bss[MIB];

/* All fresh memory is zero, whatever it is for. */
static void fresh(size_t size)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	char *heap = sbrk(size / 8), *p, *end;

	CHECK(prog_filled(in_bss, sizeof(in_bss), 0));
	CHECK(prog_filled(prog_map(size / 2), size / 2, 0));
	CHECK(prog_filled(prog_shared(size / 4), size / 4, 0));
	CHECK(prog_filled(heap, size / 8, 0));
	/* Single pages, which come another way than large ones. */
	for (int i = 0; i < 200; i++) {
		p = prog_map(3 * PAGE);
		NEED(munmap(p, PAGE) == 0 && munmap(p + 2 * PAGE, PAGE) == 0);
		CHECK(prog_filled(p + PAGE, PAGE, 0));
	}
	/* The rest of a file's last page. */
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	end = p + st.st_size;
	CHECK(prog_filled(end, -(uintptr_t)end & (PAGE - 1), 0));
}

static void verify(size_t size)
{
	char *p = prog_map(size);

	write_marks(p, size);
	CHECK(has_marks(p, size));
}

/* Says that it is ready, and looks again when something comes by the fifo. */
static void keep(size_t size, const char *fifo)
{
	char *p = prog_map(size), byte;

	write_marks(p, size);
	say("ready");
	NEED(read(open(fifo, O_RDONLY), &byte, 1) == 1);
	CHECK(has_marks(p, size));
	prog_exit(); /* nobody reads its output any more */
}

struct part {
	char *p;
	size_t size;
};

static void change_some(void *arg)
{
	struct part *part = arg;

	CHECK(has_marks(part->p, part->size));
	for (size_t at = 0; at < part->size; at += 16 * MIB)
		part->p[at] ^= 1;
	CHECK(!has_marks(part->p, part->size));
}

static void fork_large(size_t size)
{
	struct part part = { prog_map(size), size };

	write_marks(part.p, size);
	for (int i = 0; i < 2; i++)
		CHECK_EXIT(prog_fork(change_some, &part), 0);
	CHECK(has_marks(part.p, size));
}

/* The same file by mmap and by read. */
static void file(const char *path)
{
	static char buffer[MIB];
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *p;

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		NEED(n > 0);
		if (memcmp(p + at, buffer, n) != 0)
			NEED(!"the mapping shows the file");
		at += n;
	}
}

/* Takes memory until there is no more: where no more is promised than there is, an error and not a death. */
static void greedy(void)
{
	struct part part[512];
	int n = 0;

	while (n < 512) {
		part[n].size = 8 * MIB;
		part[n].p = mmap(NULL, part[n].size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (part[n].p == MAP_FAILED)
			break;
		write_marks(part[n].p, part[n].size);
		n++;
	}
	CHECK(n > 1 && n < 512 && errno == ENOMEM);
	for (int i = 0; i < n; i++)
		CHECK(has_marks(part[i].p, part[i].size));
	/* What is given back can be had again. */
	CHECK(munmap(part[0].p, part[0].size) == 0);
	part[0].p = prog_map(part[0].size);
	CHECK(prog_filled(part[0].p, part[0].size, 0));
}

static void change_all(void *arg)
{
	struct part *part = arg;

	memset(part->p, 1, part->size);
}

/* A child that needs more than there is is killed alone. */
static void share(size_t size)
{
	struct part part = { prog_map(size), size };
	int status;

	write_marks(part.p, size);
	status = prog_wait(prog_fork(change_all, &part));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(has_marks(part.p, size));
}

int main(int argc, char **argv)
{
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) * MIB : 0;
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "fill") == 0)
		fill(size);
	else if (strcmp(what, "fresh") == 0)
		fresh(size);
	else if (strcmp(what, "verify") == 0)
		verify(size);
	else if (strcmp(what, "fork") == 0)
		fork_large(size);
	else if (strcmp(what, "file") == 0 && argc > 2)
		file(argv[2]);
	else if (strcmp(what, "keep") == 0 && argc > 3)
		keep(size, argv[3]);
	else if (strcmp(what, "greedy") == 0)
		greedy();
	else if (strcmp(what, "share") == 0)
		share(size);
	else
		return 2;
	say("%s: done", what);
	prog_exit();
}
