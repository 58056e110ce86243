/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking pages back from Linux, case by case. */
#include <string.h>

#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)

static struct space *s;

static void test_unlent_costs_nothing(void **state)
{
	(void)state;
	map_anon(s, BASE, 100 * PAGE_SIZE, RW);
	for (u32 i = 0; i < 100; i++)
		user_write(s, BASE + i * PAGE_SIZE, 1);
	assert_int_equal(space_unmap(s, BASE, BASE + 100 * PAGE_SIZE), 0);
	assert_int_equal(boot_params->counters.pages_user, 0);
	assert_int_equal(module.zaps, 0);
	space_put(s);
}

static void test_zapped_before_free(void **state)
{
	u8 byte;

	(void)state;
	map_anon(s, BASE, 8 * PAGE_SIZE, RW);
	user_write(s, BASE, 42);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	assert_int_equal(byte, 42);
	check_shadow();
	assert_int_equal(space_unmap(s, BASE, BASE + 8 * PAGE_SIZE), 0);
	assert_int_equal(module.zaps, 1);
	assert_int_equal(linux_read(s, BASE, &byte), -EFAULT);
	space_put(s);
}

static void test_referenced_goes_to_quarantine(void **state)
{
	struct lwk_counters *c = &boot_params->counters;
	u64 pa, total = c->pages_total;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 42);
	pa = linux_hold(s, BASE, true);
	space_put(s);
	assert_int_equal(module.quarantined, 1);
	assert_int_equal(c->pages_quarantined, 1);
	assert_int_equal(c->pages_total, total - 1);
	assert_int_equal(c->pages_user, 0);
	*linux_page(pa) = 77; /* the data arrive: in nobody's page */
	linux_release(pa);
	assert_int_equal(c->pages_quarantined, 0);
	assert_int_equal(c->pages_total, total);
}

/* Linux lets go, and the page is back, before the answer to its zap is looked at. */
static void test_back_before_the_answer(void **state)
{
	struct lwk_counters *c = &boot_params->counters;
	u64 total = c->pages_total;
	struct space *child;

	(void)state;
	module.release_early = true;
	map_anon(s, BASE, 2 * PAGE_SIZE, RW);
	user_write(s, BASE, 42);
	linux_hold(s, BASE, true);
	space_unmap(s, BASE, BASE + PAGE_SIZE);
	assert_int_equal(c->pages_quarantined, 0);
	assert_int_equal(c->pages_total, total);
	assert_int_equal(c->bad_messages, 0);
	/* The same for one that was put aside. */
	user_write(s, BASE + PAGE_SIZE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	linux_hold(child, BASE + PAGE_SIZE, false);
	space_put(child);
	space_put(s);
	assert_int_equal(c->pages_quarantined, 0);
	assert_int_equal(c->pages_total, total);
	assert_int_equal(c->bad_messages, 0);
}

static struct space *other;

static void put_other(void)
{
	space_put(other);
}

/* Another holder of a large block marks a page of it and goes, while we are between our look and our release. */
static void test_large_block_marked_late(void **state)
{
	u64 pa;

	(void)state;
	map_anon(s, BASE, 2 * MIB, RW);
	user_write(s, BASE, 42);
	other = world_space();
	assert_int_equal(space_fork(s, other), 0);
	pa = linux_hold(other, BASE + 5 * PAGE_SIZE, false);
	fake_before_flush = put_other;
	assert_int_equal(space_unmap(s, BASE, BASE + 2 * MIB), 0);
	assert_null(fake_before_flush);
	world_run_deferred();
	assert_int_equal(module.quarantined, 1);
	assert_int_equal(boot_params->counters.pages_user, 0);
	linux_release(pa);
	space_put(s);
}

static void test_held_large_leaf(void **state)
{
	u64 pa;

	(void)state;
	map_anon(s, BASE, 4 * MIB, RW);
	user_write(s, BASE + 5 * PAGE_SIZE, 42);
	assert_int_equal(boot_params->counters.pages_user, 512);
	pa = linux_hold(s, BASE + 5 * PAGE_SIZE, true);
	assert_int_equal(space_unmap(s, BASE, BASE + 4 * MIB), 0);
	/* One page stays away, the 511 others are free. */
	assert_int_equal(module.quarantined, 1);
	assert_int_equal(boot_params->counters.pages_user, 0);
	assert_int_equal(boot_params->counters.pages_quarantined, 1);
	linux_release(pa);
	space_put(s);
}

static void test_write_protect(void **state)
{
	u8 byte;

	(void)state;
	map_anon(s, BASE, 4 * PAGE_SIZE, RW);
	assert_int_equal(linux_write(s, BASE, 1), 0);
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(module.zaps, 1);
	assert_int_equal(linux_write(s, BASE, 2), -EFAULT);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	assert_int_equal(byte, 1);
	assert_int_equal(user_write(s, BASE, 2), FR_ACCESS);
	/* Rights that grow need no zap; the same page serves on. */
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, RW), 0);
	assert_int_equal(module.zaps, 1);
	assert_int_equal(linux_write(s, BASE, 3), 0);
	expect_byte(s, BASE, 3);
	/* No access at all, and back: the page has stayed. */
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(linux_read(s, BASE, &byte), -EFAULT);
	assert_int_equal(user_read(s, BASE, &byte), FR_ACCESS);
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, RW), 0);
	expect_byte(s, BASE, 3);
	space_put(s);
}

