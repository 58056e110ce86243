/* SPDX-License-Identifier: GPL-2.0-only */
/* mmap with every flag, msync, remap_file_pages: the answer, and what can be seen of its effect. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "strange.h"

#ifndef PROT_SEM
#define PROT_SEM 8
#endif
#ifndef MAP_UNINITIALIZED
#define MAP_UNINITIALIZED 0x4000000
#endif

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define HUGE (2UL << 20)
#define PAGES 8

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#define OF_SIZE(shift) (MAP_HUGETLB | ((shift) << 26))

static int file;

static int count(char *p, size_t pages)
{
	unsigned char there[PAGES];
	int n = 0;

	if (p == MAP_FAILED || mincore(p, pages * PAGE, there))
		return -1;
	for (size_t i = 0; i < pages; i++)
		n += there[i] & 1;
	return n;
}

/* One mapping by itself: the answer, how much is there at once, and whether it can be written to. */
static void flags(const char *what, size_t size, int prot, int flags, int fd)
{
	char *p = TRY_AS(what, mmap(NULL, size, prot, flags, fd, 0)) == -1 ? MAP_FAILED : NULL;

	if (p == MAP_FAILED)
		return;
	p = mmap(NULL, size, prot, flags, fd, 0);
	if (fd == -1)
		say("  there: %d", count(p, size < PAGES * PAGE ? 1 : PAGES));
	if (prot & PROT_WRITE)
		*p = 1;
	munmap(p, size);
}
#define FLAGS(size, prot, f, fd) flags(#f " " #fd " " #prot, size, prot, f, fd)

static void all_flags(int fd)
{
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED_VALIDATE, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_NORESERVE, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_POPULATE | MAP_NONBLOCK, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_LOCKED, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED | MAP_LOCKED, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED | MAP_GROWSDOWN, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_STACK, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | MAP_32BIT, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED | MAP_SYNC, fd);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED_VALIDATE | 0x8000000, fd);
	FLAGS(PAGES * PAGE, RW, MAP_PRIVATE | 0x8000000, fd);
	FLAGS(PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_POPULATE, fd);
	FLAGS(PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd);
	FLAGS(PAGES * PAGE, PROT_WRITE, MAP_PRIVATE, fd);
	FLAGS(PAGES * PAGE, PROT_READ, MAP_SHARED, fd);
	FLAGS(PAGES * PAGE, RW, 0, fd);
	FLAGS(PAGES * PAGE, RW, 4, fd);
	FLAGS(PAGES * PAGE, RW | PROT_SEM, MAP_PRIVATE, fd);
	FLAGS(PAGES * PAGE, RW | 0x40, MAP_PRIVATE, fd);
	FLAGS(HUGE, RW, MAP_PRIVATE | MAP_HUGETLB, fd);
}

static void anonymous(void)
{
	FLAGS(PAGES * PAGE, RW, ANON, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_NORESERVE, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_POPULATE, -1);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_POPULATE | MAP_NONBLOCK, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_LOCKED, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_GROWSDOWN, -1);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_STACK | MAP_UNINITIALIZED, -1);
	FLAGS(PAGES * PAGE, RW, ANON | MAP_SYNC, -1);
	FLAGS(PAGES * PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1);
	FLAGS(PAGES * PAGE, RW, MAP_ANONYMOUS, -1);
	FLAGS(HUGE, RW, ANON | MAP_HUGETLB, -1);
	FLAGS(HUGE, RW, ANON | OF_SIZE(21), -1);
	FLAGS(HUGE, RW, ANON | OF_SIZE(30), -1);
	FLAGS(HUGE, RW, ANON | OF_SIZE(16), -1);
	FLAGS(HUGE, RW, ANON | OF_SIZE(12), -1);
	FLAGS(HUGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	FLAGS(1000 * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1);
}

