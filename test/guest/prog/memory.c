/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces: mmap, munmap, mprotect, mremap, brk, madvise, the stack, and their refusals. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void map_zero(void)
{
	size_t sizes[] = { PAGE, 3 * PAGE, 2 << 20, (8 << 20) + PAGE };

	for (size_t i = 0; i < 4; i++) {
		char *p = prog_map(sizes[i]);

		CHECK(prog_filled(p, sizes[i], 0));
		memset(p, 0xa5, sizes[i]);
		CHECK(munmap(p, sizes[i]) == 0);
	}
}

static void map_fixed(void)
{
	char *p = prog_map(5 * PAGE);

	memset(p, 1, 5 * PAGE);
	CHECK(mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE);
	CHECK(prog_filled(p + 2 * PAGE, PAGE, 0));
	CHECK(prog_filled(p, 2 * PAGE, 1) && prog_filled(p + 3 * PAGE, 2 * PAGE, 1));
	CHECK_FAILS(mmap(p + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK(prog_filled(p + 3 * PAGE, 2 * PAGE, 1));
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + PAGE);
	CHECK(prog_filled(p + PAGE, PAGE, 0));
	/* A hint is followed where it is free, and given up where it is not. */
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON, -1, 0) == p + PAGE);
	CHECK(mmap(p, PAGE, RW, ANON, -1, 0) != p);
	CHECK(prog_filled(p, PAGE, 1));
}

static void unmap_parts(void)
{
	char *p = prog_map(9 * PAGE);

	memset(p, 7, 9 * PAGE);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(munmap(p + 4 * PAGE, 2 * PAGE) == 0);
	CHECK(fault_is(fault_read(p + PAGE), SIGSEGV, SEGV_MAPERR, p + PAGE));
	CHECK(fault_is(fault_write(p + 6 * PAGE - 1), SIGSEGV, SEGV_MAPERR, p + 6 * PAGE - 1));
	CHECK(prog_filled(p, PAGE, 7) && prog_filled(p + 2 * PAGE, 2 * PAGE, 7));
	CHECK(prog_filled(p + 6 * PAGE, 3 * PAGE, 7));
	/* Over holes, whole and twice. */
	CHECK(munmap(p, 9 * PAGE) == 0);
	CHECK(munmap(p, 9 * PAGE) == 0);
	CHECK(fault_is(fault_read(p), SIGSEGV, SEGV_MAPERR, p));
}

static void unmap_huge_part(void)
{
	size_t size = 8 << 20;
	char *p = prog_map(size);

	memset(p, 3, size);
	CHECK(munmap(p + (3 << 20), PAGE) == 0);
	CHECK(fault_is(fault_read(p + (3 << 20)), SIGSEGV, SEGV_MAPERR, p + (3 << 20)));
	CHECK(prog_filled(p, 3 << 20, 3));
	CHECK(prog_filled(p + (3 << 20) + PAGE, size - (3 << 20) - PAGE, 3));
	CHECK(mprotect(p + (5 << 20), PAGE, PROT_READ) == 0);
	CHECK(fault_is(fault_write(p + (5 << 20) + 8), SIGSEGV, SEGV_ACCERR, p + (5 << 20) + 8));
	CHECK(fault_write(p + (5 << 20) + PAGE).signo == 0);
}

