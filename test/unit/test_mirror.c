/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings that are Linux's own: the regions, the tables and Linux tell the same after whatever came of a change. */
#include "test_mirror.h"

static void test_places(void **state)
{
	s64 at = mirror(0, 4, 1, 2, RW);

	(void)state;
	assert_true(at > 0);
	expect((at - BASE) / PAGE_SIZE, 4, 1, 2);
	/* One fault enters what lies around. */
	assert_int_equal(linux_mm_entered(s), 4);
	/* Over private memory, which Linux has seen and written to. */
	map_anon(s, PAGE(0), 8 * PAGE_SIZE, RW);
	assert_int_equal(user_write(s, PAGE(2), 7), FR_OK);
	assert_int_equal(linux_write(s, PAGE(3), 8), 0);
	assert_int_equal(mirror(PAGE(2), 4, 0, 0, RW), PAGE(2));
	expect(2, 4, 0, 0);
	expect_private(1, 1);
	expect_private(6, 6);
	/* Over the end of that one, and what is private behind it. */
	assert_int_equal(mirror(PAGE(5), 2, 2, 60, PROT_READ), PAGE(5));
	expect(2, 3, 0, 0);
	expect(5, 2, 2, 60);
	expect_private(7, 7);
	/* And private memory over both. */
	assert_int_equal(map_anon(s, PAGE(4), 2 * PAGE_SIZE, RW), PAGE(4));
	expect_private(4, 4);
	expect_private(5, 5);
	expect(2, 2, 0, 0);
	expect(6, 1, 2, 61);
	check_shadow();
}

static void test_noreplace(void **state)
{
	struct map_args a = { .addr = PAGE(1),
			      .length = 2 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .fixed = true,
			      .noreplace = true };
	struct mirror_call call = { .nr = NR_mmap,
				    .arg = { 0, a.length, RW, MAP_SHARED | MAP_FIXED, 3, 0 } };

	(void)state;
	assert_int_equal(mirror(PAGE(0), 2, 0, 0, RW), PAGE(0));
	assert_int_equal(space_mirror(s, &a, &call, PAGE_SIZE), -EEXIST);
	expect(0, 2, 0, 0);
	a.addr = PAGE(2);
	assert_int_equal(space_mirror(s, &a, &call, PAGE_SIZE), PAGE(2));
	/* What is Linux's is promised there, and counts there. */
	assert_int_equal(boot_params->counters.pages_committed, 0);
	expect(2, 2, 3, 0);
	expect(0, 2, 0, 0);
}

static void test_unmap_parts(void **state)
{
	(void)state;
	mirror(PAGE(0), 10, 0, 5, RW);
	expect(0, 10, 0, 5);
	assert_int_equal(unmap(0, 1), 0);
	expect(1, 9, 0, 6);
	assert_int_equal(unmap(9, 1), 0);
	expect(1, 8, 0, 6);
	assert_int_equal(unmap(4, 2), 0);
	expect(1, 3, 0, 6);
	expect(6, 3, 0, 11);
	assert_false(is_mapped(0) || is_mapped(4) || is_mapped(5) || is_mapped(9));
	/* The hole between the two is memory like any other. */
	map_anon(s, PAGE(4), PAGE_SIZE, RW);
	expect_private(4, 4);
	/* All of it at once, with holes. */
	assert_int_equal(unmap(0, 12), 0);
	assert_int_equal(linux_mm_entered(s), 0);
	linux_mm_check(s);
	assert_int_equal(s->total_pages, 0);
}

/* What either side writes the other sees; what Linux takes back comes again by a fault. */
static void test_pages(void **state)
{
	u64 faults;
	u8 got;

	(void)state;
	mirror(PAGE(0), 20, 1, 0, RW);
	assert_int_equal(user_write(s, PAGE(3), 77), FR_OK);
	assert_int_equal(*linux_mm_object(1, 3), 77);
	assert_int_equal(linux_write(s, PAGE(3) + 1, 78), 0);
	expect_byte(s, PAGE(3) + 1, 78);
	assert_int_equal(linux_mm_entered(s), 16);
	/* Its neighbours came for reading only. */
	faults = linux_mm.faults;
	assert_int_equal(user_write(s, PAGE(4), 79), FR_OK);
	assert_int_equal(linux_mm.faults, faults + 1);
	assert_int_equal(fake_write(s, PAGE(3), 80), 0);
	linux_mm_check(s);
	linux_mm_take_back(1, 0);
	assert_int_equal(linux_mm_entered(s), 0);
	assert_int_equal(fake_read(s, PAGE(3)), -EFAULT);
	expect_byte(s, PAGE(3), 80);
	linux_mm_truncate(1, 4);
	expect_byte(s, PAGE(3), 80);
	assert_int_equal(user_read(s, PAGE(4), &got), FR_BUS);
	assert_int_equal(user_write(s, PAGE(17), 1), FR_BUS);
	linux_mm_truncate(1, LINUX_PAGES);
	expect_byte(s, PAGE(4), 79);
	linux_mm_check(s);
}

