/* SPDX-License-Identifier: GPL-2.0-only */
/* Versions of files: sharing, accounts, what the module is told, what is dropped. */
#include <string.h>

#include "mm_world.h"

#define BASE 0x400000000UL
#define MIB (1UL << 20)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct lwk_counters *counters;
static LIST_HEAD(hoard);

static int setup(void **state)
{
	int err = world_setup(state);

	counters = &boot_params->counters;
	return err;
}

/* A process maps `pages` of the file, touches them, and ends. */
static void use(u64 id, u64 pages)
{
	struct space *s = world_space();

	map_of_file(s, world_file(id, pages * PAGE_SIZE), BASE, pages * PAGE_SIZE, PROT_READ, 0);
	for (u64 i = 0; i < pages; i++)
		expect_byte(s, PAGE(i), file_byte(id, i));
	space_put(s);
}

static void test_shared_and_kept(void **state)
{
	struct space *a = world_space(), *b = world_space();
	u64 reads;

	(void)state;
	map_of_file(a, world_file(1, 32 * PAGE_SIZE), BASE, 32 * PAGE_SIZE, PROT_READ, 0);
	for (u32 i = 0; i < 32; i++)
		expect_byte(a, PAGE(i), file_byte(1, i));
	reads = module.reads;
	assert_int_equal(counters->pages_user, 32);
	assert_int_equal(counters->pages_cache, 0);
	map_of_file(b, world_file(1, 32 * PAGE_SIZE), BASE, 32 * PAGE_SIZE, PROT_READ, 0);
	for (u32 i = 0; i < 32; i++)
		expect_byte(b, PAGE(i), file_byte(1, i));
	assert_int_equal(counters->pages_user, 32);
	space_put(a);
	assert_int_equal(module.idles, 0);
	space_put(b);
	/* Both opens go back at once; the pages stay for the next. */
	assert_int_equal(module.idles, 1);
	assert_int_equal(module.opens_back, 2);
	assert_int_equal(counters->pages_user, 0);
	assert_int_equal(counters->pages_cache, 32);
	use(1, 32);
	assert_int_equal(module.reads, reads);
	assert_int_equal(module.opens_back, 3);
	assert_int_equal(module.forgets, 0);
	file_shrink(32);
	assert_int_equal(counters->pages_cache, 0);
	assert_int_equal(module.forgets, 1);
	use(1, 32);
	assert_int_equal(module.reads, 2 * reads);
}

static void test_opened_and_not_mapped(void **state)
{
	struct file *f = world_file(2, PAGE_SIZE);

	(void)state;
	assert_int_equal(file_id(f), 2);
	assert_int_equal(file_size(f), PAGE_SIZE);
	file_put(f);
	assert_int_equal(module.idles, 1);
	assert_int_equal(module.forgets, 1);
}

static void test_mapped_pages_stay(void **state)
{
	struct space *s = world_space();

	(void)state;
	map_of_file(s, world_file(3, 32 * PAGE_SIZE), BASE, 32 * PAGE_SIZE, PROT_READ, 0);
	expect_byte(s, PAGE(0), file_byte(3, 0));
	/* 16 were read and mapped around. */
	file_shrink(~0UL);
	assert_int_equal(counters->pages_user, 16);
	expect_byte(s, PAGE(5), file_byte(3, 5));
	assert_int_equal(module.reads, 1);
	space_discard(s, PAGE(0), PAGE(32));
	file_shrink(~0UL);
	assert_int_equal(counters->pages_user + counters->pages_cache, 0);
	/* A file in use is not forgotten. */
	assert_int_equal(module.forgets, 0);
	expect_byte(s, PAGE(0), file_byte(3, 0));
	assert_int_equal(module.reads, 2);
	space_put(s);
}

