/* SPDX-License-Identifier: GPL-2.0-only */
/* mremap, System V segments, and the system calls on ranges, of mappings that are Linux's own. */
#include "mck/sys_memory.h"
#include "test_mirror.h"

static void test_grow(void **state)
{
	(void)state;
	mirror(PAGE(0), 4, 0, 0, RW);
	assert_int_equal(remap(0, 4, 8, 0, 0), PAGE(0));
	expect(0, 8, 0, 0);
	/* From the middle on. */
	assert_int_equal(remap(6, 2, 3, 0, 0), PAGE(6));
	expect(0, 9, 0, 0);
	/* Something is in the way, or Linux refuses: it stays, or goes elsewhere. */
	map_anon(s, PAGE(10), PAGE_SIZE, RW);
	expect_private(10, 3);
	assert_int_equal(remap(0, 9, 12, 0, 0), -ENOMEM);
	linux_mm.fail_nr = NR_mremap;
	linux_mm.fail_error = -ENOMEM;
	assert_int_equal(remap(0, 9, 10, 0, 0), -ENOMEM);
	expect(0, 9, 0, 0);
	assert_false(is_mapped(9));
	linux_mm.fail_request = REQ_MIRROR_OPEN;
	linux_mm.request_error = -ENOMEM;
	assert_int_equal(remap(0, 9, 10, 0, 0), -ENOMEM);
	expect(0, 9, 0, 0);
	expect_private(10, 4);
	/* Two files, for us one region: not for Linux. */
	mirror(PAGE(20), 1, 0, 0, RW);
	mirror(PAGE(21), 1, 1, 1, RW);
	assert_int_equal(remap(20, 2, 3, 0, 0), -EFAULT);
	assert_int_equal(remap(20, 2, 3, MREMAP_MAYMOVE, 0), -EFAULT);
	expect(20, 1, 0, 0);
	expect(21, 1, 1, 1);
}

static void test_shrink(void **state)
{
	(void)state;
	mirror(PAGE(0), 8, 0, 0, RW);
	expect(0, 8, 0, 0);
	assert_int_equal(remap(0, 8, 3, 0, 0), PAGE(0));
	expect(0, 3, 0, 0);
	assert_false(is_mapped(3));
	assert_int_equal(remap(0, 3, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 20), PAGE(20));
	expect(20, 2, 0, 0);
	assert_false(is_mapped(0) || is_mapped(2));
	assert_int_equal(s->total_pages, 2);
}

static void test_move(void **state)
{
	s64 at;

	(void)state;
	mirror(PAGE(0), 6, 0, 0, RW);
	map_anon(s, PAGE(6), PAGE_SIZE, RW);
	expect(0, 6, 0, 0);
	assert_int_equal(user_write(s, PAGE(2), 9), FR_OK);
	/* A piece, over private memory and a mirror. */
	map_anon(s, PAGE(20), 2 * PAGE_SIZE, RW);
	expect_private(20, 1);
	mirror(PAGE(22), 2, 3, 0, RW);
	expect(22, 2, 3, 0);
	assert_int_equal(remap(2, 2, 3, MREMAP_MAYMOVE | MREMAP_FIXED, 20), PAGE(20));
	expect(20, 3, 0, 2);
	expect(23, 1, 3, 1);
	expect(0, 2, 0, 0);
	expect(4, 2, 0, 4);
	assert_false(is_mapped(2) || is_mapped(3));
	/* The place that was left is the shadow's. */
	map_anon(s, PAGE(2), PAGE_SIZE, RW);
	expect_private(2, 5);
	/* No room to grow in. */
	at = remap(4, 2, 4, MREMAP_MAYMOVE, 0);
	assert_true(at > 0);
	expect(((u64)at - BASE) / PAGE_SIZE, 4, 0, 4);
	assert_false(is_mapped(4));
	/* Linux refuses: what was at the target is gone, the source is not. */
	linux_mm.fail_nr = NR_mremap;
	linux_mm.fail_error = -ENOMEM;
	assert_int_equal(remap(20, 3, 3, MREMAP_MAYMOVE | MREMAP_FIXED, 0), -ENOMEM);
	expect(20, 3, 0, 2);
	assert_false(is_mapped(0));
	map_anon(s, PAGE(0), PAGE_SIZE, RW);
	expect_private(0, 6);
	check_shadow();
}