static void test_rights(void **state)
{
	u8 got;

	(void)state;
	mirror(PAGE(0), 2, 0, 0, PROT_READ);
	assert_int_equal(user_write(s, PAGE(0), 1), FR_ACCESS);
	assert_int_equal(space_fault_wait(s, PAGE(0), ACCESS_EXEC), FR_ACCESS);
	mirror(PAGE(2), 2, 0, 2, PROT_READ | PROT_EXEC);
	assert_int_equal(space_fault_wait(s, PAGE(2), ACCESS_EXEC), FR_OK);
	mirror(PAGE(4), 2, 0, 4, PROT_NONE);
	assert_int_equal(user_read(s, PAGE(4), &got), FR_ACCESS);
	linux_mm_check(s);
}

static void test_protect(void **state)
{
	(void)state;
	mirror(PAGE(0), 6, 0, 0, RW);
	assert_int_equal(user_write(s, PAGE(2), 9), FR_OK);
	assert_int_equal(space_protect(s, PAGE(2), PAGE(4), PROT_READ), 0);
	assert_int_equal(user_write(s, PAGE(2), 1), FR_ACCESS);
	assert_int_equal(user_write(s, PAGE(1), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(4), 1), FR_OK);
	expect(0, 6, 0, 0);
	assert_int_equal(space_protect(s, PAGE(0), PAGE(6), RW), 0);
	assert_int_equal(s->region_count, 1);
	assert_int_equal(user_write(s, PAGE(2), 1), FR_OK);
	linux_mm_check(s);
}

/* Private, Linux's, private, Linux's: as far as the first refusal all have changed, and nothing behind it. */
static void test_protect_refused(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 2 * PAGE_SIZE, RW);
	mirror(PAGE(2), 2, 0, 0, RW);
	map_anon(s, PAGE(4), 2 * PAGE_SIZE, RW);
	mirror(PAGE(6), 2, 1, 0, RW);
	map_anon(s, PAGE(8), 2 * PAGE_SIZE, RW);
	for (u64 i = 0; i < 10; i++)
		assert_int_equal(user_write(s, PAGE(i), (u8)i), FR_OK);
	linux_mm.fail_nr = NR_mprotect;
	linux_mm.fail_after = 1;
	linux_mm.fail_error = -EACCES;
	assert_int_equal(space_protect(s, PAGE(0), PAGE(10), PROT_READ), -EACCES);
	for (u64 i = 0; i < 10; i++)
		assert_int_equal(user_write(s, PAGE(i), 1), i < 6 ? FR_ACCESS : FR_OK);
	linux_mm_check(s);
	/* The first of all. */
	linux_mm.fail_nr = NR_mprotect;
	linux_mm.fail_after = 0;
	assert_int_equal(space_protect(s, PAGE(6), PAGE(10), PROT_READ), -EACCES);
	assert_int_equal(user_write(s, PAGE(6), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(8), 1), FR_OK);
	linux_mm_check(s);
}

/* Linux has changed the first mapping and is about to change the second: the first's pages come back by faults. */
static void fault_in_first(void)
{
	expect_byte(s, PAGE(0), *linux_mm_object(0, 0));
}

static void at_first_change(void)
{
	linux_mm.before_call = fault_in_first;
}

static void test_protect_and_fault(void **state)
{
	(void)state;
	mirror(PAGE(0), 2, 0, 0, RW);
	map_anon(s, PAGE(2), PAGE_SIZE, RW);
	mirror(PAGE(3), 2, 1, 0, RW);
	linux_mm.before_call = at_first_change;
	assert_int_equal(space_protect(s, PAGE(0), PAGE(5), PROT_READ), 0);
	assert_null(linux_mm.before_call);
	assert_int_equal(linux_mm_entered(s), 2);
	expect(0, 2, 0, 0);
	expect(3, 2, 1, 0);
}

