/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared mappings of a file that is open for reading only. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "pages.h"

#define PAGES 8
#define LEN (PAGES * PAGE)

static const char name[] = "sharedread";
static int reader; /* `fd` of pages.h writes, and is open only then */

static void change(int page, char c)
{
	fd = open(name, O_WRONLY);
	NEED(fd >= 0);
	put(page, c);
	NEED(close(fd) == 0);
}

static void arguments(void)
{
	TRY(mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
	TRY(mmap(NULL, LEN, PROT_WRITE, MAP_SHARED, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED, reader, 1));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED_VALIDATE, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED_VALIDATE | MAP_POPULATE | MAP_NORESERVE, reader,
		 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED_VALIDATE | 0x200000, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED_VALIDATE | 0x80000, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED | 0x200000, reader, 0));
	TRY(mmap(NULL, LEN, PROT_NONE, MAP_SHARED, reader, 0));
	TRY(mmap(NULL, LEN, PROT_READ | PROT_EXEC, MAP_SHARED, reader, 0));
	fd = open(name, O_WRONLY);
	NEED(fd >= 0);
	TRY(mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0));
	NEED(close(fd) == 0);
}

static void rights(void)
{
	struct iovec from = { "x", 1 }, to = { p + 2 * PAGE, 1 };
	int mem = open("/proc/self/mem", O_RDWR);

	TRY(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	TRY(mprotect(p, PAGE, PROT_WRITE));
	TRY(mprotect(p, PAGE, PROT_NONE));
	look(0);
	TRY(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	look(0);
	TRY(mprotect(p, PAGE, PROT_READ));
	TRY(pwrite(mem, "x", 1, (long)(p + PAGE)));
	look(1);
	TRY(process_vm_writev(getpid(), &from, 1, &to, 1, 0));
	look(2);
	NEED(close(mem) == 0);
}

static void advice(void)
{
	TRY(madvise(p, PAGE, MADV_FREE));
	TRY(madvise(p, PAGE, MADV_WIPEONFORK));
	TRY(madvise(p, PAGE, MADV_REMOVE));
	TRY(madvise(p, PAGE, MADV_POPULATE_READ));
	TRY(madvise(p, PAGE, MADV_POPULATE_WRITE));
	TRY(madvise(p, PAGE, MADV_WILLNEED));
	TRY(madvise(p, PAGE, MADV_DONTNEED));
	TRY(msync(p, LEN, MS_SYNC));
	TRY(msync(p, LEN, MS_ASYNC | MS_INVALIDATE));
	TRY(mlock(p, LEN));
	TRY(munlock(p, LEN));
	look(0);
}

static void child(void)
{
	for (int i = 0; i < PAGES; i++)
		look(i);
	write_out(3);
}

static void child_without(void)
{
	look(4);
}

static void moves(void)
{
	char *at = mmap(NULL, 3 * LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(at != MAP_FAILED);
	NEED(munmap(at, 3 * LEN) == 0);
	p = mremap(p, LEN, 2 * LEN, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	NEED(p == at);
	look(2);
	look(PAGES + 1);
	TRY(mprotect(p + LEN, LEN, PROT_READ | PROT_WRITE));
	/* A second one of the same pages. */
	at = mremap(p, 0, LEN, MREMAP_MAYMOVE);
	TRY_AS("a copy of the mapping", at == MAP_FAILED ? -1 : 0);
	NEED(at != MAP_FAILED);
	NEED(!memcmp(at, p, LEN));
	TRY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	NEED(munmap(at, LEN) == 0);
}

int main(void)
{
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	NEED(fd >= 0);
	for (int i = 0; i < PAGES; i++)
		put(i, 'a' + i);
	NEED(close(fd) == 0);
	reader = open(name, O_RDONLY);
	NEED(reader >= 0);
	arguments();
	p = mmap(NULL, LEN, PROT_READ, MAP_SHARED, reader, 0);
	NEED(p != MAP_FAILED);
	child();
	rights();
	advice();
	apart("a child", child);
	change(1, 'B');
	look(1);
	write_out(1);
	apart("a child looks at the change", child);
	TRY(madvise(p + 4 * PAGE, PAGE, MADV_DONTFORK));
	apart("a child without a page", child_without);
	TRY(madvise(p + 4 * PAGE, PAGE, MADV_DOFORK));
	moves();
	NEED(truncate(name, 2 * PAGE) == 0);
	look(1);
	look(2);
	write_out(2);
	change(2, 'C');
	look(2);
	NEED(unlink(name) == 0);
	look(1);
	prog_exit();
}
