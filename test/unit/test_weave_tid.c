// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child's tid in memory that it shares with its parent, by
 * mckernel/syscall/tid_store.c: it is there when clone returns and when the child
 * runs, and the child's end, which clears the word, is the last to write it.
 */
#include "syscall/tid_store.h"
#include "mck/mm.h"
#include "mck/task.h"

#include "weave.h"

#define TID 4711

static u32 word;
static bool ended; /* the child has cleared it */
static struct tid_store *store;
static struct thread threads[2];
static struct cpu cpus[2];

void *kzalloc(size_t size)
{
	return weave_alloc(size);
}

void kfree(void *p)
{
	weave_free(p);
}

int copy_to_user(u64 addr, const void *from, size_t size)
{
	(void)size;
	weave_step((void *)addr, true);
	*(u32 *)addr = *(const u32 *)from;
	weave_changed();
	return 0;
}

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	(void)interruptible;
	while (!cond(arg))
		weave_wait_change(WEAVE_BLOCKED, weave_look());
	return 0;
}

void wake_cpu(u32 place)
{
	(void)place;
	weave_changed();
}

struct cpu *this_cpu(void)
{
	return &cpus[weave_self() > 0];
}

static void prepare(void)
{
	for (u32 i = 0; i < 2; i++) {
		threads[i].cpu = i;
		cpus[i].current = &threads[i];
	}
}

static void setup(void)
{
	word = 0;
	ended = false;
	store = tid_store_new((u64)&word);
	tid_store_get(store);
}

static void parent(void)
{
	tid_store(store, TID);
	weave_assert(word == TID || ended);
	tid_store_put(store);
}

static void child(void)
{
	tid_store(store, TID);
	tid_store_put(store);
	weave_assert(word == TID);
	weave_step(&word, true);
	ended = true;
	word = 0;
	weave_changed();
}

/* A parent that is killed in its clone leaves it to the child. */
static void killed(void)
{
	tid_store_put(store);
}

static void check(void)
{
	weave_assert(word == 0);
}

static const struct weave_case cases[] = {
	{ "both go on", prepare, setup, { parent, child }, check, 4 },
	{ "the parent is killed", prepare, setup, { killed, child }, check, 4 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