/* The thread must end while its change waits for a fork: it is not made here either. */
static void test_protect_ended(void **state)
{
	(void)state;
	mirror(PAGE(0), 2, 0, 0, RW);
	s->cloning = 1;
	world_must_end = true;
	assert_int_equal(space_protect(s, PAGE(0), PAGE(2), PROT_READ), -EINTR);
	world_must_end = false;
	s->cloning = 0;
	linux_mm_check(s);
}

static void test_fork(void **state)
{
	struct space *child;
	u32 entered;

	(void)state;
	mirror(PAGE(0), 6, 0, 0, RW);
	map_anon(s, PAGE(6), 2 * PAGE_SIZE, RW);
	expect_private(6, 6);
	expect(0, 6, 0, 0);
	assert_int_equal(user_write(s, PAGE(1), 9), FR_OK);
	entered = linux_mm_entered(s);
	child = space_create();
	child->linux_id = (u64)child;
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(s->cloning, 1);
	assert_int_equal(linux_mm_entered(s), entered);
	linux_mm_check(s);
	linux_mm_fork(s, child);
	space_cloned(s);
	assert_int_equal(linux_mm_entered(child), 0);
	linux_mm_check(child);
	/* The same pages, each by its own twin. */
	current_thread()->space = child;
	assert_int_equal(user_write(child, PAGE(1), 10), FR_OK);
	expect_byte(s, PAGE(1), 10);
	assert_int_equal(user_write(child, PAGE(6), 7), FR_OK);
	expect_byte(s, PAGE(6), 6);
	assert_int_equal(space_unmap(child, PAGE(0), PAGE(3)), 0);
	linux_mm_check(child);
	current_thread()->space = s;
	expect(0, 6, 0, 0);
	linux_forget(child);
	linux_mm_exit(child);
	space_put(child);
	expect(0, 6, 0, 0);
}

static u32 waits;
static struct space *born;

/* Linux's half of the fork: the change that waits has not been made. */
static void second_half(void)
{
	waits++;
	linux_mm_fork(s, born);
	world_on_wait = NULL;
	space_cloned(s);
}

static void during_fork(s64 (*change)(void))
{
	waits = 0;
	born = space_create();
	born->linux_id = (u64)born;
	assert_int_equal(space_fork(s, born), 0);
	world_on_wait = second_half;
	assert_true(change() >= 0);
	assert_int_equal(waits, 1);
	linux_mm_check(born);
	linux_mm_check(s);
	linux_mm_exit(born);
	space_put(born);
}

static s64 change_unmap(void)
{
	return unmap(1, 1);
}

static s64 change_protect(void)
{
	return space_protect(s, PAGE(2), PAGE(3), PROT_READ);
}

static s64 change_map(void)
{
	return mirror(PAGE(1), 1, 2, 0, RW);
}

static s64 change_grow(void)
{
	return remap(4, 2, 4, 0, 0);
}

static s64 change_move(void)
{
	return remap(4, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 40);
}

static void test_change_during_fork(void **state)
{
	(void)state;
	mirror(PAGE(0), 6, 0, 0, RW);
	expect(0, 6, 0, 0);
	during_fork(change_unmap);
	during_fork(change_protect);
	during_fork(change_map);
	during_fork(change_grow);
	during_fork(change_move);
	expect(40, 4, 0, 4);
}

static void test_refused(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	expect_private(1, 1);
	/* Linux refuses: what was there is gone, as on Linux, and the shadow is back. */
	linux_mm.fail_nr = NR_mmap;
	linux_mm.fail_error = -ENODEV;
	assert_int_equal(mirror(PAGE(1), 2, 0, 0, RW), -ENODEV);
	assert_false(is_mapped(1) || is_mapped(2));
	linux_mm_check(s);
	expect_private(0, 1);
	map_anon(s, PAGE(1), PAGE_SIZE, RW);
	expect_private(1, 2);
	linux_mm.fail_request = REQ_MIRROR_OPEN;
	linux_mm.request_error = -ENOMEM;
	assert_int_equal(mirror(PAGE(1), 2, 0, 0, RW), -ENOMEM);
	linux_mm_check(s);
	linux_mm.fail_request = REQ_MIRROR_OPEN;
	assert_int_equal(mirror(0, 2, 0, 0, RW), -ENOMEM);
	linux_mm.fail_nr = NR_mmap;
	assert_int_equal(mirror(0, 2, 0, 0, RW), -ENODEV);
	linux_mm_check(s);
	assert_int_equal(s->total_pages, 2);
}

