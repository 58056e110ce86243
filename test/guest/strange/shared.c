/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared mappings that are written to: of files, of memory without a name, of huge pages. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pages.h"

#define PAGES 16
#define LEN (PAGES * PAGE)
#define RW (PROT_READ | PROT_WRITE)

static void store(int page, char c)
{
	struct fault f = fault_write(p + page * PAGE);

	if (f.signo)
		say("store to page %d: signal %d, code %d", page, f.signo, f.code);
	else
		p[page * PAGE] = c;
}

/* What the file has, by read(2). */
static void file_has(int page)
{
	char c = '-';

	say("file, page %d: %zd, %d", page, pread(fd, &c, 1, page * PAGE), c);
}

static void map(int prot, int flags)
{
	p = mmap(NULL, LEN, prot, MAP_SHARED | flags, fd, 0);
	TRY_AS("mmap", p == MAP_FAILED ? -1 : 0);
	NEED(p != MAP_FAILED);
}

static void both_ways(void)
{
	look(0);
	store(1, 'b');
	file_has(1);
	put(2, 'c');
	look(2);
	TRY(msync(p, LEN, MS_SYNC));
	TRY(msync(p + PAGE, PAGE, MS_ASYNC));
	write_out(1);
	NEED(lseek(fd, 3 * PAGE, SEEK_SET) == 3 * PAGE);
	TRY_AS("write the mapping to its own file", write(fd, p + PAGE, PAGE));
	look(3);
	NEED(pread(fd, p + 4 * PAGE, PAGE, 3 * PAGE) == PAGE);
	look(4);
}

static void sizes(void)
{
	TRY(ftruncate(fd, 2 * PAGE + 5));
	look(1);
	look(2);
	look_at(2 * PAGE + 5);
	look(3);
	store(3, 'x');
	write_out(3);
	TRY(ftruncate(fd, LEN));
	look(3);
	store(3, 'd');
	file_has(3);
	store(5, 'f');
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * PAGE, PAGE));
	look(5);
	store(6, 'g');
	TRY(madvise(p + 6 * PAGE, PAGE, MADV_REMOVE));
	look(6);
	file_has(6);
	store(7, 'h');
	TRY(madvise(p + 7 * PAGE, PAGE, MADV_DONTNEED));
	look(7);
	TRY(madvise(p, LEN, MADV_POPULATE_WRITE));
	TRY(madvise(p, LEN, MADV_FREE));
	TRY(madvise(p, LEN, MADV_WIPEONFORK));
	TRY(madvise(p, LEN, MADV_WILLNEED));
}

static void rights(void)
{
	TRY(mprotect(p + PAGE, PAGE, PROT_READ));
	store(1, 'x');
	look(1);
	TRY(mprotect(p + PAGE, PAGE, PROT_NONE));
	look(1);
	write_out(1);
	TRY(mprotect(p, LEN, RW));
	store(1, 'y');
	look(1);
	TRY(mlock(p, LEN));
	TRY(msync(p, LEN, MS_INVALIDATE));
	TRY(munlock(p, LEN));
}

static void child(void)
{
	look(8);
	store(9, 'j');
	TRY(munmap(p + 10 * PAGE, PAGE));
	look(10);
}

static void child_without(void)
{
	look(10);
	look(11);
}

static void relatives(void)
{
	store(8, 'i');
	apart("a child", child);
	look(9);
	look(10);
	TRY(madvise(p + 10 * PAGE, PAGE, MADV_DONTFORK));
	apart("a child without a page", child_without);
	TRY(madvise(p + 10 * PAGE, PAGE, MADV_DOFORK));
}

/* Pieces of it go, are replaced, and come back. */
static void pieces(void)
{
	char *at;

	TRY(munmap(p + PAGE, PAGE));
	look(1);
	write_out(1);
	look(2);
	at = mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(at == p + PAGE);
	look(1);
	store(1, 'p');
	write_out(1);
	at = mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 12 * PAGE);
	NEED(at == p + PAGE);
	store(1, 'q');
	file_has(12);
	look(12);
	TRY_AS("not over another",
	       mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == MAP_FAILED ? -1 : 0);
	TRY_AS("nothing new in its place",
	       mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
}

static void moves(void)
{
	char *at = mmap(NULL, 4 * LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *twice;

	NEED(at != MAP_FAILED);
	store(2, 'm');
	at = mremap(p + 2 * PAGE, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	TRY_AS("mremap", at == MAP_FAILED ? -1 : 0);
	NEED(at != MAP_FAILED);
	look(2);
	say("moved: %d", at[0]);
	at[PAGE] = 'n';
	file_has(3);
	twice = mremap(at, 0, 2 * PAGE, MREMAP_MAYMOVE);
	TRY_AS("twice", twice == MAP_FAILED ? -1 : 0);
	NEED(twice != MAP_FAILED);
	twice[0] = 'o';
	say("both: %d", at[0]);
	at = mremap(at, 8 * PAGE, 2 * PAGE, 0);
	NEED(at != MAP_FAILED);
	say("shorter: signal %d", fault_read(at + 2 * PAGE).signo);
}

static void all(const char *what, int of, int more)
{
	say("%s", what);
	fd = of;
	TRY(ftruncate(fd, LEN));
	map(RW, more);
	both_ways();
	sizes();
	rights();
	relatives();
	pieces();
	moves();
	TRY(munmap(p, LEN));
	look(0);
	close(fd);
}

static void refusals(void)
{
	fd = open("shared", O_WRONLY);
	NEED(fd >= 0);
	TRY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
	fd = open("shared", O_RDONLY);
	NEED(fd >= 0);
	TRY(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	TRY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, fd, 0));
	TRY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x80000, fd, 0));
	TRY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1));
	map(PROT_READ, 0);
	TRY(mprotect(p, LEN, RW));
	store(0, 'x');
	/* What is refused takes nothing away. */
	TRY(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, fd, 0));
	TRY(mmap(p, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED | 0x80000, fd, 0));
	TRY(mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	TRY(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_HUGETLB, fd, 0));
	TRY(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, -(long)PAGE));
	look(0);
	NEED(munmap(p, LEN) == 0);
	close(fd);
	fd = open("/proc/self/status", O_RDONLY);
	TRY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

/* The lock of all that comes is Linux's for what is its own. */
static void locked(void)
{
	unsigned char there;

	fd = memfd_create("locked", 0);
	NEED(fd >= 0);
	NEED(ftruncate(fd, LEN) == 0);
	TRY(mlockall(MCL_FUTURE));
	map(RW, 0);
	NEED(mincore(p + 9 * PAGE, PAGE, &there) == 0);
	say("it is there: %d", there & 1);
	TRY(msync(p, LEN, MS_INVALIDATE));
	TRY(munlockall());
	TRY(msync(p, LEN, MS_INVALIDATE));
	NEED(munmap(p, LEN) == 0);
	close(fd);
}

static void seals(void)
{
	fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	NEED(fd >= 0);
	NEED(ftruncate(fd, LEN) == 0);
	map(RW, 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	NEED(munmap(p, LEN) == 0);
	TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	TRY(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	map(PROT_READ, 0);
	look(0);
	TRY(mprotect(p, PAGE, RW));
	TRY(ftruncate(fd, PAGE));
	close(fd);
}

int main(void)
{
	all("a file", open("shared", O_RDWR | O_CREAT | O_EXCL, 0600), 0);
	all("a file of memory", memfd_create("shared", 0), MAP_POPULATE);
	refusals();
	locked();
	seals();
	prog_exit();
}