static void test_oldest_first(void **state)
{
	u64 reads;

	(void)state;
	for (u64 id = 10; id < 15; id++)
		use(id, 16);
	use(10, 16);
	reads = module.reads;
	file_shrink(32);
	assert_int_equal(module.forgets, 2);
	use(10, 16);
	use(13, 16);
	use(14, 16);
	assert_int_equal(module.reads, reads);
	use(11, 16);
	assert_true(module.reads > reads);
}

/* A quarter of the memory at most, however many files come by. */
static void test_bound(void **state)
{
	(void)state;
	for (u64 id = 1; id < 60; id++)
		use(id, 200);
	assert_true(counters->pages_cache <= counters->pages_total / 4 + 256);
	assert_true(counters->pages_cache > counters->pages_total / 8);
}

/* No lcall is free: a thread tells it, and without one the next event does. */
static void test_telling(void **state)
{
	(void)state;
	module.no_lcall = true;
	use(20, 4);
	assert_int_equal(module.idles, 0);
	world_run_deferred();
	assert_int_equal(module.idles, 1);
	module.no_thread = true;
	use(21, 4);
	file_shrink(~0UL);
	assert_int_equal(module.idles, 1);
	module.no_thread = module.no_lcall = false;
	use(22, 4);
	assert_int_equal(module.idles, 3);
	assert_int_equal(module.opens_back, 3);
	assert_int_equal(module.forgets, 2);
}

static void test_large_sparse_file(void **state)
{
	struct space *s = world_space();
	u64 far = 1UL << 40;

	(void)state;
	map_of_file(s, world_file(30, 0), BASE, 4 * PAGE_SIZE, PROT_READ, far);
	expect_byte(s, PAGE(1), file_byte(30, far + 1));
	map_of_file(s, world_file(30, 0), PAGE(100), 4 * PAGE_SIZE, PROT_READ, 0);
	expect_byte(s, PAGE(101), file_byte(30, 1));
	expect_byte(s, PAGE(2), file_byte(30, far + 2));
	space_put(s);
}

/* ---- when memory is short ---- */

#define FILE_PAGES 24576UL /* 96 MiB, of 64 MiB */

static void hoard_pages(u64 count)
{
	while (count--) {
		u64 pa = page_alloc(0, -1);

		assert_true(pa);
		list_add(&hoard, &frame_of(pa)->link);
	}
}

static void hoard_drop(void)
{
	while (!list_empty(&hoard)) {
		struct frame *f = list_entry(hoard.next, struct frame, link);

		list_del(&f->link);
		page_free(frame_pa(f), 0);
	}
}

static u64 clean(void)
{
	u64 sum = 0;

	for (u32 i = 0; i < ABI_MAX_NODES; i++)
		sum += counters->pages_clean_node[i];
	return sum;
}

/* More than the instance has, in one mapping; another's pages give way, what is written stays. */
static void test_larger_than_memory(void **state)
{
	struct space *a = world_space(), *b = world_space();

	(void)state;
	map_of_file(a, world_file(40, 64 * PAGE_SIZE), BASE, 64 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    0);
	for (u64 i = 0; i < 64; i++)
		expect_byte(a, PAGE(i), file_byte(40, i));
	assert_int_equal(user_write(a, PAGE(7), 1), FR_OK);
	map_of_file(b, world_file(41, FILE_PAGES * PAGE_SIZE), BASE, FILE_PAGES * PAGE_SIZE,
		    PROT_READ, 0);
	for (u32 round = 0; round < 2; round++)
		for (u64 i = 0; i < FILE_PAGES; i++)
			expect_byte(b, PAGE(i), file_byte(41, i));
	assert_true(clean() > counters->pages_total / 2);
	expect_byte(a, PAGE(7), 1);
	expect_byte(a, PAGE(8), file_byte(40, 8));
	/* Anonymous memory gets what they have, but for a little. */
	map_anon(a, PAGE(100), 12000 * PAGE_SIZE, PROT_READ | PROT_WRITE);
	for (u64 i = 0; i < 12000; i++)
		assert_int_equal(user_write(a, PAGE(100 + i), 1), FR_OK);
	expect_byte(b, PAGE(3), file_byte(41, 3));
	space_put(a);
	space_put(b);
	assert_int_equal(clean(), counters->pages_cache);
}

