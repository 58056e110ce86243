/* SPDX-License-Identifier: GPL-2.0-only */
/* Random changes of memory by several processes and by Linux, against a simple model of what each byte is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm_linux.h"
#include "mm_world.h"
#include "mck/sysnr.h"

#define PROCESSES 4
#define BASE 0x400000000UL
#define PAGES 2048U /* of the playground: four large leaves */
#define HOLDS 8
#define FILE_ID 7UL
#define FILE_PAGES 900U

/* What a process's page must be. */
enum kind { HOLE, ANON, FILE_PRIVATE, SHARED, MIRROR };
struct page {
	u8 kind, prot, byte;
	u32 object; /* SHARED, MIRROR: which, and the page in it */
	u32 index; /* SHARED, MIRROR and FILE */
};
static struct process_model {
	struct space *space;
	struct page page[PAGES];
} process[PROCESSES];

#define OBJECTS 64
static u8 shared_byte[OBJECTS][PAGES];
static u32 objects;

/* Linux's references, and what their pages must hold. */
static struct held {
	u64 pa;
	u8 byte;
	bool write;
	int owner; /* process and page while it is mapped there and written by Linux; -1: gone */
	u32 at;
} held[HOLDS];

/* The change under way: what Linux sees in its range is not settled. */
static struct {
	int who, child;
	u32 first, count, to;
} change;

static u64 seed;
static struct file *the_file;

static u32 below(u32 n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(seed >> 33) % n;
}

static u8 *model_byte(struct process_model *p, u32 i)
{
	struct page *g = &p->page[i];

	if (g->kind == MIRROR)
		return linux_mm_object(g->object, g->index);
	return g->kind == SHARED ? &shared_byte[g->object][g->index] : &g->byte;
}

static u64 address(u32 i)
{
	return BASE + i * PAGE_SIZE;
}

/* A range, often with the borders of large leaves. */
static void range(u32 *first, u32 *count)
{
	switch (below(4)) {
	case 0:
		*first = below(PAGES / 512) * 512;
		*count = 512 * (1 + below(PAGES / 512 - *first / 512));
		break;
	case 1:
		*first = below(PAGES);
		*count = 1 + below(PAGES - *first);
		break;
	default:
		*first = below(PAGES);
		*count = 1 + below(MIN(PAGES - *first, 40));
	}
}

/* Linux's hold of a page that the process lets go: the page is nobody's, and keeps its bytes. */
static void disown(int owner, u32 first, u32 count)
{
	for (u32 h = 0; h < HOLDS; h++)
		if (held[h].pa && held[h].owner == owner && held[h].at >= first &&
		    held[h].at < first + count)
			held[h].owner = -1;
}

static void do_map(int who, u32 first, u32 count)
{
	static const u8 prots[] = { 3, 3, 3, 1, 7, 0 };
	struct process_model *p = &process[who];
	u8 prot = prots[below(sizeof(prots))];
	struct map_args a = { .addr = address(first),
			      .length = count * PAGE_SIZE,
			      .prot = prot,
			      .max_prot = 7,
			      .fixed = true };
	enum kind kind = ANON;
	u32 pgoff = 0;

	if (!below(6) && objects < OBJECTS) {
		kind = SHARED;
		a.shm = shmobj_create(count);
		assert_non_null(a.shm);
		memset(shared_byte[objects], 0, PAGES);
	} else if (!below(4) && count <= FILE_PAGES) {
		kind = FILE_PRIVATE;
		pgoff = below(FILE_PAGES - count + 1);
		a.file = the_file;
		a.pgoff = pgoff;
		file_get(the_file);
	}
	assert_int_equal(space_map(p->space, &a), a.addr);
	disown(who, first, count);
	for (u32 i = first; i < first + count; i++) {
		struct page *g = &p->page[i];

		*g = (struct page){ kind, prot, 0, objects, i - first + pgoff };
		if (kind == FILE_PRIVATE)
			g->byte = file_byte(FILE_ID, g->index);
	}
	if (kind == SHARED)
		objects++;
}