/* A DMA under way is not cut off by losing and regaining the right to write. */
static void test_protect_keeps_page_of_io(void **state)
{
	u64 pa;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	pa = linux_hold(s, BASE, true);
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, RW), 0);
	assert_int_equal(user_write(s, BASE, 5), FR_OK);
	*linux_page(pa) = 99;
	expect_byte(s, BASE, 99);
	linux_release(pa);
	space_put(s);
}

/* Linux holds a page by the child's shadow (in a pipe); the child ends; the parent writes. The pipe sees nothing of it. */
static void test_pipe_of_child(void **state)
{
	struct space *child;
	u64 pa;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	pa = linux_hold(child, BASE, false);
	space_put(child);
	assert_int_equal(user_write(s, BASE, 20), FR_OK);
	expect_byte(s, BASE, 20);
	assert_int_equal(*linux_page(pa), 10);
	world_run_deferred();
	/* The page was the parent's last: it has left through the module. */
	assert_int_equal(module.quarantined, 1);
	space_put(s);
	linux_release(pa);
}

/* The same, but the parent lets the page go untouched. */
static void test_last_free_of_marked_page(void **state)
{
	struct space *child;
	u64 pa;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	pa = linux_hold(child, BASE, false);
	space_put(child);
	assert_int_equal(module.quarantined, 0);
	space_put(s);
	assert_int_equal(module.quarantined, 1);
	assert_int_equal(*linux_page(pa), 10);
	linux_release(pa);
}

/* A page put aside where nobody may wait: a file's page that Linux holds, dropped when memory is short. */
static void test_cached_page_held(void **state)
{
	struct file *f = world_file(3, 4 * PAGE_SIZE);
	u64 pa;

	(void)state;
	map_of_file(s, f, BASE, 4 * PAGE_SIZE, PROT_READ, 0);
	expect_byte(s, BASE, file_byte(3, 0));
	pa = linux_hold(s, BASE, false);
	space_put(s);
	assert_int_equal(module.quarantined, 0);
	file_shrink(100);
	world_run_deferred();
	assert_int_equal(module.quarantined, 1);
	assert_int_equal(*linux_page(pa), file_byte(3, 0));
	linux_release(pa);
}

