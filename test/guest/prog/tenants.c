/* SPDX-License-Identifier: GPL-2.0-only */
/* One address space, changed and used by many threads at once: contents, and no stale translation. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define THREADS 6

/* TENANTS times as often. */
static int times(int count)
{
	const char *more = getenv("TENANTS");

	return more ? count * atoi(more) : count;
}

static void together(void *(*const body[])(void *), int count)
{
	pthread_t thread[THREADS];

	for (long i = 0; i < count; i++)
		NEED(pthread_create(&thread[i], NULL, body[i], (void *)i) == 0);
	for (int i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

static void all_do(void *(*body)(void *))
{
	void *(*bodies[THREADS])(void *);

	for (int i = 0; i < THREADS; i++)
		bodies[i] = body;
	together(bodies, THREADS);
}

/* First touch of the same pages by all: each page is zero once, and nobody's byte is lost. */
#define TOUCHED 512
static unsigned char *touched;

static void *touch_all(void *arg)
{
	long me = (long)arg;

	for (long i = 0; i < TOUCHED; i++) {
		/* From both ends, so that they meet. */
		long page = me % 2 ? TOUCHED - 1 - i : i;

		CHECK(touched[page * PAGE + me] == 0);
		touched[page * PAGE + me] = me + 1;
	}
	return NULL;
}

static void touches(void)
{
	for (int n = 0; n < times(6); n++) {
		touched = prog_map(TOUCHED * PAGE);
		if (n % 2)
			NEED(madvise(touched, TOUCHED * PAGE, MADV_NOHUGEPAGE) == 0);
		all_do(touch_all);
		for (long i = 0; i < TOUCHED * THREADS; i++)
			NEED(touched[i / THREADS * PAGE + i % THREADS] == i % THREADS + 1);
		munmap(touched, TOUCHED * PAGE);
	}
}

/* Everybody maps, fills, protects, moves, drops and unmaps memory of his own. */
static void *keep_house(void *arg)
{
	unsigned int seed = (long)arg;

	for (int n = 0; n < times(60); n++) {
		size_t pages = 1 + rand_r(&seed) % 40;
		unsigned char mark = n * THREADS + (long)arg;
		unsigned char *p = prog_map(pages * PAGE);

		CHECK(prog_filled(p, pages * PAGE, 0));
		memset(p, mark, pages * PAGE);
		CHECK(mprotect(p, pages * PAGE, PROT_READ) == 0);
		CHECK(prog_filled(p, pages * PAGE, mark));
		CHECK(mprotect(p, pages * PAGE, PROT_READ | PROT_WRITE) == 0);
		p = mremap(p, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
		NEED(p != MAP_FAILED);
		CHECK(prog_filled(p, pages * PAGE, mark));
		CHECK(prog_filled(p + pages * PAGE, pages * PAGE, 0));
		CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0);
		CHECK(prog_filled(p, PAGE, 0));
		CHECK(pages == 1 || p[PAGE] == mark);
		CHECK(munmap(p, 2 * pages * PAGE) == 0);
	}
	return NULL;
}

static void houses(void)
{
	all_do(keep_house);
}

/* malloc and free, whose arenas grow and shrink by brk and mmap. */
static void *allocate(void *arg)
{
	unsigned int seed = 77 + (long)arg;
	struct {
		unsigned char *p;
		size_t size;
		unsigned char mark;
	} have[16] = { 0 };

	for (int n = 0; n < times(1500); n++) {
		int i = rand_r(&seed) % 16;

		CHECK(prog_filled(have[i].p, have[i].size, have[i].mark));
		free(have[i].p);
		have[i].size = 1 + rand_r(&seed) % (n % 50 ? 3000 : 300000);
		have[i].mark = n;
		have[i].p = malloc(have[i].size);
		NEED(have[i].p);
		memset(have[i].p, have[i].mark, have[i].size);
	}
	return NULL;
}

static void allocators(void)
{
	all_do(allocate);
}

static volatile int over;

static void *move_break(void *arg)
{
	while (!over) {
		char *p = sbrk(3 * PAGE);

		NEED(p != (void *)-1);
		p[2 * PAGE] = 1;
		NEED(sbrk(-3 * (long)PAGE) != (void *)-1);
	}
	return arg;
}

/*
 * A page is replaced by another while others read it: they see the one or the
 * other, and once mmap has returned only the new one.
 */
static volatile int *replaced;
static volatile int generation; /* all pages from this one on */

static void *replace(void *arg)
{
	for (int n = 1; n <= times(400); n++) {
		int *fresh = prog_map(PAGE);

		*fresh = n;
		NEED(mremap(fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, replaced) ==
		     replaced);
		__atomic_store_n(&generation, n, __ATOMIC_SEQ_CST);
	}
	over = 1;
	return arg;
}

static __thread sigjmp_buf gap;

static void in_gap(int signo)
{
	(void)signo;
	siglongjmp(gap, 1);
}

/* Between the old page and the new one there is none. */
static void *look(void *arg)
{
	while (!over) {
		int oldest = __atomic_load_n(&generation, __ATOMIC_SEQ_CST);

		if (sigsetjmp(gap, 1) == 0)
			CHECK(*replaced >= oldest);
	}
	return arg;
}

static void stale_pages(void)
{
	void *(*const body[])(void *) = { replace, look, look, look, move_break };

	over = 0;
	signal(SIGSEGV, in_gap);
	replaced = prog_map(PAGE);
	together(body, 5);
}

/* After mprotect has returned, nobody writes; after madvise, nobody sees the old. */
static volatile unsigned long *guarded;

static void *forbid(void *arg)
{
	for (int n = 0; n < times(300); n++) {
		unsigned long before;

		NEED(mprotect((void *)guarded, PAGE, PROT_READ) == 0);
		before = guarded[0];
		for (volatile int i = 0; i < 2000; i++)
			;
		CHECK(guarded[0] == before);
		NEED(mprotect((void *)guarded, PAGE, PROT_READ | PROT_WRITE) == 0);
		NEED(madvise((void *)guarded, PAGE, MADV_DONTNEED) == 0);
		/* The others count on, from zero. */
		CHECK(guarded[1] == 0);
	}
	over = 1;
	return arg;
}

static void *write_on(void *arg)
{
	while (!over) {
		if (sigsetjmp(gap, 1) == 0)
			for (;;) {
				__atomic_add_fetch(&guarded[0], 1, __ATOMIC_SEQ_CST);
				if (over)
					break;
			}
	}
	return arg;
}

static void stale_rights(void)
{
	void *(*const body[])(void *) = { forbid, write_on, write_on, write_on };

	over = 0;
	signal(SIGSEGV, in_gap);
	guarded = prog_map(PAGE);
	together(body, 4);
}

/*
 * Linux reads and writes the memory that threads map, share out and drop, and
 * forks copy it meanwhile.
 */
static void *transfer(void *arg)
{
	unsigned char mark = 0x40 + (long)arg;
	unsigned char *p;
	int fd[2];

	NEED(pipe(fd) == 0);
	for (int n = 0; n < times(60); n++) {
		p = prog_map(4 * PAGE);
		memset(p, mark + n, 4 * PAGE);
		CHECK(write(fd[1], p, 4 * PAGE) == 4 * (long)PAGE);
		NEED(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
		CHECK(read(fd[0], p, 4 * PAGE) == 4 * (long)PAGE);
		CHECK(prog_filled(p, 4 * PAGE, mark + n));
		CHECK(mprotect(p, PAGE, PROT_READ) == 0);
		CHECK(write(fd[1], p, PAGE) == (long)PAGE);
		CHECK_FAILS(read(fd[0], p, 1), EFAULT);
		CHECK(munmap(p, PAGE) == 0);
		CHECK(read(fd[0], p + PAGE, PAGE) == (long)PAGE);
		CHECK(prog_filled(p + PAGE, 3 * PAGE, mark + n));
		CHECK(munmap(p + PAGE, 3 * PAGE) == 0);
	}
	close(fd[0]);
	close(fd[1]);
	__atomic_add_fetch(&over, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *copy(void *arg)
{
	unsigned long *p = prog_map(64 * PAGE);

	for (unsigned long n = 1; over < 4; n++) {
		pid_t pid;

		for (int i = 0; i < 64; i++)
			p[i * PAGE / 8] = n;
		pid = fork();
		NEED(pid >= 0);
		if (pid == 0) {
			for (int i = 0; i < 64; i++)
				CHECK(p[i * PAGE / 8] == n);
			p[0] = 0;
			prog_exit();
		}
		for (int i = 0; i < 64; i++)
			p[i * PAGE / 8] = n + 1000;
		CHECK_EXIT(pid, 0);
	}
	return arg;
}

static void transfers(void)
{
	void *(*const body[])(void *) = { transfer, transfer, transfer, transfer, copy };

	over = 0;
	together(body, 5);
}

/* Files are read into memory that a sibling replaces and forbids: all, a part, or EFAULT. */
#define WINDOW (64 * (long)PAGE)
static unsigned char *window;

static void *read_file(void *arg)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	NEED(fd >= 0);
	for (int n = 0; n < times(60); n++) {
		ssize_t got = pread(fd, window, WINDOW, 0);

		CHECK((got > 0 && got <= WINDOW) || (got == -1 && errno == EFAULT));
	}
	close(fd);
	__atomic_add_fetch(&over, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *change_window(void *arg)
{
	const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	for (long n = 0; over < 4; n++) {
		unsigned char *p = window + n % 50 * PAGE;

		NEED(mprotect(p, 8 * PAGE, PROT_NONE) == 0);
		NEED(mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
		NEED(madvise(p, 8 * PAGE, MADV_DONTNEED) == 0);
		NEED(mmap(p, 8 * PAGE, PROT_READ | PROT_WRITE, fixed, -1, 0) == p);
	}
	return arg;
}

static void readers(void)
{
	void *(*const body[])(void *) = { read_file, read_file, read_file, read_file,
					  change_window };

	over = 0;
	window = prog_map(WINDOW);
	together(body, 5);
}

static const struct prog_case cases[] = {
	{ "touches", touches },		  { "houses", houses },
	{ "allocators", allocators },	  { "stale_pages", stale_pages },
	{ "stale_rights", stale_rights }, { "transfers", transfers },
	{ "readers", readers },
};
PROG_MAIN(cases)
