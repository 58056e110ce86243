/* SPDX-License-Identifier: GPL-2.0-only */
/* System V segments: where they are attached, who sees them, and how they go. */
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "strange.h"

#define SIZE (3 * PAGE + 1000)
#define NOWHERE ((void *)-1)

static int id;

static void attached(const char *when)
{
	struct shmid_ds ds;

	NEED(shmctl(id, IPC_STAT, &ds) == 0);
	say("%s: attached %ld times, %zu bytes", when, (long)ds.shm_nattch, ds.shm_segsz);
}

static void byte_at(const char *p, long offset)
{
	struct fault f = fault_read(p + offset);

	say("byte %ld: signal %d, %d", offset, f.signo, f.signo ? 0 : p[offset]);
}

static char *seen;

static void child(void)
{
	attached("in a child");
	seen[1] = 'c';
	TRY(shmdt(seen));
	attached("detached in a child");
}

static void places(char *first)
{
	char *hole = mmap(NULL, 32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;

	NEED(hole != MAP_FAILED);
	TRY_AT(hole, shmat(id, hole, 0));
	TRY_AT(hole, shmat(id, hole + 1, 0));
	TRY_AT(hole, shmat(id, NULL, SHM_REMAP));
	at = TRY_AT(hole, shmat(id, hole + 4 * PAGE, SHM_REMAP));
	NEED(at != NOWHERE);
	byte_at(at, 0);
	byte_at(at, SIZE);
	byte_at(at, 4 * PAGE);
	NEED(munmap(hole + 10 * PAGE, 10 * PAGE) == 0);
	at = TRY_AT(hole, shmat(id, hole + 10 * PAGE + 5, SHM_RND | SHM_RDONLY));
	NEED(at != NOWHERE);
	say("read only: signal %d", fault_write(at).signo);
	attached("three times");
	/* In pieces it goes as a whole all the same. */
	NEED(munmap(at + PAGE, PAGE) == 0);
	attached("one in two pieces");
	TRY(shmdt(at));
	attached("that one gone");
	byte_at(at, 0);
	byte_at(at, 2 * PAGE);
	TRY(shmdt(at));
	TRY(shmdt(first + PAGE));
	TRY(shmdt(hole));
	TRY(shmdt(first + 1));
}

int main(void)
{
	char *p;

	TRY_AS("a segment", id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600));
	NEED(id >= 0);
	p = shmat(id, NULL, 0);
	TRY_AS("attach", p == NOWHERE ? -1 : 0);
	NEED(p != NOWHERE);
	p[0] = 'a';
	p[SIZE - 1] = 'z';
	attached("once");
	seen = shmat(id, NULL, 0);
	NEED(seen != NOWHERE);
	byte_at(seen, 0);
	byte_at(seen, SIZE - 1);
	apart("child", child);
	byte_at(p, 1);
	attached("after the child");
	places(p);
	TRY(shmctl(id, IPC_RMID, NULL));
	byte_at(p, 0);
	TRY_AS("attach what is to go", shmat(id, NULL, 0) == NOWHERE ? -1 : 0);
	TRY(shmat(-1, NULL, 0));
	prog_exit();
}
