/* SPDX-License-Identifier: GPL-2.0-only */
/* What is promised to programs: Linux's three modes, and that the sum is right after whatever happens. */
#include "mck/sys_memory.h"
#include "mm_world.h"

#define BASE 0x300000000000UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)
#define BRK 0x200000000000UL

static struct space *s;

static u64 committed(void)
{
	return boot_params->counters.pages_committed;
}

static u64 total(void)
{
	return boot_params->counters.pages_total;
}

static void set_mode(enum commit_mode mode, u64 limit)
{
	boot_params->overcommit = mode;
	boot_params->overcommit_kbytes = limit * 4;
	commit_init();
}

/* ---- calls of a program ---- */

static s64 map(u64 at, u64 pages, u32 prot, u64 flags)
{
	const u64 arg[6] = { at, pages * PAGE_SIZE, prot, flags | (at ? MAP_FIXED : 0), ~0UL, 0 };
	s64 ret = sys_mmap(arg);

	return ret < 0 ? ret : 0;
}

static s64 unmap(u64 at, u64 pages)
{
	return sys_munmap((const u64[6]){ at, pages * PAGE_SIZE });
}

static s64 protect(u64 at, u64 pages, u32 prot)
{
	return sys_mprotect((const u64[6]){ at, pages * PAGE_SIZE, prot });
}

static s64 remap(u64 at, u64 pages, u64 new_pages, u64 flags, u64 to)
{
	const u64 arg[6] = { at, pages * PAGE_SIZE, new_pages * PAGE_SIZE, flags, to };
	s64 ret = sys_mremap(arg);

	return ret < 0 ? ret : 0;
}

static bool brk_to(u64 pages)
{
	return sys_brk((const u64[6]){ BRK + pages * PAGE_SIZE }) == (s64)(BRK + pages * PAGE_SIZE);
}

static int fork_to(struct space *parent, struct space **child)
{
	int err;

	*child = space_create();
	if (!*child)
		return -ENOMEM;
	(*child)->linux_id = (u64)*child;
	err = space_fork(parent, *child);
	if (!err)
		space_cloned(parent);
	else
		space_put(*child);
	if (err)
		*child = NULL;
	return err;
}

/* ---- the modes ---- */

static void test_guess(void **state)
{
	(void)state;
	set_mode(COMMIT_GUESS, 0);
	/* Each may have all there is, whatever others have; one page more is obviously too much. */
	assert_int_equal(map(0, total(), RW, ANON), 0);
	assert_int_equal(map(0, total(), RW, ANON), 0);
	assert_int_equal(map(0, total() + 1, RW, ANON), -ENOMEM);
	assert_int_equal(map(0, total() + 1, RW, SHARED), -ENOMEM);
	assert_int_equal(committed(), 2 * total());
	/* What cannot be written to costs nothing, nor what is promised to nobody. */
	assert_int_equal(map(PAGE(0), 10 * total(), PROT_READ, ANON), 0);
	assert_int_equal(map(0, 10 * total(), RW, ANON | MAP_NORESERVE), 0);
	assert_int_equal(map(0, 10 * total(), RW, SHARED | MAP_NORESERVE), 0);
	assert_int_equal(committed(), 2 * total());
	assert_int_equal(protect(PAGE(0), total() + 1, RW), -ENOMEM);
	assert_int_equal(protect(PAGE(0), total(), RW), 0);
	assert_int_equal(committed(), 3 * total());
	assert_int_equal(remap(PAGE(0), total(), 2 * total() + 1, MREMAP_MAYMOVE, 0), -ENOMEM);
	s->brk_start = s->brk_end = BRK;
	assert_false(brk_to(total() + 1));
	assert_true(brk_to(total()));
}

static void test_always(void **state)
{
	(void)state;
	set_mode(COMMIT_ALWAYS, 0);
	assert_int_equal(map(PAGE(0), 10 * total(), PROT_NONE, ANON), 0);
	assert_int_equal(protect(PAGE(0), 10 * total(), RW), 0);
	assert_int_equal(map(0, 10 * total(), RW, ANON), 0);
	assert_int_equal(committed(), 20 * total());
	/* Shared memory is counted as it is touched where it is not promised. */
	assert_int_equal(unmap(PAGE(0), 10 * total()), 0);
	assert_int_equal(committed(), 10 * total());
	assert_int_equal(map(PAGE(0), 8, RW, SHARED | MAP_NORESERVE), 0);
	assert_int_equal(user_write(s, PAGE(3), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(5), 1), FR_OK);
	assert_int_equal(committed(), 10 * total() + 2);
	space_punch(s, PAGE(5), PAGE(6));
	assert_int_equal(committed(), 10 * total() + 1);
}