static void noreplace(void)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, ANON, -1, 0);

	TRY_AT(p, mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	TRY_AT(p, mmap(p + 7 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	munmap(p + 2 * PAGE, 2 * PAGE);
	TRY_AT(p, mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	TRY_AT(p, mmap(p + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	TRY_AT(p, mmap(p + PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	TRY(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
}

static void sync_cases(void)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, ANON, -1, 0);
	char *q = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, file, 0);

	for (int f = 0; f < 16; f++) {
		say("flags %d", f);
		TRY(msync(p, PAGES * PAGE, f));
		TRY(msync(q, PAGES * PAGE, f));
	}
	TRY(msync(p + 1, PAGE, MS_SYNC));
	TRY(msync(p, 0, MS_SYNC));
	TRY(msync(p, -1UL, MS_SYNC));
	TRY(msync((void *)-PAGE, 2 * PAGE, MS_SYNC));
	NEED(mlock(p, PAGE) == 0 && mlock(q, PAGE) == 0);
	TRY(msync(p, PAGE, MS_INVALIDATE));
	TRY(msync(q, PAGE, MS_INVALIDATE | MS_SYNC));
	munmap(p + 2 * PAGE, PAGE);
	TRY(msync(p, PAGES * PAGE, MS_SYNC));
	TRY(msync(p, PAGES * PAGE, MS_ASYNC));
}

static void order(const char *what, char *p)
{
	char text[PAGES + 1] = "";

	for (int i = 0; i < PAGES; i++)
		text[i] = p[i * PAGE] ? p[i * PAGE] : '0';
	say("%s: %s", what, text);
}

/* Pages of one mapping in another order. */
static void remapped(const char *what, int fd)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)('a' + i);
	TRY(remap_file_pages(p, PAGE, 0, 7, 0));
	TRY(remap_file_pages(p + 2 * PAGE, 2 * PAGE, 0, 0, 0));
	TRY(remap_file_pages(p + 7 * PAGE, PAGE, 0, 0, MAP_NONBLOCK));
	order(what, p);
	p[0] = 'z';
	order(what, p);
	TRY(remap_file_pages(p, PAGES * PAGE, 0, 0, 0));
	order(what, p);
	TRY(remap_file_pages(p, PAGES * PAGE, 0, 0, 0));
	TRY(remap_file_pages(p, PAGE, PROT_READ, 0, 0));
	TRY(remap_file_pages(p, PAGE, 0, -1UL, 0));
	TRY(remap_file_pages(p, 0, 0, 0, 0));
	TRY(remap_file_pages(p + 1, PAGE, 0, 1, 0));
	TRY(remap_file_pages(p, 9 * PAGE, 0, 0, 0));
	munmap(p, PAGES * PAGE);
	TRY(remap_file_pages(p, PAGE, 0, 0, 0));
	p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	TRY(remap_file_pages(p, PAGE, 0, 1, 0));
	munmap(p, PAGES * PAGE);
}

static void limit(int what, size_t pages)
{
	struct rlimit r = { pages * PAGE, pages * PAGE };

	NEED(setrlimit(what, &r) == 0);
}

/* Its child runs, and has ended when this returns. */
static int forked(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(5);
	NEED(pid < 0 || (waitpid(pid, &status, 0) == pid && status == 5 << 8));
	return pid < 0 ? -1 : 0;
}

static void limits_as(void)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, ANON, -1, 0);

	limit(RLIMIT_AS, 0);
	TRY(mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	TRY(mmap(NULL, PAGE, RW, MAP_SHARED, file, 0));
	TRY(mmap(NULL, PAGE, RW, ANON | MAP_NORESERVE, -1, 0));
	TRY(mmap(p, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	TRY(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	TRY(mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	TRY(mprotect(p + 2 * PAGE, PAGE, PROT_READ));
	TRY(munmap(p + 4 * PAGE, PAGE));
	TRY_AS("the break", sbrk(PAGE) == (void *)-1 ? -1 : 0);
	TRY_AS("a fork", forked());
}

static void limits_data(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ, ANON, -1, 0);

	limit(RLIMIT_DATA, 0);
	TRY(mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, PROT_READ, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, RW, ANON, -1, 0));
	TRY(mmap(NULL, PAGE, RW, ANON | MAP_NORESERVE, -1, 0));
	TRY(mmap(NULL, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0));
	TRY(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	TRY(mmap(NULL, PAGE, RW, MAP_PRIVATE, file, 0));
	TRY(mprotect(p, PAGE, RW));
	TRY(mremap(p, PAGES * PAGE, 9 * PAGE, MREMAP_MAYMOVE));
	TRY_AS("the break", sbrk(PAGE) == (void *)-1 ? -1 : 0);
}

static void deep(int pages)
{
	volatile char room[4096];

	room[0] = 1;
	if (pages > 0)
		deep(pages - 1);
	NEED(room[0] == 1);
}

static void limits_stack(void)
{
	limit(RLIMIT_STACK, 64);
	deep(20);
	say("little is there");
	deep(100);
	say("too much was there");
}

int main(void)
{
	file = memfd_create("file", 0);
	NEED(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
	all_flags(file);
	anonymous();
	noreplace();
	sync_cases();
	remapped("of a file", file);
	remapped("of shared memory", -1);
	apart("RLIMIT_AS", limits_as);
	apart("RLIMIT_DATA", limits_data);
	apart("RLIMIT_STACK", limits_stack);
	return 0;
}
