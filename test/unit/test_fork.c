/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies of spaces: what is shared, what is copied at once, what is left out. */
#include <string.h>

#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct space *s, *child;

static int setup(void **state)
{
	int err = world_setup(state);

	child = world_space();
	return err;
}

static int teardown(void **state)
{
	if (child)
		space_put(child);
	return world_put(state);
}

static void test_copy_on_write(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	user_write(s, PAGE(0), 1);
	user_write(s, PAGE(1), 2);
	s->brk_start = s->brk_end = PAGE(100);
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(child->brk_end, PAGE(100));
	assert_int_equal(child->total_pages, 4);
	/* The second write went on from the first: two pages at once. */
	assert_int_equal(boot_params->counters.pages_user, 3);
	user_write(s, PAGE(0), 11);
	user_write(child, PAGE(1), 22);
	user_write(child, PAGE(2), 33);
	expect_byte(s, PAGE(0), 11);
	expect_byte(child, PAGE(0), 1);
	expect_byte(s, PAGE(1), 2);
	expect_byte(child, PAGE(1), 22);
	expect_byte(s, PAGE(2), 0);
	/* The other's copies are made: what is left over is taken in place. */
	assert_int_equal(boot_params->counters.pages_user, 6);
	user_write(child, PAGE(0), 12);
	user_write(s, PAGE(1), 21);
	assert_int_equal(boot_params->counters.pages_user, 6);
}

static enum fault_result fault(u64 va, enum access access)
{
	struct fill_wanted fill;

	return space_fault(s, va, access, &fill, NULL);
}

/*
 * What a fork under way has copied is not changed behind its back, nor does a
 * page come that could be: who may write already goes on, and so does who reads.
 */
static void test_writes_wait(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 8 * PAGE_SIZE, RW);
	user_write(s, PAGE(0), 1);
	assert_int_equal(space_fork(s, child), 0);
	user_write(s, PAGE(6), 2);
	s->forking = true;
	assert_int_equal(fault(PAGE(0), ACCESS_WRITE), FR_BUSY);
	assert_int_equal(fault(PAGE(0), ACCESS_FORCE), FR_BUSY);
	assert_int_equal(fault(PAGE(0), ACCESS_READ), FR_OK);
	assert_int_equal(fault(PAGE(6), ACCESS_WRITE), FR_OK);
	assert_int_equal(fault(PAGE(4), ACCESS_READ), FR_BUSY);
	assert_int_equal(fault(PAGE(20), ACCESS_WRITE), FR_NOMAP);
	s->forking = false;
	assert_int_equal(fault(PAGE(0), ACCESS_WRITE), FR_OK);
	assert_int_equal(fault(PAGE(4), ACCESS_READ), FR_OK);
	expect_byte(child, PAGE(0), 1);
}

static void write_by_old_translation(void)
{
	assert_int_equal(fake_write(s, PAGE(0), 2), 0);
}

/* A CPU that has not heard of the fork yet writes while another copies the page. */
static void test_copy_after_flush(void **state)
{
	u64 *entry;
	int level;
	u64 pa;

	(void)state;
	map_anon(s, PAGE(0), PAGE_SIZE, RW);
	user_write(s, PAGE(0), 1);
	/* As a fork leaves it between its lock and its flush. */
	entry = pt_leaf(s->root_pa, PAGE(0), &level);
	pa = pte_pa(*entry);
	upage_map(pa);
	*entry &= ~(PTE_WRITE | PTE_OWN);
	fake_before_flush = write_by_old_translation;
	assert_int_equal(space_fault_wait(s, PAGE(0), ACCESS_WRITE), FR_OK);
	assert_null(fake_before_flush);
	expect_byte(s, PAGE(0), 2);
	assert_true(upage_unmap(pa));
	upage_free(pa);
}

static void test_large_leaf(void **state)
{
	(void)state;
	map_anon(s, BASE, 4 * MIB, RW);
	user_write(s, PAGE(7), 1);
	user_write(s, PAGE(600), 2);
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(boot_params->counters.pages_user, 1024);
	/* One byte costs one page. */
	user_write(child, PAGE(7), 3);
	assert_int_equal(boot_params->counters.pages_user, 1025);
	expect_byte(s, PAGE(7), 1);
	/* The child goes: the untouched large leaf is the parent's again as a whole. */
	space_put(child);
	child = NULL;
	user_write(s, PAGE(600), 4);
	user_write(s, PAGE(7), 5);
	assert_int_equal(boot_params->counters.pages_user, 1024);
	expect_byte(s, PAGE(600), 4);
}

static void test_lent_pages(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	linux_write(s, PAGE(0), 1);
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(module.zaps, 1);
	check_shadow();
	/* Linux's writes to either stay there. */
	linux_write(s, PAGE(0), 2);
	linux_write(child, PAGE(0), 3);
	expect_byte(s, PAGE(0), 2);
	expect_byte(child, PAGE(0), 3);
	check_shadow();
}

