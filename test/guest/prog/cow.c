/* SPDX-License-Identifier: GPL-2.0-only */
/* Copy-on-write: who sees which bytes after fork, whoever writes them, the program or Linux for it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

static struct gate to_child, to_parent;

static void gates(void)
{
	to_child = gate_make();
	to_parent = gate_make();
}

static void write_half(void *arg)
{
	char *p = arg;

	CHECK(prog_filled(p, 4 * PAGE, 'p'));
	memset(p + PAGE, 'c', 2 * PAGE);
	gate_open(to_parent);
	gate_await(to_child);
	CHECK(prog_filled(p, PAGE, 'p') && prog_filled(p + PAGE, 2 * PAGE, 'c'));
	CHECK(prog_filled(p + 3 * PAGE, PAGE, 'p'));
}

static void both_write(void)
{
	char *p = prog_map(4 * PAGE);
	pid_t pid;

	gates();
	memset(p, 'p', 4 * PAGE);
	pid = prog_fork(write_half, p);
	gate_await(to_parent);
	CHECK(prog_filled(p, 4 * PAGE, 'p'));
	memset(p, 'q', 4 * PAGE);
	gate_open(to_child);
	CHECK_EXIT(pid, 0);
	CHECK(prog_filled(p, 4 * PAGE, 'q'));
}

/* Fills 4 pages at p by one read(2) of a pipe. */
static void read_into(char *p, char byte)
{
	char bytes[4 * PAGE];
	int fd[2];

	memset(bytes, byte, sizeof(bytes));
	NEED(pipe(fd) == 0 && write(fd[1], bytes, sizeof(bytes)) == sizeof(bytes));
	CHECK(read(fd[0], p, sizeof(bytes)) == sizeof(bytes));
	close(fd[0]);
	close(fd[1]);
}

static void child_reads(void *arg)
{
	char *p = arg;

	gate_await(to_child);
	CHECK(prog_filled(p, 4 * PAGE, 'p'));
	read_into(p, 'c');
	gate_open(to_parent);
	gate_await(to_child);
	CHECK(prog_filled(p, 4 * PAGE, 'c'));
}

/* read(2) of parent and child into the same page, the parent first, then the child first. */
static void both_read(void)
{
	char *p = prog_map(4 * PAGE);
	pid_t pid;

	for (int lent = 0; lent < 2; lent++) {
		gates();
		if (lent)
			read_into(p, 'p'); /* Linux has these pages before the fork */
		else
			memset(p, 'p', 4 * PAGE);
		pid = prog_fork(child_reads, p);
		read_into(p, 'q');
		gate_open(to_child);
		gate_await(to_parent);
		CHECK(prog_filled(p, 4 * PAGE, 'q'));
		gate_open(to_child);
		CHECK_EXIT(pid, 0);
		CHECK(prog_filled(p, 4 * PAGE, 'q'));
	}
}

static void child_reads_first(void *arg)
{
	char *p = arg;

	read_into(p, 'c');
	gate_open(to_parent);
	gate_await(to_child);
	CHECK(prog_filled(p, 4 * PAGE, 'c'));
}

static void child_read_first(void)
{
	char *p = prog_map(4 * PAGE);
	pid_t pid;

	for (int lent = 0; lent < 2; lent++) {
		gates();
		if (lent)
			read_into(p, 'p');
		else
			memset(p, 'p', 4 * PAGE);
		pid = prog_fork(child_reads_first, p);
		gate_await(to_parent);
		CHECK(prog_filled(p, 4 * PAGE, 'p'));
		read_into(p, 'q');
		CHECK(prog_filled(p, 4 * PAGE, 'q'));
		gate_open(to_child);
		CHECK_EXIT(pid, 0);
		CHECK(prog_filled(p, 4 * PAGE, 'q'));
	}
}

/* Linux reads a page for write(2), then both sides change it. */
static void child_after_write(void *arg)
{
	char *p = arg, bytes[64];
	int fd[2];

	NEED(pipe(fd) == 0);
	CHECK(write(fd[1], p, 64) == 64 && read(fd[0], bytes, 64) == 64);
	CHECK(prog_filled(bytes, 64, 'p'));
	p[0] = 'c';
	CHECK(write(fd[1], p, 64) == 64 && read(fd[0], bytes, 64) == 64);
	CHECK(bytes[0] == 'c' && prog_filled(bytes + 1, 63, 'p'));
}