static void test_never(void **state)
{
	struct space *child;

	(void)state;
	set_mode(COMMIT_NEVER, 101);
	assert_int_equal(boot_params->counters.pages_commit_limit, 101);
	s->brk_start = s->brk_end = BRK;
	/* All that may be is one page below the limit, as in Linux. */
	assert_int_equal(map(PAGE(0), 101, RW, ANON), -ENOMEM);
	assert_int_equal(map(PAGE(0), 100, RW, ANON | MAP_NORESERVE), 0);
	assert_int_equal(committed(), 100);
	assert_int_equal(map(0, 1, RW, SHARED), -ENOMEM);
	assert_int_equal(map(0, 1, RW, SHARED | MAP_NORESERVE), -ENOMEM);
	assert_false(brk_to(1));
	/* In the place of others there is room. */
	assert_int_equal(map(PAGE(0), 60, RW, ANON), 0);
	assert_int_equal(map(PAGE(0), 60, RW, SHARED), 0);
	assert_int_equal(committed(), 100);
	assert_int_equal(unmap(PAGE(50), 50), 0);
	/* The shared object is whole as long as any of it is mapped. */
	assert_int_equal(committed(), 60);
	assert_int_equal(unmap(PAGE(0), 60), 0);
	assert_int_equal(committed(), 0);
	/* A fork's child is promised the same again, but for what it only reads. */
	assert_int_equal(map(PAGE(0), 60, PROT_NONE, ANON), 0);
	assert_int_equal(fork_to(s, &child), 0);
	space_put(child);
	assert_int_equal(protect(PAGE(0), 60, RW), 0);
	assert_int_equal(fork_to(s, &child), -ENOMEM);
	assert_int_equal(committed(), 60);
	/* For good: what has been writable may hold what was written. */
	assert_int_equal(protect(PAGE(0), 60, PROT_READ), 0);
	assert_int_equal(committed(), 60);
	/* Behind a region that may change, one that may not. */
	assert_int_equal(map(PAGE(60), 30, PROT_READ, ANON), 0);
	assert_int_equal(map(PAGE(90), 20, PROT_NONE, ANON), 0);
	assert_int_equal(protect(PAGE(60), 50, RW), -ENOMEM);
	assert_int_equal(committed(), 90);
	assert_int_equal(user_write(s, PAGE(89), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(90), 1), FR_ACCESS);
	/* What grows: mremap, the break, a stack. */
	assert_int_equal(remap(PAGE(60), 30, 41, MREMAP_MAYMOVE, 0), -ENOMEM);
	assert_int_equal(remap(PAGE(60), 30, 35, MREMAP_MAYMOVE | MREMAP_FIXED, PAGE(200)), 0);
	assert_true(brk_to(2));
	assert_int_equal(committed(), 97);
	assert_int_equal(map(PAGE(500), 1, RW, ANON | MAP_GROWSDOWN), 0);
	assert_int_equal(user_write(s, PAGE(497), 1), FR_NOMAP);
	assert_int_equal(user_write(s, PAGE(498), 1), FR_OK);
	assert_int_equal(committed(), 100);
	assert_true(brk_to(0));
	assert_int_equal(committed(), 98);
}

/* The last of it is for CAP_SYS_ADMIN, and what is kept from a large process is a 32nd of that. */
static void test_reserves(void **state)
{
	struct kpage *k = current_thread()->kpage;

	(void)state;
	boot_params->admin_reserve_kbytes = 40;
	set_mode(COMMIT_NEVER, 101);
	assert_int_equal(map(PAGE(0), 91, RW, ANON), -ENOMEM);
	assert_int_equal(map(PAGE(0), 90, RW, ANON), 0);
	k->caps = KPAGE_CAP_SYS_ADMIN;
	assert_int_equal(map(PAGE(100), 10, RW, ANON), 0);
	assert_int_equal(map(0, 1, RW, ANON), -ENOMEM);
	k->caps = 0;
	assert_int_equal(unmap(PAGE(0), 200), 0);
	boot_params->admin_reserve_kbytes = 0;
	boot_params->user_reserve_kbytes = ~0UL >> 10;
	set_mode(COMMIT_NEVER, 101);
	assert_int_equal(map(PAGE(0), 64, PROT_READ, ANON), 0);
	assert_int_equal(map(0, 99, RW, ANON), -ENOMEM);
	assert_int_equal(map(0, 98, RW, ANON), 0);
	/* By ratio. */
	boot_params->overcommit_ratio = 50;
	set_mode(COMMIT_NEVER, 0);
	assert_int_equal(boot_params->counters.pages_commit_limit, total() / 2);
}