/* Linux shows them all: it is asked, by a thread where the asker may not wait. */
static void test_lent_pages_give_way(void **state)
{
	struct space *s = world_space();
	u64 held;
	u8 byte;

	(void)state;
	hoard_pages(12288); /* 16 MiB are left */
	map_of_file(s, world_file(42, 24 * MIB), BASE, 24 * MIB, PROT_READ, 0);
	held = linux_hold(s, PAGE(0), false);
	for (u64 i = 0; i < 24 * MIB / PAGE_SIZE; i++) {
		int err;

		while ((err = linux_read(s, PAGE(i), &byte)) == -EAGAIN)
			;
		assert_int_equal(err, 0);
		assert_int_equal(byte, file_byte(42, i));
		if (i % 1024 == 0)
			check_shadow();
	}
	assert_true(module.zaps > 0);
	assert_int_equal(*linux_page(held), file_byte(42, 0));
	linux_forget(s);
	space_put(s);
	linux_release(held);
	hoard_drop();
}

/* What is locked stays. */
static void test_locked_pages_stay(void **state)
{
	struct space *s = world_space();
	u64 reads;

	(void)state;
	map_of_file(s, world_file(43, 32 * PAGE_SIZE), BASE, 32 * PAGE_SIZE, PROT_READ, 0);
	assert_int_equal(space_set_flags(s, PAGE(0), PAGE(32), REGION_LOCKED, 0), 0);
	assert_int_equal(space_populate(s, PAGE(0), PAGE(32)), 0);
	reads = module.reads;
	map_anon(s, PAGE(100), 16000 * PAGE_SIZE, PROT_READ | PROT_WRITE);
	for (u64 i = 0; user_write(s, PAGE(100 + i), 1) == FR_OK; i++)
		;
	for (u64 i = 0; i < 32; i++)
		expect_byte(s, PAGE(i), file_byte(43, i));
	assert_int_equal(module.reads, reads);
	space_put(s);
}

/* Everybody has the cache's pages: objects, tables, blocks, a fork, a promise. */
static void test_all_ways_reclaim(void **state)
{
	struct space *s = world_space(), *child;
	u64 pages = 12000, i;

	(void)state;
	map_anon(s, PAGE(0), 2048 * PAGE_SIZE, PROT_READ | PROT_WRITE);
	for (i = 0; i < 2048; i++)
		user_write(s, PAGE(i), 3);
	map_of_file(s, world_file(44, FILE_PAGES * PAGE_SIZE), PAGE(4096), FILE_PAGES * PAGE_SIZE,
		    PROT_READ, 0);
	for (i = 0; i < FILE_PAGES; i++)
		expect_byte(s, PAGE(4096 + i), file_byte(44, i));
	assert_true(pages_free_now() < pages / 4);
	assert_int_equal(map_anon(s, PAGE(40000), pages * PAGE_SIZE, PROT_READ | PROT_WRITE),
			 PAGE(40000));
	hoard_pages(pages / 2);
	for (i = 0; i < FILE_PAGES; i++)
		expect_byte(s, PAGE(4096 + i), file_byte(44, i));
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	for (i = 0; i < 2048; i++)
		assert_int_equal(user_write(child, PAGE(i), 4), FR_OK);
	expect_byte(s, PAGE(2047), 3);
	space_put(child);
	space_put(s);
	hoard_drop();
}

/* ---- when a file changes ---- */

/* The byte of a page of a file that has been rewritten. */
static u8 new_byte(u64 id, u64 page)
{
	return file_byte(100 + id, page);
}

