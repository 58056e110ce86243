/* SPDX-License-Identifier: GPL-2.0-only */
/* Uses more of a file than the instance has memory: $FILE, each page of which has its number at both ends. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define MIB (1UL << 20)

static size_t file_size;
static int fd;

static void open_file(void)
{
	const char *file = getenv("FILE");
	struct stat st;

	NEED(file);
	fd = open(file, O_RDONLY);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	file_size = st.st_size;
}

static char *map_file(int prot, int flags)
{
	char *p = mmap(NULL, file_size, prot, MAP_PRIVATE | flags, fd, 0);

	NEED(p != MAP_FAILED);
	return p;
}

/* The number at the start of each page, and the same at its end. */
static bool page_is_right(const char *p, size_t page)
{
	uint32_t number = (uint32_t)page;

	return memcmp(p + page * PAGE, &number, sizeof(number)) == 0 &&
	       memcmp(p + (page + 1) * PAGE - sizeof(number), &number, sizeof(number)) == 0;
}

static size_t wrong_pages(const char *p, size_t step)
{
	size_t wrong = 0;

	for (size_t first = 0; first < step; first++)
		for (size_t page = first; page < file_size / PAGE; page += step)
			wrong += !page_is_right(p, page);
	return wrong;
}

static void forwards_and_across(void)
{
	char *p;

	open_file();
	p = map_file(PROT_READ, 0);
	CHECK(wrong_pages(p, 1) == 0);
	CHECK(wrong_pages(p, 37) == 0);
}

/* What the program has written is not the file's any more, and stays. */
static void written_pages_stay(void)
{
	char *p;

	open_file();
	p = map_file(PROT_READ | PROT_WRITE, 0);
	for (size_t page = 0; page < file_size / PAGE; page += 64)
		memset(p + page * PAGE + 8, 0x5a, 100);
	CHECK(wrong_pages(p, 1) == 0);
	for (size_t page = 0; page < file_size / PAGE; page += 64)
		CHECK(prog_filled(p + page * PAGE + 8, 100, 0x5a));
}

static void look(void *p)
{
	CHECK(wrong_pages(p, 1) == 0);
}

/* With the cache full: children, other programs, memory, and a larger break. */
static void everybody_gets_memory(void)
{
	char *p, *q, *heap;

	open_file();
	p = map_file(PROT_READ, 0);
	CHECK(wrong_pages(p, 1) == 0);
	CHECK_EXIT(prog_fork(look, p), 0);
	CHECK(system("echo a shell, and | sed 's/$/ a pipeline/'") == 0);
	q = prog_map(24 * MIB);
	memset(q, 1, 24 * MIB);
	CHECK(prog_filled(q, 24 * MIB, 1));
	CHECK(munmap(q, 24 * MIB) == 0);
	CHECK(wrong_pages(p, 1) == 0);
	heap = sbrk(16 * MIB);
	NEED(heap != (void *)-1);
	memset(heap, 2, 16 * MIB);
	CHECK(prog_filled(heap, 16 * MIB, 2));
	CHECK(wrong_pages(p, 1) == 0);
}

/* Linux sees the pages too, and has to let them go. */
static void written_out(void)
{
	static char back[64 * 1024];
	int pipe_fd[2];
	char *p;

	open_file();
	p = map_file(PROT_READ, 0);
	NEED(pipe(pipe_fd) == 0);
	for (size_t at = 0; at < file_size; at += sizeof(back)) {
		NEED(write(pipe_fd[1], p + at, sizeof(back)) == sizeof(back));
		NEED(read(pipe_fd[0], back, sizeof(back)) == sizeof(back));
		NEED(memcmp(p + at, back, sizeof(back)) == 0);
	}
	CHECK(wrong_pages(p, 1) == 0);
}

static void asked_for_at_once(void)
{
	char *p;

	open_file();
	p = map_file(PROT_READ, MAP_POPULATE);
	CHECK(madvise(p, file_size, MADV_WILLNEED) == 0);
	CHECK(wrong_pages(p, 1) == 0);
	CHECK(madvise(p, file_size, MADV_POPULATE_READ) == 0);
	CHECK(wrong_pages(p, 1) == 0);
}

static const struct prog_case cases[] = {
	{ "forwards_and_across", forwards_and_across },
	{ "written_pages_stay", written_pages_stay },
	{ "everybody_gets_memory", everybody_gets_memory },
	{ "written_out", written_out },
	{ "asked_for_at_once", asked_for_at_once },
};
PROG_MAIN(cases)