/* A driver that takes no address gets the one that was meant; and nothing is left of any other. */
static void test_no_address(void **state)
{
	(void)state;
	linux_mm.no_address = true;
	assert_int_equal(mirror(PAGE(1), 2, 0, 4, RW), PAGE(1));
	expect(1, 2, 0, 4);
	linux_mm.own_place = SHADOW_END;
	assert_int_equal(mirror(PAGE(2), 2, 1, 0, RW), -EINVAL);
	expect(1, 1, 0, 4);
	assert_false(is_mapped(2));
}

/* Linux cannot put the shadow back: what is Linux's from there on stays, for both. */
static void test_close_refused(void **state)
{
	u64 pages;

	(void)state;
	mirror(PAGE(0), 2, 0, 0, RW);
	map_anon(s, PAGE(2), 2 * PAGE_SIZE, RW);
	mirror(PAGE(4), 4, 1, 0, RW);
	mirror(PAGE(8), 2, 2, 0, PROT_READ);
	expect_private(2, 1);
	expect(4, 4, 1, 0);
	pages = s->total_pages;
	linux_mm.fail_request = REQ_MIRROR_CLOSE;
	linux_mm.request_after = 1;
	linux_mm.request_error = -ENOMEM;
	assert_int_equal(unmap(1, 8), -ENOMEM);
	linux_mm_check(s);
	expect(0, 1, 0, 0);
	assert_false(is_mapped(1));
	expect(4, 4, 1, 0);
	expect(8, 2, 2, 0);
	assert_int_equal(s->total_pages + 1, pages - (is_mapped(2) ? 0 : 2));
	/* One that would have been replaced. */
	linux_mm.fail_request = REQ_MIRROR_CLOSE;
	linux_mm.request_after = 0;
	assert_int_equal(mirror(PAGE(5), 2, 3, 0, RW), -ENOMEM);
	expect(4, 4, 1, 0);
	linux_mm.fail_request = REQ_MIRROR_CLOSE;
	assert_int_equal(map_anon(s, PAGE(5), 2 * PAGE_SIZE, RW), -ENOMEM);
	expect(4, 4, 1, 0);
	assert_int_equal(unmap(0, 10), 0);
	linux_mm_check(s);
	assert_int_equal(s->total_pages, 0);
}

/* A thread's fault is on its way to Linux while another replaces the mapping: it never was unmapped. */
static void replace_by_private(void)
{
	assert_int_equal(map_anon(s, PAGE(0), 2 * PAGE_SIZE, RW), PAGE(0));
}

static void take_away(void)
{
	assert_int_equal(unmap(0, 2), 0);
}

static void test_replaced_meanwhile(void **state)
{
	u8 got = 1;

	(void)state;
	mirror(PAGE(0), 2, 0, 0, RW);
	linux_mm.before_fault = replace_by_private;
	assert_int_equal(user_read(s, PAGE(0), &got), FR_OK);
	assert_int_equal(got, 0);
	mirror(PAGE(0), 2, 0, 0, RW);
	linux_mm.before_fault = take_away;
	assert_int_equal(user_read(s, PAGE(0), &got), FR_NOMAP);
	linux_mm_check(s);
}

/* The module has taken its entries out; regions, and tables, are still there. */
static void test_end_of_space(void **state)
{
	(void)state;
	mirror(PAGE(0), 20, 0, 0, RW);
	map_anon(s, PAGE(20), 4 * PAGE_SIZE, RW);
	for (u64 i = 0; i < 24; i++)
		assert_int_equal(user_write(s, PAGE(i), 1), FR_OK);
	assert_int_equal(linux_mm_entered(s), 20);
	linux_mm_exit(s);
	space_put(s);
	s = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_places),
		test(test_noreplace),
		test(test_unmap_parts),
		test(test_pages),
		test(test_rights),
		test(test_protect),
		test(test_protect_refused),
		test(test_protect_and_fault),
		test(test_protect_ended),
		test(test_fork),
		test(test_change_during_fork),
		test(test_refused),
		test(test_no_address),
		test(test_close_refused),
		test(test_replaced_meanwhile),
		test(test_end_of_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