/* What is Linux's. */
static void do_mirror(int who, u32 first, u32 count)
{
	struct process_model *p = &process[who];
	u8 prot = below(3) ? PROT_READ | PROT_WRITE : PROT_READ;
	u32 object = below(LINUX_OBJECTS), index;
	struct map_args a = { .addr = address(first), .prot = prot, .max_prot = 7, .fixed = true };
	struct mirror_call call = { .nr = NR_mmap, .arg = { 0, 0, prot, MAP_FIXED, object } };

	count = MIN(count, LINUX_PAGES);
	index = below(LINUX_PAGES - count + 1);
	a.length = call.arg[1] = count * PAGE_SIZE;
	a.pgoff = index;
	call.arg[5] = index * PAGE_SIZE;
	assert_int_equal(space_mirror(p->space, &a, &call, PAGE_SIZE), a.addr);
	disown(who, first, count);
	for (u32 i = 0; i < count; i++)
		p->page[first + i] = (struct page){ MIRROR, prot, 0, object, index + i };
}

static bool is_shared(const struct page *g)
{
	return g->kind == SHARED || g->kind == MIRROR;
}

static void do_unmap(int who, u32 first, u32 count)
{
	assert_int_equal(space_unmap(process[who].space, address(first), address(first + count)),
			 0);
	disown(who, first, count);
	memset(&process[who].page[first], 0, count * sizeof(struct page));
}

static void do_protect(int who, u32 first, u32 count)
{
	static const u8 prots[] = { 0, 1, 3, 3, 5, 7 };
	struct process_model *p = &process[who];
	u8 prot = prots[below(sizeof(prots))];
	int err = space_protect(p->space, address(first), address(first + count), prot);
	u32 i = first;

	for (; i < first + count && p->page[i].kind; i++)
		p->page[i].prot = prot;
	assert_int_equal(err, i < first + count ? -ENOMEM : 0);
}

static void do_discard(int who, u32 first, u32 count)
{
	struct process_model *p = &process[who];

	assert_int_equal(space_discard(p->space, address(first), address(first + count)), 0);
	disown(who, first, count);
	for (u32 i = first; i < first + count; i++) {
		struct page *g = &p->page[i];

		if (!is_shared(g))
			g->byte = g->kind == FILE_PRIVATE ? file_byte(FILE_ID, g->index) : 0;
	}
}

static bool alike(const struct process_model *p, u32 first, u32 count)
{
	const struct page *a = &p->page[first];

	for (u32 i = 0; i < count; i++) {
		const struct page *b = &p->page[first + i];

		if (b->kind != a->kind || b->prot != a->prot || b->object != a->object ||
		    (b->kind != ANON && b->index != a->index + i) || !b->kind)
			return false;
	}
	return true;
}

static void do_move(int who, u32 first, u32 count)
{
	struct process_model *p = &process[who];
	u32 to = below(PAGES - count + 1);
	u32 flags = MREMAP_FIXED | MREMAP_MAYMOVE;
	struct page old[PAGES];
	s64 ret;

	change.to = to;
	if (below(2))
		change.to = to = ALIGN_DOWN(to, 512U) + first % 512;
	if (to + count > PAGES || (to < first + count && first < to + count))
		return;
	if (!below(4))
		flags |= MREMAP_DONTUNMAP;
	if (!alike(p, first, count))
		return;
	ret = space_remap(p->space, address(first), count * PAGE_SIZE, count * PAGE_SIZE, flags,
			  address(to));
	/* Pieces of one mapping made separately need not be one region. */
	if (ret == -EFAULT)
		return;
	assert_int_equal(ret, address(to));
	disown(who, to, count);
	for (u32 h = 0; h < HOLDS; h++)
		if (held[h].pa && held[h].owner == who && held[h].at >= first &&
		    held[h].at < first + count)
			held[h].at += to - first;
	memcpy(old, &p->page[first], count * sizeof(old[0]));
	for (u32 i = 0; i < count; i++) {
		struct page *g = &p->page[first + i];

		if (!(flags & MREMAP_DONTUNMAP))
			memset(g, 0, sizeof(*g));
		else if (!is_shared(g))
			g->byte = g->kind == FILE_PRIVATE ? file_byte(FILE_ID, g->index) : 0;
	}
	memcpy(&p->page[to], old, count * sizeof(old[0]));
}