/* Everywhere, whatever the mapping is like by now, but not in what the program has written. */
static void test_change_is_seen(void **state)
{
	struct space *a = world_space(), *b = world_space(), *child;
	u64 prot = PROT_READ | PROT_WRITE;
	u8 byte;

	(void)state;
	map_of_file(a, world_file(50, 64 * PAGE_SIZE), BASE, 64 * PAGE_SIZE, prot, 0);
	map_of_file(b, world_file(50, 64 * PAGE_SIZE), BASE, 64 * PAGE_SIZE, prot, 0);
	map_of_file(b, world_file(51, 4 * PAGE_SIZE), PAGE(100), 4 * PAGE_SIZE, PROT_READ, 0);
	for (u64 i = 0; i < 64; i++)
		expect_byte(a, PAGE(i), file_byte(50, i));
	expect_byte(b, PAGE(40), file_byte(50, 40));
	expect_byte(b, PAGE(100), file_byte(51, 0));
	assert_int_equal(user_write(a, PAGE(3), 77), FR_OK);
	assert_int_equal(space_set_flags(a, PAGE(8), PAGE(9), REGION_LOCKED, 0), 0);
	assert_int_equal(space_protect(a, PAGE(16), PAGE(20), PROT_NONE), 0);
	assert_int_equal(linux_read(a, PAGE(5), &byte), 0);
	child = world_space();
	assert_int_equal(space_fork(a, child), 0);

	world_rewrite(50);
	expect_byte(a, PAGE(4), file_byte(50, 4));
	assert_int_equal(linux_changed(50, 1), 0);
	check_shadow();
	assert_int_equal(clean(), 4); /* of the other file */
	assert_int_equal(space_protect(a, PAGE(16), PAGE(20), PROT_READ), 0);
	assert_int_equal(linux_read(a, PAGE(5), &byte), 0);
	assert_int_equal(byte, new_byte(50, 5));
	for (u64 i = 0; i < 64; i++) {
		expect_byte(a, PAGE(i), i == 3 ? 77 : new_byte(50, i));
		if (i < 16 || i >= 20)
			expect_byte(child, PAGE(i), i == 3 ? 77 : new_byte(50, i));
		expect_byte(b, PAGE(i), new_byte(50, i));
	}
	linux_forget(a);
	space_put(a);
	space_put(b);
	space_put(child);
}

/* Truncated: what is behind the end faults, also where it was there. Grown: it is there again. */
static void test_truncation_is_seen(void **state)
{
	struct space *s = world_space();
	u8 byte;

	(void)state;
	map_of_file(s, world_file(52, 8 * PAGE_SIZE), BASE, 8 * PAGE_SIZE, PROT_READ, 0);
	for (u64 i = 0; i < 8; i++)
		expect_byte(s, PAGE(i), file_byte(52, i));
	assert_int_equal(linux_read(s, PAGE(6), &byte), 0);
	world_resize(52, 2 * PAGE_SIZE);
	assert_int_equal(linux_changed(52, 1), 0);
	expect_byte(s, PAGE(1), file_byte(52, 1));
	assert_int_equal(user_read(s, PAGE(2), &byte), FR_BUS);
	assert_int_equal(linux_read(s, PAGE(6), &byte), -EFAULT);
	world_resize(52, 8 * PAGE_SIZE);
	assert_int_equal(linux_changed(52, 1), 0);
	for (u64 i = 0; i < 8; i++)
		expect_byte(s, PAGE(i), file_byte(52, i));
	space_put(s);
}

/* What is read while the file changes may be from before: it is read again. */
static void test_change_while_read(void **state)
{
	struct space *s = world_space();
	struct fill_wanted fill;

	(void)state;
	map_of_file(s, world_file(53, 4 * PAGE_SIZE), BASE, 4 * PAGE_SIZE, PROT_READ, 0);
	assert_int_equal(space_fault(s, PAGE(1), ACCESS_READ, &fill, NULL), FR_FILL);
	memset(pa_to_va(fill.frame_pa), file_byte(53, 1), PAGE_SIZE);
	world_rewrite(53);
	assert_int_equal(linux_changed(53, 1), 0);
	file_filled(53, 1, fill.frame_pa, 0);
	file_put(fill.file);
	expect_byte(s, PAGE(1), new_byte(53, 1));
	assert_int_equal(counters->bad_messages, 0);
	space_put(s);
}

