/* SPDX-License-Identifier: GPL-2.0-only */
/* mremap of ranges that overlap, wrap, are huge, or are several mappings; and growth of what was merged. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define TOP 0x7ffffffff000UL
#define MOVE MREMAP_MAYMOVE
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

/* `pages` with nothing around: holes of 64 pages on both sides. */
static char *island(size_t pages)
{
	char *p = mmap(NULL, (pages + 128) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	munmap(p, (pages + 128) * PAGE);
	p = mmap(p + 64 * PAGE, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(p != MAP_FAILED);
	return p;
}

/* The runs of mapped pages of [p, p + pages). */
static void show(const char *what, char *p, int pages)
{
	unsigned char there;
	char map[65];

	for (int i = 0; i < pages; i++)
		map[i] = mincore(p + i * PAGE, PAGE, &there) ? '.' : 'x';
	map[pages] = 0;
	say("%s: %s", what, map);
}

static void errors(void)
{
	char *p = island(8), *hole = p + 20 * PAGE;

	TRY(mremap(p + 1, PAGE, PAGE, MOVE));
	TRY(mremap(p, PAGE, 0, MOVE));
	TRY(mremap(p, 0, 0, MOVE));
	TRY(mremap(p, 0, PAGE, MOVE));
	TRY(mremap(p, 0, PAGE, 0));
	TRY(mremap(hole, 0, PAGE, MOVE));
	TRY(mremap(p, PAGE, PAGE, 8));
	TRY(mremap(p, PAGE, PAGE, MREMAP_FIXED, hole));
	TRY(mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP));
	TRY(mremap(hole, PAGE, PAGE, 0));
	TRY(mremap(hole, 2 * PAGE, PAGE, 0));
	TRY(mremap(hole, PAGE, 2 * PAGE, MOVE));
	TRY(mremap(p + 4 * PAGE, 8 * PAGE, 8 * PAGE, 0));
	TRY(mremap(p + 4 * PAGE, 8 * PAGE, 9 * PAGE, MOVE));
	TRY(mremap(p, PAGE, PAGE, FIXED, hole + 1));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, FIXED, p + PAGE));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, FIXED, p));
	TRY(mremap(p + PAGE, 2 * PAGE, 2 * PAGE, FIXED, p));
	TRY(mremap(p, 4 * PAGE, PAGE, FIXED, p + 3 * PAGE));
	show("after a shrink onto its own tail", p, 8);
}

static void sizes(void)
{
	char *p = island(4);

	TRY(mremap(p, PAGE, SIZE_MAX, MOVE));
	TRY(mremap(p, PAGE, SIZE_MAX - PAGE, MOVE));
	TRY(mremap(p, SIZE_MAX, PAGE, MOVE));
	TRY(mremap(p, SIZE_MAX - PAGE, PAGE, MOVE));
	TRY(mremap(p, SIZE_MAX - PAGE, 2 * PAGE, FIXED, p + 10 * PAGE));
	TRY(mremap(p, PAGE, TOP, MOVE));
	TRY(mremap(p, PAGE, TOP + PAGE, MOVE));
	TRY(mremap(p, PAGE, 1UL << 62, MOVE));
	TRY(mremap(p, 1UL << 62, 1UL << 62, MOVE));
	TRY(mremap(p, 1UL << 62, 1UL << 61, MOVE));
	TRY(mremap(p, TOP, TOP, MOVE));
	TRY(mremap(p, 4 * PAGE, TOP, MOVE));
	TRY(mremap(p, PAGE, TOP, FIXED, PAGE));
	TRY(mremap(p, PAGE, PAGE, FIXED, TOP));
	TRY(mremap(p, PAGE, PAGE, FIXED, -PAGE));
	TRY(mremap(p, PAGE, 2 * PAGE, FIXED, TOP - PAGE));
	TRY(mremap((void *)TOP, PAGE, PAGE, 0));
	TRY(mremap((void *)TOP, PAGE, 2 * PAGE, MOVE));
	TRY(mremap((void *)-PAGE, PAGE, 2 * PAGE, MOVE));
	TRY(mremap((void *)-PAGE, 2 * PAGE, PAGE, MOVE));
	TRY(mremap((void *)-PAGE, 4 * PAGE, PAGE, FIXED, p + 10 * PAGE));
	show("afterwards", p, 16);
}