static void map_errors(void)
{
	char *p = prog_map(2 * PAGE);
	int dir = open(".", O_RDONLY), file = prog_file(PAGE), null[2];
	int wronly = open("wronly", O_WRONLY | O_CREAT, 0600);

	NEED(pipe(null) == 0 && wronly >= 0);
	CHECK_FAILS(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	CHECK_FAILS(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_FAILS(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, file, 1), EINVAL);
	CHECK_FAILS(mmap(NULL, 1UL << 60, RW, ANON, -1, 0), ENOMEM);
	CHECK_FAILS(mmap(NULL, -PAGE, RW, ANON, -1, 0), ENOMEM);
	CHECK_FAILS(mmap((void *)(1UL << 47), PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 1000, 0), EBADF);
	CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, null[0], 0), ENODEV);
	CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wronly, 0), EACCES);
	CHECK_FAILS(munmap(p + 1, PAGE), EINVAL);
	CHECK_FAILS(munmap(p, 0), EINVAL);
	CHECK_FAILS(munmap((void *)(1UL << 47), PAGE), EINVAL);
	CHECK_FAILS(mprotect(p + 1, PAGE, RW), EINVAL);
	CHECK_FAILS(mprotect(p, PAGE, PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
	CHECK(mprotect(p, 0, RW) == 0);
	NEED(munmap(p + PAGE, PAGE) == 0);
	CHECK_FAILS(mprotect(p, 2 * PAGE, PROT_READ), ENOMEM);
	CHECK_FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_FAILS(madvise(p, PAGE, 9999), EINVAL);
	CHECK_FAILS(madvise(p, 2 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(unlink("wronly") == 0);
}

static void map_low32(void)
{
	char *p = mmap(NULL, 16 * PAGE, RW, ANON | MAP_32BIT, -1, 0);

	NEED(p != MAP_FAILED);
	CHECK((uintptr_t)p + 16 * PAGE <= 1UL << 31);
	CHECK(prog_filled(p, 16 * PAGE, 0));
}

static void map_reserve(void)
{
	size_t size = 64UL << 30;
	char *p = mmap(NULL, size, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	NEED(p != MAP_FAILED);
	CHECK(fault_is(fault_read(p + size / 2), SIGSEGV, SEGV_ACCERR, p + size / 2));
	CHECK(mprotect(p + size / 2, 1 << 20, RW) == 0);
	CHECK(prog_filled(p + size / 2, 1 << 20, 0));
	memset(p + size / 2, 9, 1 << 20);
	CHECK(prog_filled(p + size / 2, 1 << 20, 9));
	CHECK(munmap(p, size) == 0);
}

static void map_populate(void)
{
	unsigned char present[16] = { 0 };
	char *p = mmap(NULL, 16 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);

	NEED(p != MAP_FAILED);
	CHECK(mincore(p, 16 * PAGE, present) == 0);
	for (int i = 0; i < 16; i++)
		CHECK(present[i] & 1);
	CHECK(prog_filled(p, 16 * PAGE, 0));
	NEED(munmap(p + 15 * PAGE, PAGE) == 0);
	CHECK_FAILS(mincore(p, 16 * PAGE, present), ENOMEM);
	CHECK_FAILS(mincore(p + 1, PAGE, present), EINVAL);
}

static void protect(void)
{
	char *p = prog_map(3 * PAGE);

	memset(p, 4, 3 * PAGE);
	CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	CHECK(fault_is(fault_read(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE));
	CHECK(fault_is(fault_write(p + PAGE + 5), SIGSEGV, SEGV_ACCERR, p + PAGE + 5));
	CHECK(fault_read(p + PAGE - 1).signo == 0 && fault_read(p + 2 * PAGE).signo == 0);
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	CHECK(prog_filled(p, 3 * PAGE, 4));
	CHECK(fault_is(fault_write(p + PAGE), SIGSEGV, SEGV_ACCERR, p + PAGE));
	CHECK(mprotect(p, 3 * PAGE, RW) == 0);
	CHECK(fault_write(p + PAGE).signo == 0);
	/* Never touched before, read-only, then writable. */
	char *q = mmap(NULL, PAGE, PROT_READ, ANON, -1, 0);

	NEED(q != MAP_FAILED);
	CHECK(prog_filled(q, PAGE, 0));
	CHECK(fault_is(fault_write(q), SIGSEGV, SEGV_ACCERR, q));
	CHECK(mprotect(q, PAGE, RW) == 0);
	q[1] = 1;
	CHECK(q[0] == 0 && q[1] == 1 && prog_filled(q + 2, PAGE - 2, 0));
}

static void protect_exec(void)
{
	static const unsigned char code[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
	char *p = prog_map(PAGE);

	memcpy(p, code, sizeof(code));
	CHECK(fault_is(fault_call(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(((int (*)(void))(uintptr_t)p)() == 42);
	CHECK(fault_is(fault_write(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK(mprotect(p, PAGE, RW) == 0);
	p[1] = 43;
	CHECK(fault_is(fault_call(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(((int (*)(void))(uintptr_t)p)() == 43);
}

static char *repaired;
static volatile int repairs;

static void repair(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	if (info->si_addr == repaired + 100 && info->si_code == SEGV_ACCERR)
		repairs++;
	mprotect(repaired, PAGE, RW);
}

static void protect_repair(void)
{
	struct sigaction act = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };

	repaired = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0);
	NEED(repaired != MAP_FAILED && sigaction(SIGSEGV, &act, NULL) == 0);
	for (int i = 0; i < 20; i++) {
		mprotect(repaired, PAGE, i % 2 ? PROT_READ : PROT_NONE);
		((volatile char *)repaired)[100] = i;
		CHECK(repaired[100] == i);
	}
	CHECK(repairs == 20);
}

static void remap(void)
{
	char *p = prog_map(4 * PAGE), *q, *room;

	for (int i = 0; i < 4; i++)
		memset(p + i * PAGE, 'a' + i, PAGE);
	/* Shrink in place. */
	CHECK(mremap(p, 4 * PAGE, 3 * PAGE, 0) == p);
	CHECK(fault_is(fault_read(p + 3 * PAGE), SIGSEGV, SEGV_MAPERR, p + 3 * PAGE));
	/* Grow in place, where there is room. */
	CHECK(mremap(p, 3 * PAGE, 4 * PAGE, 0) == p);
	CHECK(prog_filled(p + 3 * PAGE, PAGE, 0));
	CHECK(mremap(p, 4 * PAGE, 3 * PAGE, 0) == p);
	/* Grow where there is none. */
	NEED(mmap(p + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != MAP_FAILED);
	CHECK_FAILS(mremap(p, 3 * PAGE, 64 * PAGE, 0), ENOMEM);
	q = mremap(p, 3 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	NEED(q != MAP_FAILED);
	CHECK(q != p);
	for (int i = 0; i < 3; i++)
		CHECK(prog_filled(q + i * PAGE, PAGE, 'a' + i));
	CHECK(prog_filled(q + 3 * PAGE, 61 * PAGE, 0));
	CHECK(fault_is(fault_read(p), SIGSEGV, SEGV_MAPERR, p));
	/* To a given place, over what is there. */
	room = prog_map(6 * PAGE);
	memset(room, 'z', 6 * PAGE);
	CHECK(mremap(q, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE) ==
	      room + PAGE);
	CHECK(prog_filled(room, PAGE, 'z') && prog_filled(room + 4 * PAGE, 2 * PAGE, 'z'));
	for (int i = 0; i < 3; i++)
		CHECK(prog_filled(room + (i + 1) * PAGE, PAGE, 'a' + i));
	CHECK(fault_is(fault_read(q), SIGSEGV, SEGV_MAPERR, q));
	CHECK(prog_filled(q + 3 * PAGE, 61 * PAGE, 0));
	/* A middle part moves away, and leaves a hole. */
	q = mremap(room + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 10 * PAGE);
	CHECK(prog_filled(q, PAGE, 'b'));
	CHECK(fault_is(fault_read(room + 2 * PAGE), SIGSEGV, SEGV_MAPERR, room + 2 * PAGE));
	CHECK(prog_filled(room + PAGE, PAGE, 'a') && prog_filled(room + 3 * PAGE, PAGE, 'c'));
}

static void remap_large(void)
{
	size_t size = 6 << 20;
	char *p = prog_map(size), *q;

	for (size_t i = 0; i < size / PAGE; i++)
		memset(p + i * PAGE, i, PAGE);
	q = mremap(p, size, 2 * size, MREMAP_MAYMOVE);
	NEED(q != MAP_FAILED);
	for (size_t i = 0; i < size / PAGE; i++)
		CHECK(prog_filled(q + i * PAGE, PAGE, i));
	CHECK(prog_filled(q + size, size, 0));
}

static void remap_errors(void)
{
	char *p = prog_map(4 * PAGE);

	memset(p, 1, 4 * PAGE);
	CHECK_FAILS(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_FAILS(mremap(p, PAGE, 0, 0), EINVAL);
	CHECK_FAILS(mremap(p, PAGE, PAGE, 0x80), EINVAL);
	CHECK_FAILS(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + 8 * PAGE), EINVAL);
	CHECK_FAILS(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_FAILS(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1), EINVAL);
	NEED(munmap(p + 2 * PAGE, PAGE) == 0);
	CHECK_FAILS(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK_FAILS(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK(prog_filled(p, 2 * PAGE, 1) && prog_filled(p + 3 * PAGE, PAGE, 1));
}

static void heap(void)
{
	char *start = sbrk(0), *page;
	size_t size = 5 << 20;

	NEED(sbrk(size) == start);
	page = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);
	CHECK(prog_filled(start, size, 0));
	memset(start, 5, size);
	CHECK(brk(start + size / 2) == 0 && sbrk(0) == start + size / 2);
	CHECK(prog_filled(start, size / 2, 5));
	char *end = (char *)(((uintptr_t)start + size / 2 + PAGE - 1) & -PAGE);

	CHECK(fault_is(fault_read(end), SIGSEGV, SEGV_MAPERR, end));
	/* What was given back comes again as zeroes. */
	CHECK(brk(start + size) == 0);
	CHECK(prog_filled(end, start + size - end, 0));
	CHECK(brk(page) == 0);
	CHECK_FAILS(brk((void *)((1UL << 47) - PAGE)), ENOMEM);
	CHECK_FAILS(sbrk(1L << 46), ENOMEM);
	CHECK(sbrk(0) == page);
	/* Never below its start. */
	CHECK(syscall(SYS_brk, 1) == (long)page);
}

static void discard(void)
{
	size_t size = 6 << 20;
	char *p = prog_map(size);

	memset(p, 6, size);
	CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(prog_filled(p, PAGE, 6) && prog_filled(p + PAGE, PAGE, 0));
	CHECK(prog_filled(p + 2 * PAGE, size - 2 * PAGE, 6));
	CHECK(madvise(p, size, MADV_DONTNEED) == 0);
	CHECK(prog_filled(p, size, 0));
	memset(p, 8, size);
	CHECK(prog_filled(p, size, 8));
	CHECK(madvise(p, size, MADV_WILLNEED) == 0 && madvise(p, size, MADV_SEQUENTIAL) == 0);
	CHECK(madvise(p, size, MADV_RANDOM) == 0 && madvise(p, size, MADV_NORMAL) == 0);
	CHECK(prog_filled(p, size, 8));
	/* Read into by Linux before and after. */
	int fd = prog_file(2 * PAGE);

	CHECK(pread(fd, p, 2 * PAGE, 0) == 2 * PAGE && (unsigned char)p[9] == prog_file_byte(9));
	CHECK(madvise(p, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(prog_filled(p, 2 * PAGE, 0));
	CHECK(pread(fd, p, PAGE, 0) == PAGE && (unsigned char)p[9] == prog_file_byte(9));
	CHECK(prog_filled(p + PAGE, PAGE, 0));
}

static bool shows_file(const unsigned char *p, size_t offset, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != prog_file_byte(offset + i))
			return false;
	return true;
}

static void file_private(void)
{
	size_t size = 3 * PAGE + 1000;
	int fd = prog_file(size);
	unsigned char *p = mmap(NULL, 6 * PAGE, RW, MAP_PRIVATE, fd, 0), byte;
	unsigned char *q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);

	NEED(p != MAP_FAILED && q != MAP_FAILED);
	CHECK(shows_file(p, 0, size));
	CHECK(prog_filled(p + size, 4 * PAGE - size, 0));
	CHECK(fault_is(fault_read(p + 4 * PAGE + 3), SIGBUS, BUS_ADRERR, p + 4 * PAGE + 3));
	CHECK(fault_is(fault_write(p + 5 * PAGE), SIGBUS, BUS_ADRERR, p + 5 * PAGE));
	/* What is written here is seen nowhere else. */
	memset(p + PAGE, 0xee, PAGE);
	CHECK(shows_file(q, PAGE, 2 * PAGE));
	CHECK(pread(fd, &byte, 1, PAGE) == 1 && byte == prog_file_byte(PAGE));
	CHECK(prog_filled(p + PAGE, PAGE, 0xee));
	CHECK(fault_is(fault_write(q), SIGSEGV, SEGV_ACCERR, q));
	/* It comes back from the file. */
	CHECK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
	CHECK(shows_file(p, 0, size));
	/* The descriptor is not needed. */
	CHECK(close(fd) == 0);
	CHECK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
	CHECK(shows_file(p, 0, size) && shows_file(q, PAGE, 2 * PAGE));
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(shows_file(p, 0, PAGE) && shows_file(p + 2 * PAGE, 2 * PAGE, size - 2 * PAGE));
	p = mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	NEED(p != MAP_FAILED);
	CHECK(shows_file(p, 2 * PAGE, size - 2 * PAGE));
}

/* Every change of a file is seen by the next mapping, however soon it comes. */
static void file_fresh(void)
{
	int fd = prog_file(2 * PAGE);
	unsigned char bytes[PAGE];

	for (int i = 0; i < 30; i++) {
		memset(bytes, i, PAGE);
		CHECK(pwrite(fd, bytes, PAGE, i % 2 * PAGE) == PAGE);
		unsigned char *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

		NEED(p != MAP_FAILED);
		CHECK(prog_filled(p + i % 2 * PAGE, PAGE, i));
		if (i > 0)
			CHECK(prog_filled(p + (i + 1) % 2 * PAGE, PAGE, i - 1));
		CHECK(munmap(p, 2 * PAGE) == 0);
	}
	CHECK(ftruncate(fd, 100) == 0);
	unsigned char *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	NEED(p != MAP_FAILED);
	CHECK(prog_filled(p, 100, 28) && prog_filled(p + 100, PAGE - 100, 0));
	CHECK(fault_is(fault_read(p + PAGE), SIGBUS, BUS_ADRERR, p + PAGE));
	NEED(munmap(p, 2 * PAGE) == 0);
	CHECK(ftruncate(fd, 2 * PAGE) == 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	CHECK(prog_filled(p, 100, 28) && prog_filled(p + 100, 2 * PAGE - 100, 0));
}

/* The last page of the program's own file, and its .bss behind it. */
static char in_bss[3 * PAGE];
static char in_data[64] = "data";

static void program_data(void)
{
	CHECK(prog_filled(in_bss, sizeof(in_bss), 0));
	CHECK(strcmp(in_data, "data") == 0 && prog_filled(in_data + 5, 59, 0));
	memset(in_bss, 1, sizeof(in_bss));
	CHECK(prog_filled(in_bss, sizeof(in_bss), 1));
	CHECK(fault_is(fault_write((void *)(uintptr_t) "read-only"), SIGSEGV, SEGV_ACCERR,
		       "read-only"));
}

static void zero_child(void *arg)
{
	char **p = arg;

	CHECK(prog_filled(p[0], PAGE, 0) && p[0][PAGE] == 5);
	CHECK(prog_filled(p[1], 3 * PAGE, 0));
	memset(p[0], 1, PAGE);
	memset(p[1], 2, PAGE);
}

/* /dev/zero is anonymous memory, private or shared. */
static void zero_device(void)
{
	int fd = open("/dev/zero", O_RDWR), read_only = open("/dev/zero", O_RDONLY);
	char *p[2], *q;

	NEED(fd >= 0 && read_only >= 0);
	p[0] = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 5 * PAGE);
	p[1] = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	NEED(p[0] != MAP_FAILED && p[1] != MAP_FAILED);
	p[0][PAGE] = 5;
	CHECK_EXIT(prog_fork(zero_child, p), 0);
	CHECK(prog_filled(p[0], PAGE, 0));
	CHECK(prog_filled(p[1], PAGE, 2) && prog_filled(p[1] + PAGE, 2 * PAGE, 0));
	CHECK(write(fd, p[0], 2 * PAGE) == 2 * PAGE && read(fd, p[0], 2 * PAGE) == 2 * PAGE);
	CHECK(prog_filled(p[0], 3 * PAGE, 0));
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
	NEED(q != MAP_FAILED);
	CHECK_FAILS(mprotect(q, PAGE, RW), EACCES);
	CHECK_FAILS((long)mmap(NULL, PAGE, RW, MAP_SHARED, read_only, 0), EACCES);
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, read_only, 0);
	CHECK(q != MAP_FAILED && prog_filled(q, PAGE, 0));
}

static void shared_anonymous(void)
{
	char *p = prog_shared(4 << 20);

	CHECK(prog_filled(p, 4 << 20, 0));
	memset(p, 2, 4 << 20);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK(fault_is(fault_write(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK(prog_filled(p, 4 << 20, 2));
	/* It is not private memory: what is discarded comes back as it was. */
	CHECK(madvise(p, 4 << 20, MADV_DONTNEED) == 0);
	CHECK(prog_filled(p, 4 << 20, 2));
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(prog_filled(p, PAGE, 2) && prog_filled(p + 2 * PAGE, PAGE, 2));
}

static __attribute__((noinline)) int deep(int n)
{
	volatile char frame[PAGE];

	frame[0] = frame[PAGE - 1] = n;
	return n == 0 ? 0 : deep(n - 1) + (frame[0] == frame[PAGE - 1]);
}

static void stack_grows(void)
{
	CHECK(deep(1500) == 1500); /* of 8 MiB */
}

static void overflow(void *arg)
{
	(void)arg;
	say("%d", deep(1 << 20));
}

static struct fault overflow_seen;
static sigjmp_buf overflow_back;

static void overflow_handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	overflow_seen = (struct fault){ signo, info->si_code, info->si_addr };
	siglongjmp(overflow_back, 1);
}

static void stack_limit(void)
{
	stack_t alt = { .ss_sp = prog_map(64 * PAGE), .ss_size = 64 * PAGE };
	struct sigaction act = { .sa_sigaction = overflow_handler,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct rlimit limit;

	CHECK_KILLED(prog_fork(overflow, NULL), SIGSEGV);
	NEED(getrlimit(RLIMIT_STACK, &limit) == 0);
	NEED(sigaltstack(&alt, NULL) == 0 && sigaction(SIGSEGV, &act, NULL) == 0);
	if (sigsetjmp(overflow_back, 1) == 0)
		overflow(NULL);
	CHECK(overflow_seen.signo == SIGSEGV);
	CHECK((char *)overflow_seen.addr < (char *)&alt);
	CHECK((char *)&alt - (char *)overflow_seen.addr < (long)limit.rlim_cur + (1 << 20));
}

/* Pointers that a system call cannot use. */
static void bad_pointers(void)
{
	char *p = prog_map(4 * PAGE), *hole = p + PAGE, *readonly = p + 2 * PAGE,
	     *none = p + 3 * PAGE;
	void *kernel = (void *)0xffff800000001000UL, *nowhere = (void *)0x1234567800000000UL;
	int fd = prog_file(3 * PAGE), pipes[2];

	NEED(pipe(pipes) == 0);
	memset(p, 1, 4 * PAGE);
	NEED(munmap(hole, PAGE) == 0 && mprotect(readonly, PAGE, PROT_READ) == 0);
	NEED(mprotect(none, PAGE, PROT_NONE) == 0);
	CHECK_FAILS(syscall(SYS_read, fd, NULL, 1), EFAULT);
	CHECK_FAILS(read(fd, hole, 1), EFAULT);
	CHECK_FAILS(read(fd, readonly, 1), EFAULT);
	CHECK_FAILS(read(fd, none, 1), EFAULT);
	CHECK_FAILS(read(fd, kernel, 1), EFAULT);
	CHECK_FAILS(read(fd, nowhere, 1), EFAULT);
	CHECK_FAILS(write(pipes[1], hole, 1), EFAULT);
	CHECK_FAILS(write(pipes[1], none, 1), EFAULT);
	CHECK_FAILS(write(pipes[1], kernel, 1), EFAULT);
	CHECK_FAILS(write(pipes[1], nowhere, 1), EFAULT);
	CHECK_FAILS(open(hole, O_RDONLY), EFAULT);
	CHECK_FAILS(open(kernel, O_RDONLY), EFAULT);
	CHECK_FAILS(pipe((int *)readonly), EFAULT);
	CHECK(prog_filled(readonly, PAGE, 1));
	/* Of a buffer that ends in a hole, the part before it is used. */
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECK(read(fd, p + PAGE - 100, 200) == 100);
	CHECK(shows_file((unsigned char *)p + PAGE - 100, 0, 100));
	CHECK(write(pipes[1], p + PAGE - 10, 20) == 10 || errno == EFAULT);
	/* Local calls too. */
	CHECK_FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, hole, NULL, 8), EFAULT);
	CHECK_FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, readonly, 8), EFAULT);
	CHECK_FAILS(syscall(SYS_clock_gettime, 1, readonly), EFAULT);
	CHECK_FAILS(syscall(SYS_clock_gettime, 1, kernel), EFAULT);
	CHECK_FAILS(syscall(SYS_sigaltstack, kernel, NULL), EFAULT);
	CHECK_FAILS(syscall(SYS_mincore, p, PAGE, readonly), EFAULT);
	CHECK(prog_filled(readonly, PAGE, 1));
}

/* Linux fills pages that this program never touched, in each state a page can have. */
static void filled_by_linux(void)
{
	size_t size = 24 * PAGE;
	int fd = prog_file(size);
	unsigned char *p = prog_map(size);

	for (size_t i = 0; i < 24; i += 3) {
		(void)*(volatile unsigned char *)(p +
						  i * PAGE); /* read: maybe a shared zero page */
		p[(i + 1) * PAGE] = 1;
	}
	CHECK(read(fd, p, size) == (ssize_t)size);
	CHECK(shows_file(p, 0, size));
	/* Written here between two reads of Linux. */
	for (int i = 0; i < 24; i++)
		p[i * PAGE + i] = i;
	int out = prog_file(1);

	CHECK(pwrite(out, p, size, 0) == (ssize_t)size);
	unsigned char *q = prog_map(size);

	CHECK(pread(out, q, size, 0) == (ssize_t)size);
	CHECK(memcmp(p, q, size) == 0 && q[23 * PAGE + 23] == 23);
}

static void limits(void)
{
	struct rlimit limit = { 256 << 20, RLIM_INFINITY },
		      unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	CHECK_FAILS(mmap(NULL, 300 << 20, RW, ANON, -1, 0), ENOMEM);
	void *p = mmap(NULL, 100 << 20, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_FAILS(mmap(NULL, 200 << 20, RW, ANON, -1, 0), ENOMEM);
	CHECK_FAILS(mremap(p, 100 << 20, 300 << 20, MREMAP_MAYMOVE), ENOMEM);
	CHECK(munmap(p, 100 << 20) == 0);
	p = mmap(NULL, 200 << 20, RW, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(setrlimit(RLIMIT_AS, &unlimited) == 0);
	CHECK(munmap(p, 200 << 20) == 0);
	limit = (struct rlimit){ 16 << 20, RLIM_INFINITY };
	CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
	CHECK_FAILS(sbrk(32 << 20), ENOMEM);
	CHECK_FAILS(mmap(NULL, 32 << 20, RW, ANON, -1, 0), ENOMEM);
	CHECK(mmap(NULL, 32 << 20, PROT_READ, ANON, -1, 0) != MAP_FAILED);
}

static void foreign(void *arg)
{
	char **at = arg;
	char bytes[64];
	struct iovec here = { bytes, 64 }, there = { at[0], 64 };

	CHECK(process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 64);
	CHECK(prog_filled(bytes, 64, 0x33));
	memset(bytes, 0x44, 64);
	CHECK(process_vm_writev(getppid(), &here, 1, &there, 1, 0) == 64);
	there.iov_base = at[1];
	CHECK_FAILS(process_vm_writev(getppid(), &here, 1, &there, 1, 0), EFAULT);
	CHECK(process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 64);
	CHECK(prog_filled(bytes, 64, 0x33));
	there.iov_base = at[2];
	CHECK_FAILS(process_vm_readv(getppid(), &here, 1, &there, 1, 0), EFAULT);
}

static void other_process(void)
{
	char *p = prog_map(3 * PAGE), *at[3] = { p, p + PAGE, p + 2 * PAGE };

	memset(p, 0x33, 3 * PAGE);
	NEED(mprotect(at[1], PAGE, PROT_READ) == 0 && munmap(at[2], PAGE) == 0);
	CHECK_EXIT(prog_fork(foreign, at), 0);
	CHECK(prog_filled(p, 64, 0x44) && prog_filled(p + 64, 2 * PAGE - 64, 0x33));
}

/* malloc, realloc and free in random order, each block keeping its bytes. */
static void allocator(void)
{
	enum { BLOCKS = 300 };
	static unsigned char *block[BLOCKS];
	static size_t size[BLOCKS];
	unsigned int seed = 12345;

	for (int i = 0; i < 6000; i++) {
		unsigned int b = (seed = seed * 1103515245 + 12345) / 65536 % BLOCKS;
		unsigned int kind = (seed = seed * 1103515245 + 12345) / 65536 % 100;
		size_t want =
			(seed = seed * 1103515245 + 12345) / 65536 % (kind < 3 ? 400000 : 3000) + 1;

		if (block[b] && !prog_filled(block[b], size[b], b))
			NEED(!"a block keeps its bytes");
		if (kind < 30) {
			free(block[b]);
			block[b] = NULL;
		} else {
			block[b] = realloc(block[b], want);
			NEED(block[b]);
			size[b] = want;
			memset(block[b], b, want);
		}
	}
	for (int b = 0; b < BLOCKS; b++)
		CHECK(!block[b] || prog_filled(block[b], size[b], b));
}

#define LONG_PAGES (1UL << 28) /* of 1 TiB: a minute's work for mincore */

static void look_at_all(void *vec)
{
	void *p = mmap(NULL, LONG_PAGES * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	NEED(p != MAP_FAILED);
	mincore(p, LONG_PAGES * PAGE, vec);
}

/* SIGKILL ends a call in the middle: what it would have written last is not there. */
static void killed_in_call(void)
{
	volatile unsigned char *vec = prog_shared(LONG_PAGES);
	pid_t pid;

	vec[0] = vec[LONG_PAGES - 1] = 7;
	pid = prog_fork(look_at_all, (void *)vec);
	while (vec[0] == 7)
		usleep(1000);
	CHECK(kill(pid, SIGKILL) == 0);
	CHECK_KILLED(pid, SIGKILL);
	CHECK(vec[LONG_PAGES - 1] == 7);
}

static const struct prog_case cases[] = {
	{ "map_zero", map_zero },
	{ "map_fixed", map_fixed },
	{ "unmap_parts", unmap_parts },
	{ "unmap_huge_part", unmap_huge_part },
	{ "map_errors", map_errors },
	{ "map_low32", map_low32 },
	{ "map_reserve", map_reserve },
	{ "map_populate", map_populate },
	{ "protect", protect },
	{ "protect_exec", protect_exec },
	{ "protect_repair", protect_repair },
	{ "remap", remap },
	{ "remap_large", remap_large },
	{ "remap_errors", remap_errors },
	{ "heap", heap },
	{ "discard", discard },
	{ "file_private", file_private },
	{ "file_fresh", file_fresh },
	{ "zero_device", zero_device },
	{ "program_data", program_data },
	{ "shared_anonymous", shared_anonymous },
	{ "stack_grows", stack_grows },
	{ "stack_limit", stack_limit },
	{ "bad_pointers", bad_pointers },
	{ "filled_by_linux", filled_by_linux },
	{ "limits", limits },
	{ "other_process", other_process },
	{ "allocator", allocator },
	{ "killed_in_call", killed_in_call },
};
PROG_MAIN(cases)