static void test_dontunmap(void **state)
{
	(void)state;
	mirror(PAGE(0), 4, 0, 0, RW);
	space_set_flags(s, PAGE(0), PAGE(4), REGION_LOCKED, 0);
	expect(0, 4, 0, 0);
	assert_int_equal(remap(0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 10),
			 PAGE(10));
	expect(0, 4, 0, 0);
	expect(10, 4, 0, 0);
	assert_int_equal(s->total_pages, 8);
	/* What is left behind is not locked any more. */
	assert_int_equal(s->locked_pages, 4);
	assert_false(region_of(PAGE(0)).flags & REGION_LOCKED);
	assert_true(region_of(PAGE(10)).flags & REGION_LOCKED);
}

/* Old size 0: the same pages once more. */
static void test_again(void **state)
{
	s64 at;

	(void)state;
	mirror(PAGE(0), 4, 0, 10, RW);
	at = remap(1, 0, 3, MREMAP_MAYMOVE, 0);
	assert_true(at > 0);
	expect(((u64)at - BASE) / PAGE_SIZE, 3, 0, 11);
	assert_int_equal(remap(0, 0, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 30), PAGE(30));
	expect(30, 2, 0, 10);
	expect(0, 4, 0, 10);
	assert_int_equal(user_write(s, PAGE(31), 99), FR_OK);
	expect_byte(s, (u64)at, 99);
	/* Over itself: Linux finds nothing there any more. */
	assert_int_equal(remap(0, 0, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 0), -EFAULT);
	assert_false(is_mapped(0));
	linux_mm_check(s);
}

/* While another thread waits for its claim, private memory gives way to Linux's. */
static struct claim foreign;

/* Nobody else may map where Linux's mapping is about to grow to. */
static void is_claimed(void)
{
	bool claimed;

	spin_lock(&s->lock);
	claimed = claim_overlaps(s, PAGE(2), PAGE(4));
	spin_unlock(&s->lock);
	assert_true(claimed);
}

static void replace_and_release(void)
{
	claim_drop(s, &foreign);
	world_on_wait = NULL;
	assert_int_equal(unmap(0, 2), 0);
	assert_int_equal(mirror(PAGE(0), 2, 2, 0, RW), PAGE(0));
	linux_mm.before_call = is_claimed;
}

static void test_grow_of_another(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 2 * PAGE_SIZE, RW);
	assert_int_equal(claim_take(s, &foreign, PAGE(0), PAGE(2)), 0);
	world_on_wait = replace_and_release;
	assert_int_equal(remap(0, 2, 4, 0, 0), PAGE(0));
	assert_null(linux_mm.before_call);
	expect(0, 4, 2, 0);
}

static s64 attach(u64 at, u32 segment, u64 pages)
{
	struct map_args a = { .addr = PAGE(at),
			      .length = pages * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .region_flags = REGION_SEGMENT,
			      .segment = segment,
			      .fixed = true };
	struct mirror_call call = { .nr = NR_shmat, .arg = { segment }, .place = 1 };

	linux_mm_truncate(segment, pages);
	return space_mirror(s, &a, &call, PAGE_SIZE);
}

static void test_segments(void **state)
{
	(void)state;
	assert_int_equal(space_detach(s, PAGE(0)), -EINVAL);
	assert_int_equal(attach(0, 1, 6), PAGE(0));
	assert_int_equal(attach(6, 2, 2), PAGE(6));
	expect(0, 6, 1, 0);
	expect(6, 2, 2, 0);
	/* Not where it is attached, and a file's is none. */
	assert_int_equal(space_detach(s, PAGE(1)), -EINVAL);
	mirror(PAGE(20), 2, 0, 0, RW);
	assert_int_equal(space_detach(s, PAGE(20)), -EINVAL);
	/* In pieces, the first of which has gone; one has other rights. */
	assert_int_equal(unmap(0, 1), 0);
	map_anon(s, PAGE(2), PAGE_SIZE, RW);
	expect_private(2, 1);
	assert_int_equal(space_protect(s, PAGE(4), PAGE(5), PROT_READ), 0);
	linux_mm_check(s);
	assert_int_equal(space_detach(s, PAGE(0)), 0);
	assert_false(is_mapped(1) || is_mapped(3) || is_mapped(4) || is_mapped(5));
	expect_private(2, 2);
	expect(6, 2, 2, 0);
	expect(20, 2, 0, 0);
	assert_int_equal(space_detach(s, PAGE(0)), -EINVAL);
	assert_int_equal(space_detach(s, PAGE(6)), 0);
	assert_false(is_mapped(6));
	linux_mm_check(s);
}

/* A piece of another segment lies where this one would go on: it is the other's. */
static void test_two_segments(void **state)
{
	(void)state;
	assert_int_equal(attach(0, 1, 3), PAGE(0));
	assert_int_equal(unmap(0, 1), 0);
	assert_int_equal(attach(0, 2, 1), PAGE(0));
	assert_int_equal(space_detach(s, PAGE(0)), 0);
	assert_false(is_mapped(0));
	expect(1, 2, 1, 1);
	assert_int_equal(space_detach(s, PAGE(0)), 0);
	assert_false(is_mapped(1));
	linux_mm_check(s);
}