static void check_read(int who, u32 i, bool by_linux)
{
	struct process_model *p = &process[who];
	bool allowed = p->page[i].kind && p->page[i].prot;
	u64 va = address(i) + below(PAGE_SIZE);
	u8 byte = 0;
	bool got;

	/* Only the first byte is ever written; the others are what the page began with. */
	va = address(i);
	got = by_linux ? linux_read(p->space, va, &byte) == 0
		       : user_read(p->space, va, &byte) == FR_OK;
	assert_int_equal(got, allowed);
	if (got)
		assert_int_equal(byte, *model_byte(p, i));
}

static void held_sees(int who, u32 i, u8 byte)
{
	for (u32 h = 0; h < HOLDS; h++)
		if (held[h].pa && held[h].owner == who && held[h].at == i)
			held[h].byte = byte;
}

static void do_write(int who, u32 i, bool by_linux)
{
	struct process_model *p = &process[who];
	bool allowed = p->page[i].kind && (p->page[i].prot & PROT_WRITE);
	u8 byte = (u8)(1 + below(255));
	bool done;

	done = by_linux ? linux_write(p->space, address(i), byte) == 0
			: user_write(p->space, address(i), byte) == FR_OK;
	assert_int_equal(done, allowed);
	if (!done)
		return;
	*model_byte(p, i) = byte;
	held_sees(who, i, byte);
}

static void model_drop(int who)
{
	struct space *s = process[who].space;

	process[who].space = NULL;
	linux_mm_exit(s);
	space_put(s);
	disown(who, 0, PAGES);
	memset(&process[who], 0, sizeof(process[who]));
}

static void do_fork(int who)
{
	int child = (int)below(PROCESSES);
	struct space *born;

	if (child == who)
		return;
	if (process[child].space) {
		change.who = child;
		change.first = 0;
		change.count = PAGES;
		model_drop(child);
		change.who = who;
	}
	born = world_space();
	change.child = child;
	change.first = 0;
	change.count = PAGES;
	assert_int_equal(space_fork(process[who].space, born), 0);
	linux_mm_fork(process[who].space, born);
	space_cloned(process[who].space);
	process[child].space = born;
	memcpy(process[child].page, process[who].page, sizeof(process[who].page));
}

/* Linux pins a page of private memory for writing, as a read by direct I/O does. */
static void do_hold(int who, u32 i)
{
	struct process_model *p = &process[who];

	for (u32 h = 0; h < HOLDS; h++) {
		if (held[h].pa)
			continue;
		if (!p->page[i].kind || is_shared(&p->page[i]) || !(p->page[i].prot & PROT_WRITE))
			return;
		held[h] = (struct held){ linux_hold(p->space, address(i), true), *model_byte(p, i),
					 true, who, i };
		return;
	}
}

/* The data arrive: in the process's page if it still has it, else nowhere else. */
static void do_arrive(u32 h)
{
	if (!held[h].pa)
		return;
	if (below(2)) {
		u8 byte = (u8)(1 + below(255));

		*linux_page(held[h].pa) = byte;
		for (u32 other = 0; other < HOLDS; other++)
			if (held[other].pa == held[h].pa)
				held[other].byte = byte;
		if (held[h].owner >= 0)
			*model_byte(&process[held[h].owner], held[h].at) = byte;
		return;
	}
	assert_int_equal(*linux_page(held[h].pa), held[h].byte);
	linux_release(held[h].pa);
	held[h].pa = 0;
}

