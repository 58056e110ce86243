/* SPDX-License-Identifier: GPL-2.0-only */
/* madvise with every advice there is, on every kind of memory: the answer, and what is in the pages afterwards. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "strange.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGES 8

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define NAMED(n)             \
	{                    \
#n, MADV_##n \
	}
static const struct {
	const char *name;
	int advice;
} advices[] = {
	NAMED(NORMAL),		NAMED(RANDOM),	      NAMED(SEQUENTIAL),
	NAMED(WILLNEED),	NAMED(DONTNEED),      NAMED(FREE),
	NAMED(REMOVE),		NAMED(DONTFORK),      NAMED(DOFORK),
	NAMED(MERGEABLE),	NAMED(UNMERGEABLE),   NAMED(HUGEPAGE),
	NAMED(NOHUGEPAGE),	NAMED(DONTDUMP),      NAMED(DODUMP),
	NAMED(WIPEONFORK),	NAMED(KEEPONFORK),    NAMED(COLD),
	NAMED(PAGEOUT),		NAMED(POPULATE_READ), NAMED(POPULATE_WRITE),
	NAMED(DONTNEED_LOCKED), NAMED(COLLAPSE),      { "5", 5 },
	{ "26", 26 },		{ "-1", -1 },	      { "HWPOISON of nothing", 0x7fffffff },
};

enum kind {
	PRIVATE,
	READ_ONLY,
	NO_ACCESS,
	SHARED,
	SHARED_READ,
	FILE_PRIVATE,
	FILE_SHARED,
	FILE_READ,
	LOCKED,
	KINDS
};
static const char *const kinds[] = {
	"private",
	"read only",
	"no access",
	"shared",
	"shared, read only",
	"private file",
	"shared file",
	"shared file, read only",
	"locked",
};

static int file;

static char *make(enum kind kind)
{
	const size_t size = PAGES * PAGE;
	bool of_file = kind >= FILE_PRIVATE && kind <= FILE_READ;
	bool shared = kind == SHARED || kind == SHARED_READ || kind == FILE_SHARED ||
		      kind == FILE_READ;
	char *p = mmap(NULL, size, RW,
		       (shared ? MAP_SHARED : MAP_PRIVATE) | (of_file ? 0 : MAP_ANONYMOUS),
		       of_file ? file : -1, 0);

	NEED(p != MAP_FAILED);
	for (int i = 0; i < PAGES; i += 2)
		p[i * PAGE] = 'w';
	if (kind == READ_ONLY || kind == SHARED_READ || kind == FILE_READ)
		NEED(mprotect(p, size, PROT_READ) == 0);
	if (kind == NO_ACCESS)
		NEED(mprotect(p, size, PROT_NONE) == 0);
	if (kind == LOCKED)
		NEED(mlock(p, size) == 0);
	return p;
}

/* One letter a page: what is in it. */
static void contents(const char *what, char *p)
{
	char text[PAGES + 1] = "";

	for (int i = 0; i < PAGES; i++) {
		char c;
		struct {
			void *base;
			size_t len;
		} l = { &c, 1 }, r = { p + i * PAGE, 1 };

		if (syscall(SYS_process_vm_readv, getpid(), &l, 1UL, &r, 1UL, 0UL) != 1)
			text[i] = '!';
		else
			text[i] = c ? c : '0';
	}
	say("%s: %s", what, text);
}

/* What may be done at any time, as MADV_FREE, is not looked at here. */
static void answers(enum kind kind)
{
	char name[80];

	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		char *p = make(kind);

		snprintf(name, sizeof(name), "%s, %s", kinds[kind], advices[i].name);
		TRY_AS(name, madvise(p + PAGE, 4 * PAGE, advices[i].advice));
		if (kind != NO_ACCESS && advices[i].advice != MADV_FREE)
			contents(name, p);
		munmap(p, PAGES * PAGE);
		NEED(pwrite(file, "fffffff", 7, 0) == 7);
	}
}