/* A read(2) by direct I/O is under way into the parent's page. */
static void test_page_of_io(void **state)
{
	u64 pa;

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	user_write(s, PAGE(0), 1);
	pa = linux_hold(s, PAGE(0), true);
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(boot_params->counters.pages_user, 2);
	*linux_page(pa) = 99;
	expect_byte(s, PAGE(0), 99);
	expect_byte(child, PAGE(0), 1);
	user_write(s, PAGE(0), 5);
	assert_int_equal(*linux_page(pa), 5);
	/* A second child while the I/O goes on. */
	space_put(child);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	*linux_page(pa) = 77;
	expect_byte(s, PAGE(0), 77);
	expect_byte(child, PAGE(0), 5);
	linux_release(pa);
}

static void test_page_of_io_in_large_leaf(void **state)
{
	u64 pa;

	(void)state;
	map_anon(s, BASE, 2 * MIB, RW);
	user_write(s, PAGE(3), 1);
	pa = linux_hold(s, PAGE(3), true);
	assert_int_equal(space_fork(s, child), 0);
	*linux_page(pa) = 99;
	expect_byte(s, PAGE(3), 99);
	expect_byte(child, PAGE(3), 1);
	/* All others are shared, not copied. */
	assert_int_equal(boot_params->counters.pages_user, 513);
	linux_release(pa);
}

static void test_advice(void **state)
{
	u8 byte;

	(void)state;
	map_anon(s, PAGE(0), 6 * PAGE_SIZE, RW);
	for (u32 i = 0; i < 6; i++)
		user_write(s, PAGE(i), 9);
	space_set_flags(s, PAGE(1), PAGE(2), REGION_DONTFORK, 0);
	space_set_flags(s, PAGE(3), PAGE(4), REGION_WIPEONFORK, 0);
	space_set_flags(s, PAGE(5), PAGE(6), REGION_LOCKED, 0);
	assert_int_equal(space_fork(s, child), 0);
	expect_byte(child, PAGE(0), 9);
	assert_int_equal(user_read(child, PAGE(1), &byte), FR_NOMAP);
	expect_byte(child, PAGE(3), 0);
	expect_byte(s, PAGE(3), 9);
	assert_int_equal(s->locked_pages, 1);
	assert_int_equal(child->locked_pages, 0);
}

static void test_shared_memory(void **state)
{
	struct map_args a = { .addr = BASE,
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .fixed = true,
			      .shm = shmobj_create(4) };

	(void)state;
	assert_int_equal(space_map(s, &a), BASE);
	user_write(s, PAGE(0), 1);
	assert_int_equal(space_fork(s, child), 0);
	expect_byte(child, PAGE(0), 1);
	user_write(child, PAGE(0), 2);
	linux_write(child, PAGE(1), 3);
	expect_byte(s, PAGE(0), 2);
	expect_byte(s, PAGE(1), 3);
	/* Discarding drops the mapping, not the memory. */
	assert_int_equal(space_discard(s, PAGE(0), PAGE(4)), 0);
	expect_byte(s, PAGE(0), 2);
	assert_int_equal(boot_params->counters.pages_user, 2);
}

static void test_file_pages(void **state)
{
	struct file *f = world_file(5, 4 * PAGE_SIZE);
	u64 reads;

	(void)state;
	map_of_file(s, f, BASE, 4 * PAGE_SIZE, RW, 0);
	expect_byte(s, PAGE(0), file_byte(5, 0));
	user_write(s, PAGE(1), 1);
	reads = module.reads;
	assert_int_equal(space_fork(s, child), 0);
	expect_byte(child, PAGE(1), 1);
	expect_byte(child, PAGE(2), file_byte(5, 2));
	user_write(child, PAGE(1), 2);
	expect_byte(s, PAGE(1), 1);
	assert_int_equal(module.reads, reads);
}

/* Without memory for the child's tables or copies: ENOMEM, and the parent is as before. */
static void test_no_memory(void **state)
{
	static u64 hoard[16384];
	u32 n = 0;

	(void)state;
	map_anon(s, BASE, 8 * MIB, RW);
	space_set_flags(s, BASE, BASE + 8 * MIB, REGION_NOHUGE, 0);
	for (u64 at = 0; at < 8 * MIB; at += 64 * PAGE_SIZE)
		linux_write(s, BASE + at, (u8)(at >> 18 | 1));
	while ((hoard[n] = page_alloc(0, -1)))
		n++;
	for (u32 i = 0; i < 4; i++)
		page_free(hoard[--n], 0);
	assert_int_equal(space_fork(s, child), -ENOMEM);
	check_shadow();
	space_put(child);
	child = NULL;
	while (n)
		page_free(hoard[--n], 0);
	for (u64 at = 0; at < 8 * MIB; at += 64 * PAGE_SIZE) {
		expect_byte(s, BASE + at, (u8)(at >> 18 | 1));
		assert_int_equal(user_write(s, BASE + at, 1), FR_OK);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, teardown, &s)
	const struct CMUnitTest tests[] = {
		TEST(test_copy_on_write),
		TEST(test_writes_wait),
		TEST(test_copy_after_flush),
		TEST(test_large_leaf),
		TEST(test_lent_pages),
		TEST(test_page_of_io),
		TEST(test_page_of_io_in_large_leaf),
		TEST(test_advice),
		TEST(test_shared_memory),
		TEST(test_file_pages),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
