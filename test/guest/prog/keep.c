/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that know every byte of a file which all of them map, whatever becomes of its pages:
 *
 *	keep FILE WHO OF PAGES ROUNDS
 *
 * Each page is OF parts, and part WHO is ours: the words in it are what we wrote last. In the
 * others', no word goes back to what it was before, and none is another's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "prog.h"

#define WORDS (PAGE / sizeof(unsigned long))

static int fd;
static unsigned long who, parts, pages;
static volatile unsigned long *shared; /* each process writes to its part only */
static unsigned long *seen; /* ours alone: what each word was when we looked last */
static unsigned long old, strange, lost;

/* Every word tells its place, and when it was written. */
static unsigned long value(unsigned long at, unsigned long round)
{
	return round << 32 | (at + 1);
}

static bool ours(unsigned long at)
{
	return at % WORDS * parts / WORDS == who;
}

static void check(unsigned long at, unsigned long found)
{
	if (ours(at))
		lost += found != seen[at];
	else if (found && (found & 0xffffffff) != at + 1)
		strange++;
	else
		old += found < seen[at];
	seen[at] = found;
}

static void check_page(unsigned long page)
{
	for (unsigned long at = page * WORDS; at < (page + 1) * WORDS; at++)
		check(at, shared[at]);
}

/* By turns through the mapping, and through the file. */
static void write_page(unsigned long page, unsigned long round)
{
	unsigned long first = page * WORDS + (who * WORDS + parts - 1) / parts, end = first;
	ssize_t size;

	for (; end < (page + 1) * WORDS && ours(end); end++)
		seen[end] = value(end, round);
	if (round % 4) {
		for (unsigned long at = first; at < end; at++)
			shared[at] = seen[at];
		return;
	}
	size = (end - first) * sizeof(*seen);
	NEED(pwrite(fd, &seen[first], size, first * sizeof(*seen)) == size);
}

static void check_all(void)
{
	static unsigned long words[WORDS];

	for (unsigned long page = 0; page < pages; page++) {
		check_page(page);
		NEED(pread(fd, words, PAGE, page * PAGE) == PAGE);
		for (unsigned long i = 0; i < WORDS; i++)
			check(page * WORDS + i, words[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds, state;

	NEED(argc == 6);
	who = strtoul(argv[2], NULL, 10);
	parts = strtoul(argv[3], NULL, 10);
	pages = strtoul(argv[4], NULL, 10);
	rounds = strtoul(argv[5], NULL, 10);
	NEED(who < parts && parts <= WORDS);
	fd = open(argv[1], O_RDWR | O_CREAT, 0666);
	NEED(fd >= 0 && ftruncate(fd, pages * PAGE) == 0);
	shared = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	seen = calloc(pages, PAGE);
	NEED(shared != MAP_FAILED && seen);

	state = who + 1;
	for (unsigned long round = 1; round <= rounds; round++) {
		unsigned long page = (state = state * 6364136223846793005 + 1442695040888963407) >>
				     33;

		check_page(page % pages);
		write_page(page % pages, round);
	}
	check_all();
	say("lost: %lu, old: %lu, strange: %lu", lost, old, strange);
	prog_exit();
}
