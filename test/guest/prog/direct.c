/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O straight into the program's memory, and what becomes of it meanwhile: direct CASE, on $DISK.
 * A disk that holds its answers back lets go when it reads a byte from $RELEASE.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define SIZE (16 * PAGE)
#define OFFSET (1L << 20)

/* What stands on the disk there. */
static unsigned char disk_byte(size_t offset)
{
	return offset / PAGE * 37 + offset % 251;
}

static bool shows_disk(const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != disk_byte(i))
			return false;
	return true;
}

static int disk(void)
{
	int fd = open(getenv("DISK") ?: "", O_RDWR | O_DIRECT);

	NEED(fd >= 0);
	return fd;
}

static void prepare(void)
{
	unsigned char *p = prog_map(SIZE);

	for (size_t i = 0; i < SIZE; i++)
		p[i] = disk_byte(i);
	CHECK(pwrite(disk(), p, SIZE, OFFSET) == SIZE);
}

/* Plain calls, into memory in every state. */
static void round_trip(void)
{
	int fd = disk();
	unsigned char *p, *q;
	struct iovec parts[2];

	prepare();
	p = prog_map(SIZE); /* never touched */
	CHECK(pread(fd, p, SIZE, OFFSET) == SIZE && shows_disk(p, SIZE));
	memset(p, 0xff, SIZE);
	CHECK(pread(fd, p, SIZE, OFFSET) == SIZE && shows_disk(p, SIZE));
	p = prog_shared(SIZE);
	CHECK(pread(fd, p, SIZE, OFFSET) == SIZE && shows_disk(p, SIZE));
	q = prog_map(SIZE);
	parts[0] = (struct iovec){ q + 8 * PAGE, 8 * PAGE };
	parts[1] = (struct iovec){ q, 8 * PAGE };
	CHECK(preadv(fd, parts, 2, OFFSET) == SIZE);
	CHECK(memcmp(q, p + 8 * PAGE, 8 * PAGE) == 0 && memcmp(q + 8 * PAGE, p, 8 * PAGE) == 0);
	CHECK_FAILS(pread(fd, p + 1, SIZE, OFFSET), EINVAL);
	CHECK(mprotect(q, PAGE, PROT_READ) == 0);
	CHECK_FAILS(pread(fd, q, PAGE, OFFSET), EFAULT);
	CHECK(pwrite(fd, q, PAGE, OFFSET + SIZE) == PAGE);
	CHECK(pread(fd, p, PAGE, OFFSET + SIZE) == PAGE && memcmp(p, q, PAGE) == 0);
}

static void after_fork_child(void *arg)
{
	unsigned char *p = arg;

	CHECK(pread(disk(), p, SIZE / 2, OFFSET) == SIZE / 2);
	CHECK(shows_disk(p, SIZE / 2) && prog_filled(p + SIZE / 2, SIZE / 2, 7));
}

/* Into pages that fork shares: the other does not see it. */
static void after_fork(void)
{
	unsigned char *p = prog_map(SIZE);
	int fd = disk();

	prepare();
	memset(p, 7, SIZE);
	CHECK_EXIT(prog_fork(after_fork_child, p), 0);
	CHECK(prog_filled(p, SIZE, 7));
	CHECK(pread(fd, p, SIZE, OFFSET) == SIZE && shows_disk(p, SIZE));
}

/* ---- with a read under way: needs a disk that holds its answers back ---- */

static aio_context_t ctx;

static void submit(unsigned char *p)
{
	static struct iocb cb;
	struct iocb *list[1] = { &cb };

	cb = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PREAD,
			    .aio_fildes = disk(),
			    .aio_buf = (uintptr_t)p,
			    .aio_nbytes = SIZE,
			    .aio_offset = OFFSET };
	NEED(ctx || syscall(SYS_io_setup, 4, &ctx) == 0);
	NEED(syscall(SYS_io_submit, ctx, 1, list) == 1);
}

