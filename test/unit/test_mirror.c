/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings that are Linux's own: the regions, the tables and Linux tell the same after whatever came of a change. */
#include "mm_linux.h"
#include "mm_world.h"
#include "mck/sys_memory.h"
#include "mck/sysnr.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct space *s;

/* `addr` 0: anywhere. */
static s64 mirror(u64 addr, u64 pages, u32 object, u64 first, u32 prot)
{
	struct map_args a = { .addr = addr,
			      .length = pages * PAGE_SIZE,
			      .prot = prot,
			      .max_prot = 7,
			      .fixed = addr,
			      .pgoff = first };
	struct mirror_call call = { .nr = NR_mmap,
				    .arg = { 0, a.length, prot, MAP_SHARED | MAP_FIXED, object,
					     first * PAGE_SIZE } };

	return space_mirror(s, &a, &call, PAGE_SIZE);
}

static int unmap(u64 first, u64 pages)
{
	return space_unmap(s, PAGE(first), PAGE(first + pages));
}

static s64 remap(u64 at, u64 pages, u64 new_pages, u32 flags, u64 to)
{
	return space_remap(s, PAGE(at), pages * PAGE_SIZE, new_pages * PAGE_SIZE, flags, PAGE(to));
}

static struct region region_of(u64 va)
{
	struct region r = { 0 };

	space_piece(s, va, &r);
	return r;
}

static bool is_mapped(u64 page)
{
	struct region r;

	return space_piece(s, PAGE(page), &r);
}

/* Pages from `at` on are the object's from `first` on, for both kernels. */
static void expect(u64 at, u64 pages, u32 object, u64 first)
{
	for (u64 i = 0; i < pages; i++) {
		u8 want = *linux_mm_object(object, first + i), got = 0;

		assert_true(space_is_mirror(s, PAGE(at + i)));
		expect_byte(s, PAGE(at + i), want);
		assert_int_equal(linux_read(s, PAGE(at + i), &got), 0);
		assert_int_equal(got, want);
	}
	linux_mm_check(s);
}

/* Private memory is there, and Linux sees it. */
static void expect_private(u64 at, u8 byte)
{
	u8 got = 0;

	assert_false(space_is_mirror(s, PAGE(at)));
	assert_int_equal(user_write(s, PAGE(at), byte), FR_OK);
	assert_int_equal(linux_read(s, PAGE(at), &got), 0);
	assert_int_equal(got, byte);
	linux_mm_check(s);
}

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

static int teardown(void **state)
{
	if (s)
		linux_mm_exit(s);
	return world_put(state);
}

#define test(name) world_test(name, &s, teardown)

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
		test(test_protect_ended),
		test(test_grow),
		test(test_shrink),
		test(test_move),
		test(test_dontunmap),
		test(test_again),
		test(test_grow_of_another),
		test(test_fork),
		test(test_change_during_fork),
		test(test_refused),
		test(test_close_refused),
		test(test_segments),
		test(test_two_segments),
		test(test_mmap),
		test(test_ranges),
		test(test_dontfork),
		test(test_replaced_meanwhile),
		test(test_end_of_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