static void several(void)
{
	char *p = island(12);

	mprotect(p + 4 * PAGE, 4 * PAGE, PROT_READ);
	TRY(mremap(p, 12 * PAGE, 12 * PAGE, 0));
	TRY(mremap(p, 12 * PAGE, 12 * PAGE, FIXED, p + 20 * PAGE));
	TRY(mremap(p, 12 * PAGE, 13 * PAGE, MOVE));
	TRY(mremap(p, 12 * PAGE, 12 * PAGE, DONTUNMAP));
	show("nothing moved", p, 40);
	TRY_AT(p, mremap(p, 12 * PAGE, 2 * PAGE, 0));
	show("a shrink across three", p, 40);
	p = island(12);
	mprotect(p + 4 * PAGE, 4 * PAGE, PROT_READ);
	TRY_AT(p, mremap(p, 12 * PAGE, 2 * PAGE, FIXED, p + 20 * PAGE));
	show("a shrink across three that moves", p, 40);
	p = island(12);
	munmap(p + 4 * PAGE, 4 * PAGE);
	TRY_AT(p, mremap(p, 12 * PAGE, 10 * PAGE, 0));
	show("a shrink across a hole", p, 40);
	p = island(12);
	munmap(p + 4 * PAGE, 4 * PAGE);
	TRY_AT(p, mremap(p, 12 * PAGE, 10 * PAGE, FIXED, p + 20 * PAGE));
	show("a shrink across a hole that moves", p, 40);
	p = island(12);
	munmap(p + 4 * PAGE, 4 * PAGE);
	TRY(mremap(p + 4 * PAGE, 8 * PAGE, PAGE, 0));
	show("a shrink that begins in a hole", p, 40);
	p = island(12);
	munmap(p + 4 * PAGE, 4 * PAGE);
	TRY_AT(p, mremap(p, PAGE, 6 * PAGE, FIXED, p + 7 * PAGE));
	show("a growth onto another", p, 40);
}

static void growth(void)
{
	char *p = island(4), *q;

	TRY_AT(p, mmap(p + 4 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	TRY_AT(p, mremap(p, 8 * PAGE, 10 * PAGE, 0));
	TRY(mremap(p, 4 * PAGE, 5 * PAGE, 0));
	TRY_AT(p, mremap(p + 9 * PAGE, PAGE, 2 * PAGE, 0));
	show("grown in place", p, 16);
	q = mmap(p + 11 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	TRY(mremap(p, 11 * PAGE, 12 * PAGE, 0));
	munmap(q, PAGE);
	memset(p, 7, PAGE);
	q = mremap(p, 2 * PAGE, 3 * PAGE, MOVE);
	say("from the middle: moved %d, byte %d, zero %d", q != p, q[0], q[2 * PAGE]);
	show("the source", p, 16);
	q = mremap(q, PAGE, 1000 * PAGE, MOVE);
	say("to a thousand: byte %d, zero %d", q[0], q[999 * PAGE]);
}

static char byte_at(int fd, off_t offset)
{
	char byte;

	NEED(pread(fd, &byte, 1, offset) == 1);
	return byte;
}

/*
 * A file that nobody writes to any more: of one with a writer each mapping may
 * be of its own. And none of an overlay: Linux never merges mappings of those.
 */
static int unwritten(void)
{
	char page[PAGE];
	int fd = open("file", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < 16; i++) {
		memset(page, 'a' + i, PAGE);
		NEED(write(fd, page, PAGE) == PAGE);
	}
	NEED(close(fd) == 0);
	fd = open("file", O_RDONLY);
	NEED(fd >= 0 && unlink("file") == 0);
	return fd;
}

static void files(void)
{
	int fd = unwritten();
	char *p = island(12), *q;

	mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 2 * PAGE);
	TRY_AT(p, mremap(p, 4 * PAGE, 4 * PAGE, FIXED, p + 20 * PAGE));
	p = island(12);
	mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 3 * PAGE);
	TRY(mremap(p, 4 * PAGE, 4 * PAGE, FIXED, p + 20 * PAGE));
	mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 2 * PAGE);
	munmap(p + 4 * PAGE, 8 * PAGE);
	TRY_AT(p, mremap(p + 2 * PAGE, 2 * PAGE, 6 * PAGE, 0));
	say("byte 5: %d", p[5 * PAGE] == byte_at(fd, 5 * PAGE));
	munmap(p + 5 * PAGE, PAGE);
	q = TRY_AT(p, mremap(p + PAGE, 3 * PAGE, 3 * PAGE, DONTUNMAP, p + 30 * PAGE));
	if (q == MAP_FAILED)
		return;
	say("dontunmap: %d %d", q[0] == byte_at(fd, PAGE), p[PAGE] == byte_at(fd, PAGE));
	TRY(mremap(p, 0, PAGE, MOVE));
	close(fd);
}

static void dontunmap(void)
{
	char *p = island(4), *far = p + 20 * PAGE;

	memset(p, 5, 4 * PAGE);
	TRY(mremap(p, 4 * PAGE, 5 * PAGE, DONTUNMAP));
	TRY(mremap(p, 4 * PAGE, 3 * PAGE, DONTUNMAP));
	TRY_AT(p, mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP, far));
	say("byte there %d, here %d", far[0], p[0]);
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP, far + 1));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP, p));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP, p + PAGE));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP, TOP));
	TRY(mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP | MREMAP_FIXED, p + PAGE));
	TRY_AT(p, mremap(p, 2 * PAGE, 2 * PAGE, DONTUNMAP | MREMAP_FIXED, p + 30 * PAGE));
	TRY(mremap(p, 0, 0, DONTUNMAP));
	show("afterwards", p, 40);
}

int main(void)
{
	errors();
	sizes();
	several();
	growth();
	files();
	dontunmap();
	return 0;
}