/* ---- any series ---- */

#define SPACES 3
#define PLAYGROUND 256U
#define OBJECT_PAGES 8U
#define LIMIT 600U

static struct space *space[SPACES];
static u64 seed;

static u32 below(u32 n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(seed >> 33) % n;
}

/* Every object is of OBJECT_PAGES, promised as long as anyone maps some of it. */
static u64 sum(void)
{
	const struct shmobj *seen[SPACES * PLAYGROUND];
	u64 pages = 0;
	u32 objects = 0;

	for (u32 i = 0; i < SPACES; i++) {
		struct region *r;

		if (!space[i])
			continue;
		list_for_each(r, &space[i]->regions, link) {
			u32 o = 0;

			pages += r->flags & REGION_ACCOUNT ? (r->end - r->start) / PAGE_SIZE : 0;
			while (r->shm && o < objects && seen[o] != r->shm)
				o++;
			if (r->shm && o == objects)
				seen[objects++] = r->shm;
		}
	}
	return pages + (u64)objects * OBJECT_PAGES;
}

static void random_fork(u32 who)
{
	u32 to = below(SPACES);

	if (space[to] && space[to] != space[who]) {
		space_put(space[to]);
		space[to] = NULL;
	}
	if (!space[to])
		fork_to(space[who], &space[to]);
}

static void random_call(u32 who)
{
	static const u32 prots[] = { PROT_NONE, PROT_READ, RW };
	static const u64 moves[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP };
	u32 first = below(PLAYGROUND), pages = 1 + below(PLAYGROUND - first),
	    to = below(PLAYGROUND);
	u64 move = moves[below(4)];

	current_thread()->space = space[who];
	switch (below(10)) {
	case 0:
	case 1:
		map(PAGE(first), pages, prots[below(3)], ANON | (below(4) ? 0 : MAP_NORESERVE));
		break;
	case 2:
		map(PAGE(first), OBJECT_PAGES, prots[below(3)], SHARED);
		break;
	case 3:
		unmap(PAGE(first), pages);
		break;
	case 4:
	case 5:
		protect(PAGE(first), pages, prots[below(3)]);
		break;
	case 6:
		pages = 1 + pages % 32;
		remap(PAGE(first), pages, move & MREMAP_DONTUNMAP ? pages : 1 + below(64), move,
		      PAGE(to));
		break;
	case 7:
		brk_to(below(200));
		break;
	case 8:
		random_fork(who);
		break;
	default:
		user_write(space[who], PAGE(first), 1);
	}
}

/* Takes what is free, but for a few pages: what needs more fails half-way. */
static u64 hogged[1U << 14];
static u32 hogs;

static void hog(u32 leave)
{
	while (hogs < ARRAY_SIZE(hogged) && (hogged[hogs] = page_alloc(0, -1)))
		hogs++;
	while (hogs && leave--)
		page_free(hogged[--hogs], 0);
}

static void unhog(void)
{
	while (hogs)
		page_free(hogged[--hogs], 0);
}

static void run(u64 from, enum commit_mode mode)
{
	seed = from;
	world_start(64UL << 20);
	set_mode(mode, LIMIT);
	space[0] = world_space();
	space[0]->brk_start = space[0]->brk_end = BRK;
	for (u32 i = 0; i < 3000; i++) {
		u32 who = below(SPACES);

		if (!below(80))
			hog(below(12));
		if (space[who])
			random_call(who);
		if (!below(10))
			unhog();
		assert_int_equal(committed(), sum());
		if (mode == COMMIT_NEVER)
			assert_true(committed() < LIMIT);
	}
	unhog();
	for (u32 i = 0; i < SPACES; i++)
		if (space[i])
			space_put(space[i]);
	memset(space, 0, sizeof(space));
	world_stop();
}

static void test_random(void **state)
{
	(void)state;
	for (u32 i = 0; i < 12; i++)
		run(100 + i, i % 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_guess, &s, world_put), world_test(test_always, &s, world_put),
		world_test(test_never, &s, world_put), world_test(test_reserves, &s, world_put),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