/* The asker may not wait: the copy is made by another thread, and what the shadow showed is zapped first. */
static void test_copy_of_lent_page_for_linux(void **state)
{
	struct fill_wanted fill;
	struct space *child;
	u8 byte;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	check_shadow();
	assert_int_equal(space_fault(s, BASE, ACCESS_WRITE, &fill, NULL), FR_BUSY);
	assert_int_equal(space_fault(s, BASE, ACCESS_READ, &fill, NULL), FR_BUSY);
	module.zaps = 0;
	world_run_deferred();
	assert_int_equal(module.zaps, 1);
	assert_int_equal(space_fault(s, BASE, ACCESS_WRITE, &fill, NULL), FR_OK);
	assert_int_equal(linux_write(s, BASE, 20), 0);
	expect_byte(s, BASE, 20);
	expect_byte(child, BASE, 10);
	space_put(child);
	space_put(s);
}

/* As far as mprotect comes before it waits for the entry. */
static void forbid_access(void)
{
	spin_lock(&s->lock);
	region_at(s, BASE)->prot = PROT_NONE;
	spin_unlock(&s->lock);
}

/* The change finds the entry as it was, and so what the shadow shows. */
static void test_change_of_copy_without_a_thread(void **state)
{
	struct fill_wanted fill;
	struct space *child;
	u8 byte;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	module.no_thread = true;
	module.at_no_thread = forbid_access;
	assert_int_not_equal(space_fault(s, BASE, ACCESS_WRITE, &fill, NULL), FR_OK);
	module.no_thread = false;
	assert_int_equal(space_protect(s, BASE, BASE + PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(linux_read(s, BASE, &byte), -EFAULT);
	space_put(child);
	space_put(s);
}

static void test_copy_without_a_thread(void **state)
{
	struct fill_wanted fill;
	struct space *child;
	u8 byte;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	user_write(s, BASE, 10);
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	module.no_thread = true;
	assert_int_equal(space_fault(s, BASE, ACCESS_WRITE, &fill, NULL), FR_OOM);
	module.no_thread = false;
	check_shadow();
	expect_byte(s, BASE, 10);
	space_put(child);
	space_put(s);
}

/* The module has dropped the space already: it only looks at the pages. */
static bool refuse_ranges;
static void refuse(void)
{
	module.zap_error = refuse_ranges ? -ESRCH : 0;
	refuse_ranges = false;
}

static void test_space_gone_in_linux(void **state)
{
	u8 byte;

	(void)state;
	map_anon(s, BASE, PAGE_SIZE, RW);
	assert_int_equal(linux_read(s, BASE, &byte), 0);
	linux_forget(s);
	refuse_ranges = true;
	world_during_zap = refuse;
	space_put(s);
	assert_int_equal(module.zaps, 2);
}

/* Without memory for lists and words, the spare pages do. */
static void test_no_memory(void **state)
{
	static u64 hoard[65536];
	u32 n = 0;
	u8 byte;

	(void)state;
	map_anon(s, BASE, 600 * PAGE_SIZE, RW);
	space_set_flags(s, BASE, BASE + 600 * PAGE_SIZE, REGION_NOHUGE, 0);
	for (u32 i = 0; i < 600; i++)
		assert_int_equal(linux_read(s, BASE + i * PAGE_SIZE, &byte), 0);
	while ((hoard[n] = page_alloc(0, -1)))
		n++;
	assert_int_equal(space_unmap(s, BASE, BASE + 600 * PAGE_SIZE), 0);
	assert_int_equal(boot_params->counters.pages_user, 0);
	while (n)
		page_free(hoard[--n], 0);
	space_put(s);
}

int main(void)
{
#define TEST(name) world_test(name, &s, world_end)
	const struct CMUnitTest tests[] = {
		TEST(test_unlent_costs_nothing),
		TEST(test_zapped_before_free),
		TEST(test_referenced_goes_to_quarantine),
		TEST(test_back_before_the_answer),
		TEST(test_large_block_marked_late),
		TEST(test_held_large_leaf),
		TEST(test_write_protect),
		TEST(test_protect_keeps_page_of_io),
		TEST(test_pipe_of_child),
		TEST(test_last_free_of_marked_page),
		TEST(test_cached_page_held),
		TEST(test_copy_of_lent_page_for_linux),
		TEST(test_copy_without_a_thread),
		TEST(test_change_of_copy_without_a_thread),
		TEST(test_space_gone_in_linux),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
