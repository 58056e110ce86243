/* SPDX-License-Identifier: GPL-2.0-only */
/* The allocator of frames, the small objects over it, and walks over page tables. */
#include <stdlib.h>
#include <string.h>

#include "mm_world.h"

#define MIB (1UL << 20)

static void start(u32 nodes)
{
	fake_start(32 * MIB, nodes, 2, "poison");
	phys_init();
	kmalloc_init();
}

static u64 free_by_node(void)
{
	u64 sum = 0;

	for (int n = 0; n < ABI_MAX_NODES; n++)
		sum += boot_params->counters.pages_free_node[n];
	return sum;
}

static void test_all_memory(void **state)
{
	static u64 pages[16384];
	u64 free_pages, count = 0;

	(void)state;
	start(2);
	free_pages = pages_free_now();
	assert_true(free_pages <= 32 * MIB / PAGE_SIZE && free_pages > 31 * MIB / PAGE_SIZE);
	assert_int_equal(free_by_node(), free_pages);
	for (; (pages[count] = page_alloc(0, -1)); count++)
		memset(pa_to_va(pages[count]), (int)count, PAGE_SIZE);
	assert_int_equal(count, free_pages);
	assert_int_equal(pages_free_now(), 0);
	assert_int_equal(free_by_node(), 0);
	assert_int_equal(upage_alloc(NULL), 0);
	assert_null(kmalloc(100));
	/* In a mixed order; the blocks join again. */
	for (u64 i = 0; i < count; i += 2)
		page_free(pages[i], 0);
	for (u64 i = 1; i < count; i += 2)
		page_free(pages[i], 0);
	assert_int_equal(pages_free_now(), free_pages);
	assert_int_equal(free_by_node(), free_pages);
	pages[0] = page_alloc(11, 0);
	assert_true(pages[0] && pages[0] % (8 * MIB) == 0);
	page_free(pages[0], 11);
	fake_stop();
}

static u32 node_of(u64 pa)
{
	const struct boot_chunk *c = boot_params->chunks;

	while (pa < c->start || pa >= c->start + c->size)
		c++;
	return c->node;
}

static void test_nodes(void **state)
{
	u64 a, b, free_1;

	(void)state;
	start(2);
	free_1 = boot_params->counters.pages_free_node[1];
	a = page_alloc(0, 0);
	b = page_alloc(0, 1);
	assert_int_equal(node_of(a), 0);
	assert_int_equal(node_of(b), 1);
	assert_int_equal(boot_params->counters.pages_free_node[1], free_1 - 1);
	/* Node 1 is full: the other helps. */
	while (node_of(page_alloc(9, 1)) == 1)
		;
	assert_int_equal(node_of(page_alloc(9, 1)), 0);
	fake_stop();
}

static void test_frames(void **state)
{
	u64 pa;

	(void)state;
	start(1);
	assert_null(frame_of(FAKE_ARENA_PA - 1));
	assert_null(frame_of(FAKE_ARENA_PA + 32 * MIB));
	pa = upage_alloc(NULL);
	assert_int_equal(frame_pa(frame_of(pa)), pa);
	assert_int_equal(boot_params->counters.pages_user, 1);
	upage_get(pa);
	assert_false(upage_put(pa));
	assert_true(upage_put(pa));
	upage_free(pa);
	assert_int_equal(boot_params->counters.pages_user, 0);
	/* To the quarantine and back: the total says so. */
	pa = upage_alloc(NULL);
	assert_true(upage_put(pa));
	phys_quarantined(pa);
	assert_int_equal(boot_params->counters.pages_quarantined, 1);
	assert_int_equal(boot_params->counters.pages_total, 32 * MIB / PAGE_SIZE - 1);
	assert_true(phys_unquarantine(pa));
	assert_false(phys_unquarantine(pa));
	assert_false(phys_unquarantine(pa + 1));
	assert_int_equal(boot_params->counters.pages_total, 32 * MIB / PAGE_SIZE);
	fake_stop();
}

static void test_block(void **state)
{
	u64 before, pa;

	(void)state;
	start(1);
	before = pages_free_now();
	pa = upage_alloc_block(NULL);
	assert_true(pa && pa % (2 * MIB) == 0);
	assert_int_equal(boot_params->counters.pages_user, 512);
	upage_map_block(pa);
	for (u32 i = 0; i < 512; i++)
		assert_false(upage_unmap(pa + i * PAGE_SIZE));
	upage_end_block(pa);
	assert_int_equal(pages_free_now(), before);
	assert_int_equal(boot_params->counters.pages_user, 0);
	fake_stop();
}

/* Every size, each object its own bytes; freed memory is poisoned and given out again. */
static void test_kmalloc(void **state)
{
	enum { OBJECTS = 3000 };
	static struct {
		u8 *p;
		size_t size;
	} o[OBJECTS];
	u64 before;

	(void)state;
	start(1);
	before = pages_free_now();
	srand(1);
	for (u32 round = 0; round < 20000; round++) {
		u32 i = (u32)rand() % OBJECTS;

		if (o[i].p) {
			for (size_t b = 0; b < o[i].size; b += 7)
				assert_int_equal(o[i].p[b], (u8)i);
			kfree(o[i].p);
			o[i].p = NULL;
			continue;
		}
		o[i].size = (size_t)(rand() % 20 ? 1 + rand() % 2100 : 1 + rand() % 20000);
		o[i].p = kmalloc(o[i].size);
		if (!o[i].p)
			continue;
		assert_int_equal((u64)o[i].p % 16, 0);
		memset(o[i].p, (int)i, o[i].size);
	}
	for (u32 i = 0; i < OBJECTS; i++)
		kfree(o[i].p);
	assert_null(kmalloc(3 * MIB));
	kfree(NULL);
	assert_true(pages_free_now() + 16 >= before);
	fake_stop();
}

static void test_tables(void **state)
{
	u64 root, *slot;
	int level;

	(void)state;
	start(1);
	root = page_alloc_zero(0, -1);
	assert_null(pt_entry(root, 0x123456789000, 1, false));
	assert_null(pt_leaf(root, 0x123456789000, &level));
	slot = pt_entry(root, 0x123456789000, 1, true);
	assert_non_null(slot);
	assert_ptr_equal(slot, pt_entry(root, 0x123456789000, 1, false));
	assert_null(pt_leaf(root, 0x123456789000, &level));
	*slot = 0x5000 | PTE_PRESENT;
	assert_ptr_equal(pt_leaf(root, 0x123456789fff, &level), slot);
	assert_int_equal(level, 1);
	/* A large leaf, and one that is busy: nothing lies below them. */
	slot = pt_entry(root, 0x40000000, 2, true);
	*slot = 0x200000 | PTE_PRESENT | PTE_HUGE;
	assert_ptr_equal(pt_leaf(root, 0x401fffff, &level), slot);
	assert_int_equal(level, 2);
	assert_null(pt_entry(root, 0x40001000, 1, true));
	*slot = 0x200000 | PTE_HUGE | PTE_BUSY;
	assert_null(pt_leaf(root, 0x40000000, &level));
	assert_null(pt_entry(root, 0x40001000, 1, true));
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_memory), cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_frames),	   cmocka_unit_test(test_block),
		cmocka_unit_test(test_kmalloc),	   cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