/* A page that is being copied for a writer is waited for: the copy stays. */
static void test_change_while_copied(void **state)
{
	struct space *s = world_space();
	struct fill_wanted fill;
	u8 byte;

	(void)state;
	map_of_file(s, world_file(54, 4 * PAGE_SIZE), BASE, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    0);
	assert_int_equal(linux_read(s, PAGE(0), &byte), 0);
	assert_int_equal(linux_read(s, PAGE(1), &byte), 0);
	assert_int_equal(space_fault(s, PAGE(0), ACCESS_WRITE, &fill, NULL), FR_BUSY);
	world_rewrite(54);
	assert_int_equal(linux_changed(54, 1), 0);
	assert_int_equal(clean(), 0);
	expect_byte(s, PAGE(0), file_byte(54, 0));
	expect_byte(s, PAGE(1), new_byte(54, 1));
	linux_forget(s);
	space_put(s);
}

/* One that Linux holds, as in a pipe, stays what it was there, and is not reused before. */
static void test_change_while_held(void **state)
{
	struct space *s = world_space();
	u64 held;

	(void)state;
	map_of_file(s, world_file(55, 4 * PAGE_SIZE), BASE, 4 * PAGE_SIZE, PROT_READ, 0);
	held = linux_hold(s, PAGE(2), false);
	world_rewrite(55);
	assert_int_equal(linux_changed(55, 1), 0);
	expect_byte(s, PAGE(2), new_byte(55, 2));
	assert_int_equal(*linux_page(held), file_byte(55, 2));
	linux_release(held);
	space_put(s);
}

/* Of a file that nobody maps any more nothing is kept; and who asks in vain is told. */
static void test_change_of_idle(void **state)
{
	(void)state;
	use(56, 16);
	assert_int_equal(clean(), 16);
	assert_int_equal(linux_changed(56, 1), 0);
	assert_int_equal(clean(), 0);
	assert_int_equal(module.forgets, 1);
	assert_int_equal(linux_changed(56, 1), 0);
	assert_int_equal(linux_changed(56, IKC_CALL_ARGS), -EINVAL);
	assert_int_equal(counters->bad_messages, 1);
	module.no_thread = true;
	assert_int_equal(linux_changed(56, 1), -ENOMEM);
}

static void test_index(void **state)
{
	static const u64 at[] = { 0, 511, 512, 0x40000, 1UL << 27, (1UL << 36) + 5, 1UL << 52 };
	struct page_index x = { 0, 0 };
	u64 index = 0, n = 0;

	(void)state;
	assert_null(index_word(&x, 0, false));
	assert_null(index_next(&x, &index));
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		*index_word(&x, at[i], true) = at[i] + 1;
	for (u64 *w; (w = index_next(&x, &index)); index++, n++) {
		assert_int_equal(index, at[n]);
		assert_int_equal(*w, at[n] + 1);
	}
	assert_int_equal(n, ARRAY_SIZE(at));
	assert_int_equal(*index_word(&x, 511, false), 512);
	assert_null(index_word(&x, 1UL << 45, false));
	index_free(&x);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_end)
	const struct CMUnitTest tests[] = {
		TEST(test_shared_and_kept),
		TEST(test_opened_and_not_mapped),
		TEST(test_mapped_pages_stay),
		TEST(test_oldest_first),
		TEST(test_bound),
		TEST(test_telling),
		TEST(test_large_sparse_file),
		TEST(test_larger_than_memory),
		TEST(test_lent_pages_give_way),
		TEST(test_locked_pages_stay),
		TEST(test_all_ways_reclaim),
		TEST(test_change_is_seen),
		TEST(test_truncation_is_seen),
		TEST(test_change_while_read),
		TEST(test_change_while_copied),
		TEST(test_change_while_held),
		TEST(test_change_of_idle),
		TEST(test_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
