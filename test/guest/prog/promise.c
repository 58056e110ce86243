/* SPDX-License-Identifier: GPL-2.0-only */
/* How much memory is promised: what Linux's overcommit modes decide, in parts of the memory that there is. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prog.h"

#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)

static size_t memory;

static size_t part(unsigned int percent)
{
	return memory / 100 * percent / PAGE * PAGE;
}

static const char *outcome(bool good)
{
	return good ? "yes" : strerror(errno);
}

static void *map(size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0);
}

static void maps(void)
{
	static const struct {
		const char *name;
		int prot, flags;
	} kind[] = {
		{ "private", RW, MAP_PRIVATE },
		{ "private, no reserve", RW, MAP_PRIVATE | MAP_NORESERVE },
		{ "private, to be read", PROT_READ, MAP_PRIVATE },
		{ "private, grows down", RW, MAP_PRIVATE | MAP_GROWSDOWN },
		{ "shared", RW, MAP_SHARED },
		{ "shared, no reserve", RW, MAP_SHARED | MAP_NORESERVE },
		{ "shared, to be read", PROT_READ, MAP_SHARED },
	};
	static const unsigned int percent[] = { 25, 50, 150, 1000 };

	for (size_t k = 0; k < sizeof(kind) / sizeof(*kind); k++)
		for (size_t i = 0; i < 4; i++) {
			void *p = map(part(percent[i]), kind[k].prot, kind[k].flags);

			say("%s, %u %%: %s", kind[k].name, percent[i], outcome(p != MAP_FAILED));
			if (p != MAP_FAILED)
				NEED(munmap(p, part(percent[i])) == 0);
		}
}

/* What is there already is asked for again, or given back first. */
static void again(void)
{
	char *p = map(part(60), RW, MAP_PRIVATE), *q;

	say("60 %%: %s", outcome(p != MAP_FAILED));
	q = map(part(60), RW, MAP_PRIVATE);
	say("60 %% more: %s", outcome(q != MAP_FAILED));
	if (q != MAP_FAILED)
		NEED(munmap(q, part(60)) == 0);
	q = mmap(p, part(60), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("in its place: %s", outcome(q != MAP_FAILED));
	q = mmap(p, part(60), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("shared, in its place: %s", outcome(q != MAP_FAILED));
	NEED(munmap(p, part(60)) == 0);
	p = map(part(60), RW, MAP_PRIVATE);
	say("when it has gone: %s", outcome(p != MAP_FAILED));
	/* Half of it, half of the promise. */
	NEED(munmap(p, part(30)) == 0);
	q = map(part(30), RW, MAP_PRIVATE);
	say("30 %% when half has gone: %s", outcome(q != MAP_FAILED));
	NEED(munmap(p + part(30), part(60) - part(30)) == 0 && munmap(q, part(30)) == 0);
}

static void protections(void)
{
	char *p = map(part(150), PROT_NONE, MAP_PRIVATE), *q;

	NEED(p != MAP_FAILED);
	say("25 %% of a reservation: %s", outcome(mprotect(p, part(25), RW) == 0));
	say("all of it: %s", outcome(mprotect(p, part(150), RW) == 0));
	/* It stays promised when it cannot be written to any more. */
	say("again not: %s", outcome(mprotect(p, part(25), PROT_READ) == 0));
	q = map(part(60), RW, MAP_PRIVATE);
	say("60 %% beside it: %s", outcome(q != MAP_FAILED));
	NEED(munmap(p, part(150)) == 0 && (q == MAP_FAILED || munmap(q, part(60)) == 0));
}

static void growth(void)
{
	char *p = map(part(25), RW, MAP_PRIVATE);

	NEED(p != MAP_FAILED);
	p = mremap(p, part(25), part(50), MREMAP_MAYMOVE);
	say("mremap from 25 to 50 %%: %s", outcome(p != MAP_FAILED));
	say("from 50 to 150 %%: %s",
	    outcome(mremap(p, part(50), part(150), MREMAP_MAYMOVE) != MAP_FAILED));
	say("break by 10 %%: %s", outcome(sbrk(part(10)) != (void *)-1));
	say("break by 150 %%: %s", outcome(sbrk(part(150)) != (void *)-1));
}

static void fork_with(const char *what, int flags)
{
	size_t size = part(60);
	char *p = map(size, RW, flags);
	pid_t pid;

	NEED(p != MAP_FAILED);
	for (size_t at = 0; at < size; at += 32 * MIB)
		p[at] = 1;
	pid = fork();
	if (pid == 0)
		_exit(p[0] == 1 ? 0 : 1);
	say("fork with 60 %% that is %s: %s", what, outcome(pid > 0));
	if (pid > 0)
		CHECK_EXIT(pid, 0);
	NEED(munmap(p, size) == 0);
}

static void forks(void)
{
	fork_with("private", MAP_PRIVATE);
	fork_with("shared", MAP_SHARED);
	fork_with("private, no reserve", MAP_PRIVATE | MAP_NORESERVE);
}

int main(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	memory = (info.totalram + info.totalswap) * info.mem_unit;
	maps();
	again();
	forks();
	protections();
	growth();
	prog_exit();
}