static void written_out(void)
{
	char *p = prog_map(PAGE), bytes[64];
	int fd[2];

	NEED(pipe(fd) == 0);
	memset(p, 'p', PAGE);
	for (int i = 0; i < 3; i++) {
		CHECK(write(fd[1], p, 64) == 64 && read(fd[0], bytes, 64) == 64);
		CHECK_EXIT(prog_fork(child_after_write, p), 0);
		CHECK(prog_filled(p, PAGE, 'p'));
		p[PAGE - 1] = 'q';
		CHECK(write(fd[1], p + PAGE - 64, 64) == 64 && read(fd[0], bytes, 64) == 64);
		CHECK(bytes[63] == 'q' && prog_filled(bytes, 63, 'p'));
		p[PAGE - 1] = 'p';
	}
}

struct generation {
	char *p;
	int left;
};

static void generation(void *arg)
{
	struct generation g = *(struct generation *)arg;
	char mine = 'a' + g.left;

	CHECK(prog_filled(g.p, PAGE, mine + 1) && prog_filled(g.p + PAGE, PAGE, 'z'));
	memset(g.p, mine, PAGE);
	if (g.left > 0) {
		g.left--;
		CHECK_EXIT(prog_fork(generation, &g), 0);
		g.left++;
	}
	CHECK(prog_filled(g.p, PAGE, mine) && prog_filled(g.p + PAGE, PAGE, 'z'));
}

static void generations(void)
{
	struct generation g = { prog_map(2 * PAGE), 5 };

	memset(g.p, 'a' + 6, PAGE);
	memset(g.p + PAGE, 'z', PAGE);
	CHECK_EXIT(prog_fork(generation, &g), 0);
	CHECK(prog_filled(g.p, PAGE, 'a' + 6));
}

#define LARGE (12UL << 20)

static void stripe(void *arg)
{
	unsigned char *p = arg;

	for (size_t i = 0; i < LARGE / PAGE; i++)
		CHECK(p[i * PAGE + 17] == (unsigned char)i);
	for (size_t i = 0; i < LARGE / PAGE; i += 3)
		p[i * PAGE + 17] = ~i;
	for (size_t i = 0; i < LARGE / PAGE; i++)
		CHECK(p[i * PAGE + 17] == (unsigned char)(i % 3 ? i : ~i));
}

/* Large pages are shared and broken apart too. */
static void large_pages(void)
{
	unsigned char *p = prog_map(LARGE);
	pid_t pid[3];

	for (size_t i = 0; i < LARGE / PAGE; i++)
		p[i * PAGE + 17] = i;
	for (int i = 0; i < 3; i++)
		pid[i] = prog_fork(stripe, p);
	for (int i = 0; i < 3; i++)
		CHECK_EXIT(pid[i], 0);
	for (size_t i = 0; i < LARGE / PAGE; i++)
		CHECK(p[i * PAGE + 17] == (unsigned char)i);
	for (size_t i = 0; i < LARGE / PAGE; i++)
		p[i * PAGE + 17] = i + 1;
	for (size_t i = 0; i < LARGE / PAGE; i++)
		CHECK(p[i * PAGE + 17] == (unsigned char)(i + 1));
}

static void shared_child(void *arg)
{
	char *p = arg;

	CHECK(prog_filled(p, PAGE, 's'));
	memset(p + PAGE, 'c', PAGE); /* touched by the child first */
	read_into(p + 2 * PAGE, 'r');
	p[0] = 'c';
}

/* Shared anonymous memory is one memory, for the program and for Linux. */
static void shared(void)
{
	char *p = prog_shared(6 * PAGE);

	memset(p, 's', PAGE);
	CHECK_EXIT(prog_fork(shared_child, p), 0);
	CHECK(p[0] == 'c' && prog_filled(p + 1, PAGE - 1, 's'));
	CHECK(prog_filled(p + PAGE, PAGE, 'c') && prog_filled(p + 2 * PAGE, 4 * PAGE, 'r'));
}

static void shared_grandchild(void *arg)
{
	char *p = arg;

	CHECK(p[0] == 2);
	p[0] = 3;
}

static void shared_middle(void *arg)
{
	char *p = arg;

	p[0] = 2;
	CHECK_EXIT(prog_fork(shared_grandchild, p), 0);
	CHECK(p[0] == 3);
	munmap(p, PAGE);
}

static void shared_generations(void)
{
	char *p = prog_shared(PAGE);

	p[0] = 1;
	CHECK_EXIT(prog_fork(shared_middle, p), 0);
	CHECK(p[0] == 3);
}

static char in_data[2 * PAGE] = "in the file";

