/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program on the LWK with pages of a strange file:
 *
 *     covered argv FILE LONG...   has the file's pages over its own arguments
 *     covered read FILE           reads them all, through a mapping
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "prog.h"

/* LONG fills a page at least. */
static void cover_arguments(char **argv)
{
	char *page = (char *)(((uintptr_t)argv[3] + PAGE - 1) & ~(PAGE - 1));
	int fd = open(argv[2], O_RDONLY);

	NEED(fd >= 0 && page + PAGE <= argv[3] + strlen(argv[3]));
	NEED(mmap(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == page);
	say("ready");
	pause();
}

static void read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	const volatile unsigned char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	bool good = true;

	NEED(fd >= 0 && p != MAP_FAILED);
	say("ready");
	for (off_t i = 0; i < size; i += 509)
		good = good && p[i] == prog_file_byte(i);
	CHECK(good);
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "argv") == 0)
		cover_arguments(argv);
	else if (argc == 3 && strcmp(argv[1], "read") == 0)
		read_all(argv[2]);
	else
		return 2;
	prog_exit();
}