/* ---- the system calls ---- */

static s64 do_call(s64 (*fn)(const u64 arg[6]), u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	return fn((const u64[6]){ a, b, c, d, e, f });
}

static void test_mmap(void **state)
{
	const u64 fixed = MAP_SHARED | MAP_FIXED;
	s64 at;

	(void)state;
	module.open_page_size = PAGE_SIZE;
	at = do_call(sys_mmap, 0, 3 * PAGE_SIZE - 5, RW, MAP_SHARED, 2, 4 * PAGE_SIZE);
	assert_true(at > 0);
	expect(((u64)at - BASE) / PAGE_SIZE, 3, 2, 4);
	assert_int_equal(do_call(sys_mmap, PAGE(0), PAGE_SIZE, PROT_READ, fixed, 1, 0), PAGE(0));
	expect(0, 1, 1, 0);
	assert_int_equal(do_call(sys_mmap, PAGE(0), PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE,
				 1, 0),
			 -EEXIST);
	/* A hint is taken, if there is room. */
	assert_int_equal(do_call(sys_mmap, PAGE(10), PAGE_SIZE, RW, MAP_SHARED, 3, 0), PAGE(10));
	expect(10, 1, 3, 0);
	assert_true((u64)do_call(sys_mmap, 0, PAGE_SIZE, RW, MAP_SHARED | MAP_32BIT, 3, 0) <
		    1UL << 31);
	assert_int_equal(do_call(sys_mmap, PAGE(20), PAGE_SIZE, RW, MAP_SHARED | MAP_POPULATE, 3,
				 0),
			 PAGE(20));
	assert_true(fake_read(s, PAGE(20)) >= 0);
	/* What may not be written to may not become so. */
	module.open_noexec = true;
	assert_int_equal(do_call(sys_mmap, PAGE(30), PAGE_SIZE, RW, fixed, 3, 0), PAGE(30));
	assert_int_equal(do_call(sys_mprotect, PAGE(30), PAGE_SIZE, PROT_EXEC, 0, 0, 0), -EACCES);
	/* Of huge pages. */
	module.open_page_size = 1UL << 21;
	assert_int_equal(do_call(sys_mmap, PAGE(1), PAGE_SIZE, RW, fixed, 1, 0), -EINVAL);
	assert_int_equal(do_call(sys_mmap, 0, ~0UL << 13, RW, MAP_SHARED, 1, 0), -ENOMEM);
	linux_mm_check(s);
	assert_int_equal(do_call(sys_munmap, BASE, 1UL << 40, 0, 0, 0, 0), 0);
	linux_mm_check(s);
}

static void expect_asked(u64 calls, u64 page, u64 pages)
{
	assert_int_equal(linux_mm.asked, calls);
	assert_int_equal(linux_mm.start, PAGE(page));
	assert_int_equal(linux_mm.size, pages * PAGE_SIZE);
}

/* Linux is asked about what is its own, and nothing else. */
static void test_ranges(void **state)
{
	u8 got;

	(void)state;
	map_anon(s, PAGE(0), 2 * PAGE_SIZE, RW);
	mirror(PAGE(2), 3, 0, 0, RW);
	map_anon(s, PAGE(5), PAGE_SIZE, RW);
	mirror(PAGE(8), 2, 1, 0, RW);
	map_anon(s, PAGE(50), PAGE_SIZE, RW);
	assert_int_equal(do_call(sys_msync, PAGE(1), 3 * PAGE_SIZE, MS_SYNC, 0, 0, 0), 0);
	expect_asked(1, 2, 2);
	/* A hole: the rest is done. */
	assert_int_equal(do_call(sys_msync, PAGE(0), 10 * PAGE_SIZE, MS_SYNC, 0, 0, 0), -ENOMEM);
	expect_asked(3, 8, 2);
	assert_int_equal(user_write(s, PAGE(1), 5), FR_OK);
	assert_int_equal(user_write(s, PAGE(2), 6), FR_OK);
	assert_int_equal(do_call(sys_madvise, PAGE(0), 5 * PAGE_SIZE, MADV_DONTNEED, 0, 0, 0), 0);
	expect_asked(4, 2, 3);
	expect_byte(s, PAGE(1), 0);
	assert_int_equal(linux_mm_entered(s), 0);
	expect_byte(s, PAGE(2), 6);
	linux_mm.fail_nr = NR_madvise;
	linux_mm.fail_error = -EACCES;
	assert_int_equal(do_call(sys_madvise, PAGE(0), 6 * PAGE_SIZE, MADV_REMOVE, 0, 0, 0),
			 -EINVAL);
	assert_int_equal(do_call(sys_madvise, PAGE(2), PAGE_SIZE, MADV_REMOVE, 0, 0, 0), -EACCES);
	assert_int_equal(do_call(sys_mlock, PAGE(1), 2 * PAGE_SIZE, 0, 0, 0, 0), 0);
	expect_asked(5, 2, 1);
	assert_int_equal(s->locked_pages, 2);
	assert_int_equal(do_call(sys_munlock, PAGE(0), 6 * PAGE_SIZE, 0, 0, 0, 0), 0);
	assert_int_equal(s->locked_pages, 0);
	assert_int_equal(do_call(sys_mincore, PAGE(0), 6 * PAGE_SIZE, PAGE(50), 0, 0, 0), 0);
	for (u64 i = 0; i < 6; i++) {
		assert_int_equal(user_read(s, PAGE(50) + i, &got), FR_OK);
		assert_int_equal(got, i >= 1 && i < 5);
	}
	linux_mm_check(s);
}