static bool under_way(void)
{
	struct timespec none = { 0, 0 };
	struct io_event event;
	long n = syscall(SYS_io_getevents, ctx, 0, 1, &event, &none);

	NEED(n == 0); /* or the disk does not hold it back */
	return true;
}

static void complete(void)
{
	int release = open(getenv("RELEASE") ?: "", O_WRONLY);
	struct io_event event;

	NEED(release >= 0 && write(release, "r", 1) == 1 && close(release) == 0);
	NEED(syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) == 1);
	CHECK(event.res == SIZE);
}

/* Takes much memory, so that pages which were freed too early are in it. */
static void take_memory(unsigned char *p[64])
{
	for (int i = 0; i < 64; i++) {
		p[i] = prog_map(1 << 20);
		memset(p[i], 0x5a, 1 << 20);
	}
}

static void check_memory(unsigned char *p[64])
{
	for (int i = 0; i < 64; i++)
		CHECK(prog_filled(p[i], 1 << 20, 0x5a));
}

static void unmapped(void)
{
	unsigned char *p = prog_map(SIZE), *other[64];

	submit(p);
	CHECK(munmap(p, SIZE) == 0);
	take_memory(other);
	CHECK(under_way());
	complete();
	check_memory(other);
}

static void discarded(void)
{
	unsigned char *p = prog_map(SIZE), *other[64];

	memset(p, 1, SIZE);
	submit(p);
	CHECK(madvise(p, SIZE, MADV_DONTNEED) == 0);
	CHECK(prog_filled(p, SIZE, 0));
	take_memory(other);
	CHECK(under_way());
	complete();
	check_memory(other);
	CHECK(prog_filled(p, SIZE, 0));
}

static void replaced(void)
{
	unsigned char *p = prog_map(SIZE), *other[64];

	submit(p);
	CHECK(mmap(p, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == p);
	memset(p, 2, SIZE);
	take_memory(other);
	CHECK(under_way());
	complete();
	check_memory(other);
	CHECK(prog_filled(p, SIZE, 2));
}

static void moved(void)
{
	unsigned char *p = prog_map(SIZE), *q;

	submit(p);
	q = mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, prog_map(SIZE));
	CHECK(q != MAP_FAILED && under_way());
	complete();
	CHECK(shows_disk(q, SIZE));
}

static void protected(void)
{
	unsigned char *p = prog_map(SIZE);

	submit(p);
	CHECK(mprotect(p, SIZE, PROT_READ) == 0);
	CHECK(under_way());
	complete();
	CHECK(shows_disk(p, SIZE));
	CHECK(mprotect(p, SIZE, PROT_READ | PROT_WRITE) == 0);
	CHECK(shows_disk(p, SIZE));
}

static struct gate forked;

static void forked_child(void *arg)
{
	unsigned char *p = arg;

	CHECK(prog_filled(p, SIZE, 3)); /* a copy of before */
	memset(p, 4, SIZE);
	gate_await(forked);
	CHECK(prog_filled(p, SIZE, 4));
}

/* The parent has its read; what it writes beside it meanwhile stays too. */
static void forked_parent(void)
{
	unsigned char *p = prog_map(SIZE);
	pid_t pid;

	forked = gate_make();
	memset(p, 3, SIZE);
	submit(p);
	pid = prog_fork(forked_child, p);
	CHECK(under_way());
	complete();
	CHECK(shows_disk(p, SIZE));
	gate_open(forked);
	CHECK_EXIT(pid, 0);
	CHECK(shows_disk(p, SIZE));
}

/* Submits, says so, and waits to be killed. */
static void killed(void)
{
	submit(prog_map(SIZE));
	CHECK(under_way());
	say("ready");
	pause();
}

static const struct prog_case cases[] = {
	{ "round_trip", round_trip }, { "after_fork", after_fork }, { "prepare", prepare },
	{ "unmapped", unmapped },     { "discarded", discarded },   { "replaced", replaced },
	{ "moved", moved },	      { "protected", protected },   { "forked", forked_parent },
	{ "killed", killed },
};
PROG_MAIN(cases)