static void do_check_all(void)
{
	for (int who = 0; who < PROCESSES; who++) {
		if (!process[who].space)
			continue;
		current_thread()->space = process[who].space;
		for (u32 i = 0; i < PAGES; i += 1 + below(9))
			check_read(who, i, below(2));
		linux_mm_check(process[who].space);
	}
}

static bool in_change(int who, u32 i)
{
	if (who == change.child)
		return true;
	return who == change.who && ((i >= change.first && i < change.first + change.count) ||
				     (i >= change.to && i < change.to + change.count));
}

/* While the module is at a zap, Linux goes on touching memory. */
static void during_zap(void)
{
	for (u32 n = below(6); n; n--) {
		int who = (int)below(PROCESSES);
		u32 i = below(2) ? below(PAGES)
				 : MIN(change.first + below(change.count), PAGES - 1);
		u8 byte;

		if (!process[who].space)
			continue;
		if (in_change(who, i))
			linux_read(process[who].space, address(i), &byte);
		else if (below(2))
			check_read(who, i, true);
		else
			do_write(who, i, true);
	}
}

static void step(void)
{
	int who = (int)below(PROCESSES);
	u32 first, count;

	if (!process[who].space)
		return;
	current_thread()->space = process[who].space;
	range(&first, &count);
	change.who = who;
	change.child = -1;
	change.first = change.to = first;
	change.count = count;
	switch (below(26)) {
	case 0:
		do_map(who, first, count);
		break;
	case 1:
		do_unmap(who, first, count);
		break;
	case 2:
		do_protect(who, first, count);
		break;
	case 3:
		do_discard(who, first, count);
		break;
	case 4:
		do_move(who, first, count);
		break;
	case 5:
		do_fork(who);
		break;
	case 6:
		do_hold(who, first);
		break;
	case 7:
		do_arrive(below(HOLDS));
		break;
	case 8:
		file_shrink(below(200));
		break;
	case 9:
		space_populate(process[who].space, address(first), address(first + count));
		break;
	case 10:
		/* Its bytes are the same: what programs have written must stay. */
		assert_int_equal(linux_changed(FILE_ID, 1), 0);
		break;
	case 11:
		do_mirror(who, first, count);
		break;
	case 12:
		linux_mm_take_back(below(LINUX_OBJECTS), below(LINUX_PAGES));
		break;
	default:
		for (u32 i = 0; i < MIN(count, 24); i++) {
			if (below(2))
				do_write(who, first + i, below(2));
			else
				check_read(who, first + i, below(2));
		}
	}
	check_shadow();
	if (!below(32) && process[who].space)
		linux_mm_check(process[who].space);
	if (!below(8))
		world_run_deferred();
}

static void run(u64 from, u32 steps)
{
	seed = from;
	world_start(256UL << 20);
	memset(process, 0, sizeof(process));
	memset(held, 0, sizeof(held));
	objects = 0;
	the_file = world_file(FILE_ID, FILE_PAGES * PAGE_SIZE);
	process[0].space = world_space();
	change.count = 1;
	world_during_zap = during_zap;
	do_map(0, 0, PAGES);
	for (u32 i = 0; i < steps; i++) {
		step();
		if (i % 200 == 199)
			do_check_all();
	}
	do_check_all();
	world_during_zap = NULL;
	for (u32 h = 0; h < HOLDS; h++)
		if (held[h].pa) {
			linux_release(held[h].pa);
			held[h].pa = 0;
		}
	for (int who = 0; who < PROCESSES; who++)
		if (process[who].space)
			model_drop(who);
	file_put(the_file);
	world_stop();
}

static void test_random(void **state)
{
	const char *given = getenv("SEED");
	u32 rounds = given ? 1 : 20;

	(void)state;
	for (u32 i = 0; i < rounds; i++) {
		u64 from = given ? strtoul(given, NULL, 0) : 1000 + i;

		if (getenv("VERBOSE"))
			fprintf(stderr, "SEED=%lu\n", from);
		run(from, 2000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