static s64 reorder(u64 at, u64 pages, u64 first)
{
	return do_call(sys_remap_file_pages, PAGE(at), pages * PAGE_SIZE, 0, first, 0, 0);
}

static void test_reorder(void **state)
{
	u64 own;

	(void)state;
	mirror(PAGE(0), 4, 0, 0, RW);
	expect(0, 4, 0, 0);
	assert_int_equal(reorder(1, 2, 0), 0);
	expect(0, 1, 0, 0);
	expect(1, 2, 0, 0);
	expect(3, 1, 0, 3);
	/* Its pieces are pieces for every other call. */
	assert_int_equal(remap(2, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 20), PAGE(20));
	expect(20, 1, 0, 1);
	assert_int_equal(reorder(0, 2, 0), -EINVAL); /* two mappings, for Linux */
	expect(1, 1, 0, 0);
	linux_mm.fail_nr = NR_remap_file_pages;
	linux_mm.fail_error = -ENOMEM;
	assert_int_equal(reorder(3, 1, 0), -ENOMEM);
	expect(3, 1, 0, 3);
	/* In order again they are one. */
	assert_int_equal(reorder(1, 1, 1), 0);
	assert_int_equal(region_of(PAGE(0)).end, PAGE(2));
	/* Private memory, and none. */
	map_anon(s, PAGE(30), PAGE_SIZE, RW);
	assert_int_equal(reorder(30, 1, 0), -EINVAL);
	assert_int_equal(reorder(31, 1, 0), -EINVAL);
	assert_int_equal(reorder(3, 2, 0), -EINVAL);
	/* Shared memory of ours. */
	own = (u64)do_call(sys_mmap, PAGE(40), 4 * PAGE_SIZE, RW,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0);
	assert_int_equal(own, PAGE(40));
	for (u8 i = 0; i < 4; i++)
		assert_int_equal(user_write(s, PAGE(40 + i), (u8)(10 + i)), FR_OK);
	assert_int_equal(reorder(40, 2, 2), 0);
	expect_byte(s, PAGE(40), 12);
	expect_byte(s, PAGE(41), 13);
	assert_int_equal(user_write(s, PAGE(40), 7), FR_OK);
	expect_byte(s, PAGE(42), 7);
	assert_int_equal(reorder(40, 4, 1), 0);
	expect_byte(s, PAGE(40), 11);
	assert_int_equal(user_write(s, PAGE(43), 1), FR_BUS); /* behind its end */
	assert_int_equal(reorder(40, 4, 0), 0);
	expect_byte(s, PAGE(40), 10);
	assert_int_equal(s->total_pages, 3 + 1 + 1 + 4);
	linux_mm_check(s);
}

/* A child without what it was not to have: here, and in Linux. */
static void test_dontfork(void **state)
{
	(void)state;
	mirror(PAGE(0), 3, 0, 0, RW);
	assert_int_equal(do_call(sys_madvise, PAGE(1), PAGE_SIZE, MADV_DONTFORK, 0, 0, 0), 0);
	expect_asked(1, 1, 1);
	assert_true(region_of(PAGE(1)).flags & REGION_DONTFORK);
	assert_int_equal(do_call(sys_madvise, PAGE(0), 3 * PAGE_SIZE, MADV_DOFORK, 0, 0, 0), 0);
	assert_int_equal(s->region_count, 1);
	linux_mm_check(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_grow),      test(test_shrink),       test(test_move),
		test(test_dontunmap), test(test_again),	       test(test_grow_of_another),
		test(test_segments),  test(test_two_segments), test(test_mmap),
		test(test_ranges),    test(test_dontfork),     test(test_reorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