static void change_everything(void *arg)
{
	char **at = arg;

	CHECK(strcmp(at[0], "on the stack") == 0 && strcmp(at[1], "in the heap") == 0);
	CHECK(strcmp(in_data, "in the file") == 0);
	strcpy(at[0], "changed");
	strcpy(at[1], "changed");
	strcpy(in_data, "changed");
}

static void stack_heap_data(void)
{
	char stack[64] = "on the stack", *at[2] = { stack, strdup("in the heap") };

	for (int i = 0; i < 3; i++)
		CHECK_EXIT(prog_fork(change_everything, at), 0);
	CHECK(strcmp(at[0], "on the stack") == 0 && strcmp(at[1], "in the heap") == 0);
	CHECK(strcmp(in_data, "in the file") == 0);
}

static void file_child(void *arg)
{
	unsigned char *p = arg;

	CHECK(p[0] == 1 && p[1] == prog_file_byte(1) && p[PAGE] == prog_file_byte(PAGE));
	p[0] = 2;
	p[PAGE] = 2;
	CHECK(p[0] == 2 && p[PAGE] == 2 && p[PAGE + 1] == prog_file_byte(PAGE + 1));
}

static void file_pages(void)
{
	int fd = prog_file(2 * PAGE);
	unsigned char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	NEED(p != MAP_FAILED);
	p[0] = 1;
	CHECK_EXIT(prog_fork(file_child, p), 0);
	CHECK(p[0] == 1 && p[PAGE] == prog_file_byte(PAGE));
	p[PAGE] = 3;
	CHECK(p[PAGE] == 3 && p[PAGE + 1] == prog_file_byte(PAGE + 1));
}

static void protected_child(void *arg)
{
	char *p = arg;

	CHECK(fault_is(fault_write(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK_FAILS(pipe((int *)p), EFAULT);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	p[0] = 'c';
	CHECK(p[0] == 'c' && p[1] == 'p');
}

/* Read-only memory that fork shares stays read-only, and is copied when it becomes writable. */
static void protected(void)
{
	char *p = prog_map(PAGE);

	memset(p, 'p', PAGE);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_EXIT(prog_fork(protected_child, p), 0);
	CHECK(fault_is(fault_write(p), SIGSEGV, SEGV_ACCERR, p));
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(prog_filled(p, PAGE, 'p'));
	p[0] = 'q';
	CHECK(p[0] == 'q' && prog_filled(p + 1, PAGE - 1, 'p'));
}

static void advised_child(void *arg)
{
	char *p = arg;

	CHECK(fault_is(fault_read(p + PAGE), SIGSEGV, SEGV_MAPERR, p + PAGE));
	CHECK(prog_filled(p, PAGE, 'p') && prog_filled(p + 2 * PAGE, PAGE, 0));
}

static void fork_advice(void)
{
	char *p = prog_map(3 * PAGE);

	memset(p, 'p', 3 * PAGE);
	CHECK(madvise(p + PAGE, PAGE, MADV_DONTFORK) == 0);
	CHECK(madvise(p + 2 * PAGE, PAGE, MADV_WIPEONFORK) == 0);
	CHECK_EXIT(prog_fork(advised_child, p), 0);
	CHECK(prog_filled(p, 3 * PAGE, 'p'));
}

static void discarding_child(void *arg)
{
	char *p = arg;

	CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0 && munmap(p + PAGE, PAGE) == 0);
	p = mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	NEED(p != MAP_FAILED);
	CHECK(prog_filled(p, PAGE, 'p') && prog_filled(p + PAGE, PAGE, 0));
	memset(p, 'c', 2 * PAGE);
}

/* The child's address space is its own. */
static void space_apart(void)
{
	char *p = prog_map(3 * PAGE);

	memset(p, 'p', 3 * PAGE);
	CHECK_EXIT(prog_fork(discarding_child, p), 0);
	CHECK(prog_filled(p, 3 * PAGE, 'p'));
}

static const struct prog_case cases[] = {
	{ "both_write", both_write },
	{ "both_read", both_read },
	{ "child_read_first", child_read_first },
	{ "written_out", written_out },
	{ "generations", generations },
	{ "large_pages", large_pages },
	{ "shared", shared },
	{ "shared_generations", shared_generations },
	{ "stack_heap_data", stack_heap_data },
	{ "file_pages", file_pages },
	{ "protected", protected },
	{ "fork_advice", fork_advice },
	{ "space_apart", space_apart },
};
PROG_MAIN(cases)