/* What a child finds. */
static void forked(int advice, int undo)
{
	char *p = make(PRIVATE);
	char name[40];
	pid_t pid;

	TRY_AS("of all", madvise(p, PAGES * PAGE, advice));
	if (undo)
		TRY_AS("undone for some", madvise(p + 2 * PAGE, 3 * PAGE, undo));
	pid = fork();
	if (pid == 0) {
		snprintf(name, sizeof(name), "advice %d, in a child", advice);
		contents(name, p);
		pid = fork();
		if (pid == 0) {
			contents("and in its child", p);
			_exit(0);
		}
		_exit(prog_wait(pid));
	}
	NEED(prog_wait(pid) == 0);
	contents("in its parent", p);
	munmap(p, PAGES * PAGE);
}

/* A hole that a child makes in shared memory is one for all. */
static void punched(void)
{
	char *p = make(SHARED), *again = mremap(p, 0, PAGES * PAGE, MREMAP_MAYMOVE);
	pid_t pid;

	NEED(again != MAP_FAILED);
	contents("before", again);
	pid = fork();
	if (pid == 0) {
		TRY(madvise(p + 2 * PAGE, 3 * PAGE, MADV_REMOVE));
		contents("in a child", p);
		p[2 * PAGE] = 'n';
		_exit(0);
	}
	NEED(prog_wait(pid) == 0);
	contents("here", p);
	contents("where it is mapped again", again);
	p[4 * PAGE] = 'm';
	contents("and written to", again);
}

static void ranges(void)
{
	char *p = make(PRIVATE);

	TRY(madvise(p + 1, PAGE, MADV_DONTNEED));
	TRY(madvise(p, 0, MADV_DONTNEED));
	TRY(madvise(p, 0, 77));
	TRY(madvise(p, -1UL, MADV_DONTNEED));
	TRY(madvise(p, (size_t)-PAGE, MADV_DONTNEED));
	TRY(madvise((void *)-PAGE, PAGE, MADV_DONTNEED));
	TRY(madvise(NULL, PAGE, MADV_NORMAL));
	munmap(p + 3 * PAGE, PAGE);
	TRY(madvise(p, PAGES * PAGE, MADV_POPULATE_READ));
	TRY(madvise(p, PAGES * PAGE, MADV_POPULATE_WRITE));
	TRY(madvise(p, PAGES * PAGE, MADV_DONTNEED));
	contents("on both sides of a hole", p);
	TRY(madvise(p, PAGES * PAGE, MADV_COLLAPSE));
	TRY(madvise(p, PAGES * PAGE, MADV_PAGEOUT));
}

/* Whether pages are there, by mincore, one letter each. */
static void resident(const char *what, char *p)
{
	unsigned char there[PAGES];
	char text[PAGES + 1] = "";

	NEED(mincore(p, PAGES * PAGE, there) == 0);
	for (int i = 0; i < PAGES; i++)
		text[i] = there[i] & 1 ? '1' : '0';
	say("%s: %s", what, text);
}

static void presence(void)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, ANON, -1, 0);

	NEED(madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE) == 0 || errno == EINVAL);
	resident("nothing touched", p);
	TRY(madvise(p, 2 * PAGE, MADV_POPULATE_WRITE));
	TRY(madvise(p + 1 * PAGE, 7 * PAGE, MADV_DONTNEED));
	resident("one taken", p);
	TRY(madvise(p + 4 * PAGE, 2 * PAGE, MADV_WILLNEED));
	resident("two wanted", p);
	TRY(mincore(p + 1, PAGE, (void *)p));
	TRY(mincore(p, PAGE, NULL));
	TRY(mincore(p, 0, NULL));
	munmap(p + 6 * PAGE, PAGE);
	TRY(mincore(p, PAGES * PAGE, (void *)(p + 7 * PAGE)));
	TRY(mincore(p, -1UL, (void *)p));
}

int main(void)
{
	file = memfd_create("file", 0);
	NEED(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
	for (int i = 0; i < PAGES; i++)
		NEED(pwrite(file, "f", 1, i * PAGE) == 1);
	for (enum kind k = 0; k < KINDS; k++)
		answers(k);
	forked(MADV_DONTFORK, MADV_DOFORK);
	forked(MADV_WIPEONFORK, MADV_KEEPONFORK);
	forked(MADV_WIPEONFORK, 0);
	punched();
	ranges();
	presence();
	return 0;
}
