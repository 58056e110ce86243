/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions as they are told to Linux, and the counts of their pages. */
#include <string.h>

#include "abi/ikc.h"
#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)
#define MANY 16
#define MIB (1UL << 20)

static struct space *s;

/* All of a space, asked for `max` at a time: how many calls it took. */
static u32 sum(struct space *of, u32 max, struct region_info *all, u32 *regions)
{
	struct region_info info[MANY];
	u64 at = 0;
	u32 calls = 0, n;

	memset(all, 0, sizeof(*all));
	*regions = 0;
	while ((n = space_describe(of, at, info, max, true))) {
		calls++;
		assert_true(n <= max);
		for (u32 i = 0; i < n; i++) {
			assert_true(info[i].start >= at && info[i].end > info[i].start);
			at = info[i].end;
			all->resident += info[i].resident;
			all->own += info[i].own;
			all->shared += info[i].shared;
			all->shared_own += info[i].shared_own;
			all->large += info[i].large;
			all->portion += info[i].portion;
			all->node_pages[0] += info[i].node_pages[0];
			all->mapmax = info[i].mapmax > all->mapmax ? info[i].mapmax : all->mapmax;
			*regions += !(info[i].flags & REGION_INFO_PART);
		}
	}
	return calls;
}

static void test_regions(void **state)
{
	struct region_info info[MANY];

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	map_anon(s, PAGE(10), 2 * PAGE_SIZE, PROT_READ);
	assert_int_equal(space_set_flags(s, PAGE(10), PAGE(12), REGION_LOCKED, 0), 0);
	assert_int_equal(space_describe(s, 0, info, MANY, false), 2);
	assert_int_equal(info[0].start, PAGE(0));
	assert_int_equal(info[0].end, PAGE(4));
	assert_int_equal(info[0].prot, RW);
	assert_int_equal(info[0].flags | info[0].file_id | info[0].offset, 0);
	assert_int_equal(info[1].start, PAGE(10));
	assert_int_equal(info[1].flags, REGION_INFO_LOCKED);
	/* From inside of a region on, from its end, and as few as were asked for. */
	assert_int_equal(space_describe(s, PAGE(2), info, 1, false), 1);
	assert_int_equal(info[0].start, PAGE(2));
	assert_int_equal(space_describe(s, PAGE(4), info, MANY, false), 1);
	assert_int_equal(info[0].start, PAGE(10));
	assert_int_equal(space_describe(s, PAGE(12), info, MANY, false), 0);
}

static void test_counts(void **state)
{
	struct space *child = world_space();
	struct region_info all;
	u32 regions;

	(void)state;
	map_anon(s, PAGE(0), 64 * PAGE_SIZE, RW);
	for (u32 i = 0; i < 3; i++)
		user_write(s, PAGE(20 * i), 1);
	sum(s, MANY, &all, &regions);
	assert_int_equal(regions, 1);
	assert_int_equal(all.resident, 3);
	assert_int_equal(all.own, 3);
	assert_int_equal(all.shared | all.large, 0);
	assert_int_equal(all.portion, 3 * PAGE_SIZE);
	assert_int_equal(all.node_pages[0], 3);
	assert_int_equal(all.mapmax, 1);
	assert_int_equal(space_fork(s, child), 0);
	user_write(child, PAGE(20), 2);
	sum(child, MANY, &all, &regions);
	assert_int_equal(all.resident, 3);
	assert_int_equal(all.shared, 2);
	assert_int_equal(all.shared_own, 2);
	assert_int_equal(all.portion, 2 * PAGE_SIZE);
	assert_int_equal(all.node_pages[0], 3);
	assert_int_equal(all.mapmax, 2);
	space_put(child);
}

