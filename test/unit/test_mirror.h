/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of Linux's own mappings have in common. */
#ifndef TEST_MIRROR_H
#define TEST_MIRROR_H

#include "mck/sysnr.h"
#include "mm_linux.h"
#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct space *s;

/* `addr` 0: anywhere. */
static inline s64 mirror(u64 addr, u64 pages, u32 object, u64 first, u32 prot)
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

static inline int unmap(u64 first, u64 pages)
{
	return space_unmap(s, PAGE(first), PAGE(first + pages));
}

static inline s64 remap(u64 at, u64 pages, u64 new_pages, u32 flags, u64 to)
{
	return space_remap(s, PAGE(at), pages * PAGE_SIZE, new_pages * PAGE_SIZE, flags, PAGE(to));
}

static inline struct region region_of(u64 va)
{
	struct region r = { 0 };

	space_piece(s, va, &r);
	return r;
}

static inline bool is_mapped(u64 page)
{
	struct region r;

	return space_piece(s, PAGE(page), &r);
}

/* Pages from `at` on are the object's from `first` on, for both kernels. */
static inline void expect(u64 at, u64 pages, u32 object, u64 first)
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
static inline void expect_private(u64 at, u8 byte)
{
	u8 got = 0;

	assert_false(space_is_mirror(s, PAGE(at)));
	assert_int_equal(user_write(s, PAGE(at), byte), FR_OK);
	assert_int_equal(linux_read(s, PAGE(at), &got), 0);
	assert_int_equal(got, byte);
	linux_mm_check(s);
}

static inline int teardown(void **state)
{
	if (s)
		linux_mm_exit(s);
	return world_put(state);
}

#define test(name) world_test(name, &s, teardown)

#endif