/* The object's own reference is no mapping. */
static void test_shared(void **state)
{
	struct map_args a = { .addr = BASE,
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .region_flags = REGION_SHARED,
			      .fixed = true,
			      .shm = shmobj_create(4) };
	struct space *child = world_space();
	struct region_info all;
	u32 regions;

	(void)state;
	assert_int_equal(space_map(s, &a), BASE);
	user_write(s, PAGE(0), 1);
	user_write(s, PAGE(2), 1);
	sum(s, MANY, &all, &regions);
	assert_int_equal(all.resident, 2);
	assert_int_equal(all.own | all.shared, 0);
	assert_int_equal(all.portion, 2 * PAGE_SIZE);
	assert_int_equal(all.mapmax, 1);
	assert_int_equal(space_fork(s, child), 0);
	user_write(child, PAGE(2), 2);
	sum(s, MANY, &all, &regions);
	assert_int_equal(all.shared, 1);
	assert_int_equal(all.mapmax, 2);
	space_put(child);
}

/* What is long is counted in pieces, under one hold of the lock each, and once. */
static void test_pieces(void **state)
{
	const u64 pages = 6000;
	struct region_info all;
	u32 regions, calls;

	(void)state;
	map_anon(s, PAGE(0), pages * PAGE_SIZE, RW);
	assert_int_equal(space_set_flags(s, PAGE(0), PAGE(pages), REGION_NOHUGE, 0), 0);
	for (u64 i = 0; i < pages; i++)
		user_write(s, PAGE(i), 1);
	calls = sum(s, MANY, &all, &regions);
	assert_int_equal(all.resident, pages);
	assert_int_equal(regions, 1);
	assert_true(calls >= 3);
	/* Pages far apart take a walk of a table each. */
	assert_int_equal(space_unmap(s, PAGE(0), PAGE(pages)), 0);
	for (u64 area = BASE + (1UL << 30); area <= BASE + (2UL << 30); area += 1UL << 30) {
		map_anon(s, area, 60 * MIB, RW);
		assert_int_equal(space_set_flags(s, area, area + 60 * MIB, REGION_NOHUGE, 0), 0);
		for (u64 at = 0; at < 60 * MIB; at += 2 * MIB)
			user_write(s, area + at, 1);
	}
	calls = sum(s, MANY, &all, &regions);
	assert_int_equal(all.resident, 60);
	assert_true(calls >= 2);
}

static void test_many(void **state)
{
	const u64 pages = 200;
	struct region_info all;
	u32 regions;

	(void)state;
	map_anon(s, PAGE(0), pages * PAGE_SIZE, RW);
	assert_int_equal(space_set_flags(s, PAGE(0), PAGE(pages), REGION_NOHUGE, 0), 0);
	for (u64 i = 0; i < pages; i++)
		user_write(s, PAGE(i), 1);
	/* Of many small ones as few as fit. */
	for (u64 i = 0; i < 40; i++)
		assert_int_equal(space_protect(s, PAGE(2 * i), PAGE(2 * i + 1), PROT_READ), 0);
	sum(s, 3, &all, &regions);
	assert_int_equal(all.resident, pages);
	assert_int_equal(regions, 80);
}

/* Large pages count as the small ones that they are made of; and no tables without end are walked at once. */
static void test_large(void **state)
{
	struct region_info all;
	u32 regions, calls;

	(void)state;
	map_anon(s, BASE, 4UL << 20, RW);
	user_write(s, BASE, 1);
	user_write(s, BASE + (3UL << 20), 1);
	sum(s, MANY, &all, &regions);
	assert_int_equal(all.large, 1024);
	assert_int_equal(all.resident, 1024);
	assert_int_equal(space_unmap(s, BASE, BASE + (4UL << 20)), 0);
	map_anon(s, BASE, 1UL << 40, RW);
	calls = sum(s, MANY, &all, &regions);
	assert_int_equal(all.resident, 0);
	assert_true(calls < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_regions, &s, world_put), world_test(test_counts, &s, world_put),
		world_test(test_shared, &s, world_put),	 world_test(test_pieces, &s, world_put),
		world_test(test_many, &s, world_put),	 world_test(test_large, &s, world_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
