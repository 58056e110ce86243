/* SPDX-License-Identifier: GPL-2.0-only */
/* Spaces: ids, regions and their borders, where mappings are placed, the break, moves, limits, shortage. */
#include <string.h>

#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct space *s;
static struct claim other_claim; /* of somebody else */

static u32 regions(void)
{
	struct region *r;
	u32 n = 0;

	list_for_each(r, &s->regions, link)
		n++;
	return n;
}

/* Zeroes to be read where Linux has something of the proxy's, and nothing else. */
static void test_window(void **state)
{
	u64 va = WINDOW_START + 5 * PAGE_SIZE;
	struct space *child;

	(void)state;
	assert_int_equal(window_show(s, BASE), -EINVAL);
	assert_int_equal(window_show(s, va + 1), -EINVAL);
	assert_int_equal(window_show(s, SPACE_END), -EINVAL);
	assert_int_equal(fake_read(s, va), -EFAULT);
	assert_int_equal(window_show(s, va), 0);
	assert_int_equal(window_show(s, va), 0);
	assert_int_equal(fake_read(s, va), 0);
	assert_int_not_equal(fake_write(s, va, 1), 0);
	assert_int_equal(user_write(s, va, 1), FR_NOMAP);
	/* It is not memory that can be mapped over, nor is it inherited. */
	assert_false(space_mapped(s, va, va + PAGE_SIZE));
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(fake_read(child, va), -EFAULT);
	space_put(child);
	window_hide(s, va);
	assert_int_equal(fake_read(s, va), -EFAULT);
	/* The end of a space takes what is left. */
	assert_int_equal(window_show(s, va), 0);
	space_put(s);
}

static void test_ids(void **state)
{
	u64 id = s->id;
	struct space *other = world_space();

	(void)state;
	assert_int_not_equal(other->id, id);
	assert_ptr_equal(space_find(id), s);
	space_put(s);
	assert_ptr_equal(space_pin(id), s);
	space_unpin(s);
	space_put(s);
	assert_null(space_find(id));
	assert_null(space_pin(id));
	assert_null(space_find(12345));
	space_put(other);
}

static void test_borders_and_merging(void **state)
{
	struct region r;

	(void)state;
	assert_int_equal(map_anon(s, PAGE(0), 10 * PAGE_SIZE, RW), PAGE(0));
	assert_int_equal(map_anon(s, PAGE(10), 10 * PAGE_SIZE, RW), PAGE(10));
	assert_int_equal(regions(), 1);
	assert_int_equal(s->total_pages, 20);
	assert_int_equal(s->data_pages, 20);
	/* A hole, a read-only piece, and both again as before. */
	assert_int_equal(space_unmap(s, PAGE(5), PAGE(6)), 0);
	assert_int_equal(regions(), 2);
	assert_int_equal(space_protect(s, PAGE(8), PAGE(9), PROT_READ), 0);
	assert_int_equal(regions(), 4);
	assert_int_equal(s->data_pages, 18);
	assert_int_equal(space_protect(s, PAGE(8), PAGE(9), RW), 0);
	assert_int_equal(map_anon(s, PAGE(5), PAGE_SIZE, RW), PAGE(5));
	assert_int_equal(regions(), 1);
	assert_int_equal(s->total_pages, 20);
	assert_true(space_mapped(s, PAGE(0), PAGE(20)));
	assert_false(space_mapped(s, PAGE(0), PAGE(21)));
	assert_int_equal(space_piece(s, PAGE(3), &r), 17 * PAGE_SIZE);
	assert_int_equal(space_piece(s, PAGE(20), &r), 0);
	/* Unmapping nothing is no error. */
	assert_int_equal(space_unmap(s, PAGE(100), PAGE(200)), 0);
	space_put(s);
}

static void test_places(void **state)
{
	struct map_args a = { .length = 4 * PAGE_SIZE, .prot = RW, .max_prot = 7 };
	u64 top = s->mmap_base, first, second;

	(void)state;
	first = (u64)space_map(s, &a);
	assert_int_equal(first, top - 4 * PAGE_SIZE);
	second = (u64)space_map(s, &a);
	assert_int_equal(second, first - 4 * PAGE_SIZE);
	space_unmap(s, first, first + 4 * PAGE_SIZE);
	assert_int_equal(space_map(s, &a), first);
	/* A hint is taken if it is free, and is a hint otherwise. */
	a.addr = BASE;
	assert_int_equal(space_map(s, &a), BASE);
	assert_int_not_equal(space_map(s, &a), BASE);
	a.addr = 0;
	a.low32 = true;
	assert_true((u64)space_map(s, &a) < 0x80000000UL);
	a.addr = 0x20000000;
	assert_int_equal(space_map(s, &a), a.addr);
	a.addr = BASE;
	assert_true((u64)space_map(s, &a) < 0x80000000UL);
	a.addr = 0;
	a.low32 = false;
	/* Large ones lie so that large leaves fit. */
	a.length = 4 * MIB;
	assert_int_equal(space_map(s, &a) % (2 * (s64)MIB), 0);
	a.length = SHADOW_END;
	a.region_flags = REGION_NORESERVE;
	assert_int_equal(space_map(s, &a), -ENOMEM);
	space_put(s);
}

static void test_fixed(void **state)
{
	struct map_args a = { .addr = BASE,
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .fixed = true,
			      .noreplace = true };

	(void)state;
	assert_int_equal(space_map(s, &a), BASE);
	user_write(s, BASE, 9);
	assert_int_equal(space_map(s, &a), -EEXIST);
	a.addr -= PAGE_SIZE;
	assert_int_equal(space_map(s, &a), -EEXIST);
	expect_byte(s, BASE, 9);
	a.addr = BASE;
	a.noreplace = false;
	assert_int_equal(space_map(s, &a), BASE);
	expect_byte(s, BASE, 0);
	a.addr = 0x1000;
	assert_int_equal(space_map(s, &a), -EPERM);
	a.addr = SHADOW_END - PAGE_SIZE;
	assert_int_equal(space_map(s, &a), -ENOMEM);
	space_put(s);
}

static void test_protect_errors(void **state)
{
	struct map_args a = { .addr = PAGE(4),
			      .length = 4 * PAGE_SIZE,
			      .prot = PROT_READ,
			      .max_prot = PROT_READ,
			      .fixed = true };
	u8 byte;

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	assert_int_equal(space_map(s, &a), PAGE(4));
	/* As far as it goes, then the error. */
	assert_int_equal(space_protect(s, PAGE(2), PAGE(6), PROT_WRITE), -EACCES);
	assert_int_equal(user_write(s, PAGE(2), 1), FR_OK);
	assert_int_equal(space_protect(s, PAGE(2), PAGE(12), PROT_NONE), -ENOMEM);
	assert_int_equal(user_read(s, PAGE(3), &byte), FR_ACCESS);
	assert_int_equal(user_read(s, PAGE(7), &byte), FR_ACCESS);
	assert_int_equal(space_protect(s, PAGE(20), PAGE(21), RW), -ENOMEM);
	space_put(s);
}

static void test_brk(void **state)
{
	u64 start = BASE + 0x123;

	(void)state;
	s->brk_start = s->brk_end = start;
	assert_int_equal(space_brk(s, 0, ~0UL), start);
	assert_int_equal(space_brk(s, start + 1, ~0UL), start + 1);
	assert_int_equal(space_brk(s, start + 5 * PAGE_SIZE, ~0UL), start + 5 * PAGE_SIZE);
	assert_int_equal(user_write(s, PAGE(5), 7), FR_OK);
	assert_int_equal(user_write(s, PAGE(6), 7), FR_NOMAP);
	assert_int_equal(space_brk(s, start + PAGE_SIZE, ~0UL), start + PAGE_SIZE);
	assert_int_equal(user_write(s, PAGE(5), 7), FR_NOMAP);
	assert_int_equal(space_brk(s, start + 5 * PAGE_SIZE, ~0UL), start + 5 * PAGE_SIZE);
	expect_byte(s, PAGE(5), 0);
	/* Refusals leave it where it is. */
	assert_int_equal(space_brk(s, start + 9 * PAGE_SIZE, 8 * PAGE_SIZE), start + 5 * PAGE_SIZE);
	map_anon(s, PAGE(8), PAGE_SIZE, RW);
	assert_int_equal(space_brk(s, start + 20 * PAGE_SIZE, ~0UL), start + 5 * PAGE_SIZE);
	assert_int_equal(space_brk(s, start + 1000 * MIB, ~0UL), start + 5 * PAGE_SIZE);
	space_put(s);
}

/* A growing region so low that its gap would reach below 0. */
static void test_low_gap(void **state)
{
	struct map_args a = { .addr = 0x40000,
			      .length = PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .region_flags = REGION_GROWSDOWN,
			      .fixed = true };

	(void)state;
	s->brk_start = s->brk_end = 0x20000;
	assert_int_equal(space_map(s, &a), a.addr);
	assert_int_equal(space_brk(s, 0x50000, ~0UL), 0x20000);
	assert_int_equal(space_brk(s, 0x30000, ~0UL), 0x20000);
	space_put(s);
}

/* Its upper part grows too when the lower one is gone. */
static void test_growing_in_parts(void **state)
{
	struct map_args a = { .addr = PAGE(100),
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .region_flags = REGION_GROWSDOWN | REGION_STACK,
			      .fixed = true };

	(void)state;
	assert_int_equal(space_map(s, &a), a.addr);
	assert_int_equal(space_protect(s, PAGE(102), PAGE(103), PROT_READ), 0);
	assert_int_equal(regions(), 3);
	assert_int_equal(space_protect(s, PAGE(102), PAGE(103), RW), 0);
	assert_int_equal(regions(), 1);
	assert_int_equal(space_unmap(s, PAGE(100), PAGE(102)), 0);
	assert_int_equal(user_write(s, PAGE(99), 1), FR_OK);
	assert_int_equal(s->total_pages, 5);
	space_put(s);
}

static void test_remap(void **state)
{
	s64 at;

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	for (u32 i = 0; i < 4; i++)
		user_write(s, PAGE(i), (u8)(i + 1));
	/* In place while there is room. */
	assert_int_equal(space_remap(s, PAGE(0), 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), PAGE(0));
	user_write(s, PAGE(7), 8);
	assert_int_equal(space_remap(s, PAGE(0), 8 * PAGE_SIZE, 6 * PAGE_SIZE, 0, 0), PAGE(0));
	assert_int_equal(user_write(s, PAGE(7), 8), FR_NOMAP);
	/* Not beyond a neighbour, unless it may move. */
	map_anon(s, PAGE(6), PAGE_SIZE, PROT_READ);
	assert_int_equal(space_remap(s, PAGE(0), 6 * PAGE_SIZE, 12 * PAGE_SIZE, 0, 0), -ENOMEM);
	at = space_remap(s, PAGE(0), 6 * PAGE_SIZE, 12 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(at > 0 && (u64)at != PAGE(0));
	for (u32 i = 0; i < 4; i++)
		expect_byte(s, (u64)at + i * PAGE_SIZE, (u8)(i + 1));
	expect_byte(s, (u64)at + 11 * PAGE_SIZE, 0);
	assert_int_equal(user_write(s, PAGE(0), 1), FR_NOMAP);
	/* To a fixed place, over what is there; with its own place kept, empty. */
	assert_int_equal(space_remap(s, (u64)at, 4 * PAGE_SIZE, 4 * PAGE_SIZE,
				     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, PAGE(4)),
			 PAGE(4));
	expect_byte(s, PAGE(7), 4);
	expect_byte(s, (u64)at, 0);
	assert_int_equal(space_remap(s, PAGE(50), PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(space_remap(s, PAGE(4), 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(space_remap(s, PAGE(4), 9 * PAGE_SIZE, 10 * PAGE_SIZE, MREMAP_MAYMOVE, 0),
			 -EFAULT);
	/* A move that shrinks drops what lies behind, holes and neighbours alike. */
	map_anon(s, PAGE(10), PAGE_SIZE, PROT_READ);
	assert_int_equal(space_remap(s, PAGE(4), 9 * PAGE_SIZE, 4 * PAGE_SIZE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, PAGE(40)),
			 PAGE(40));
	expect_byte(s, PAGE(43), 4);
	assert_false(space_mapped(s, PAGE(10), PAGE(11)));
	space_put(s);
}

/* What is shared can be mapped a second time, from any page of it on. */
static void test_remap_again(void **state)
{
	struct map_args a = { .addr = PAGE(0),
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .fixed = true,
			      .shm = shmobj_create(4) };
	s64 at;

	(void)state;
	assert_int_equal(space_map(s, &a), PAGE(0));
	user_write(s, PAGE(1), 1);
	assert_int_equal(space_remap(s, PAGE(1), 0, PAGE_SIZE, 0, 0), -ENOMEM);
	assert_int_equal(space_remap(s, PAGE(9), 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EFAULT);
	at = space_remap(s, PAGE(1), 0, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(at > 0);
	expect_byte(s, (u64)at, 1);
	user_write(s, (u64)at + PAGE_SIZE, 2);
	expect_byte(s, PAGE(2), 2);
	assert_int_equal(space_remap(s, PAGE(0), 0, 8 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     PAGE(20)),
			 PAGE(20));
	expect_byte(s, PAGE(21), 1);
	assert_int_equal(user_write(s, PAGE(24), 1), FR_BUS);
	space_put(s);
}

/* Without memory for tables a move leaves everything as it was. */
static void test_remap_undone(void **state)
{
	static u64 hoard[16384];
	u32 n = 0;
	u64 to = 0x700000000UL;

	(void)state;
	map_anon(s, BASE, 8 * MIB, RW);
	space_set_flags(s, BASE, BASE + 8 * MIB, REGION_NOHUGE, 0);
	for (u64 at = 0; at < 8 * MIB; at += 64 * PAGE_SIZE)
		user_write(s, BASE + at, (u8)(at >> 18 | 1));
	map_anon(s, to, PAGE_SIZE, RW); /* its upper tables */
	user_write(s, to, 1);
	while ((hoard[n] = page_alloc(0, -1)))
		n++;
	/* What it replaces gives back two pages: less than the four tables that it needs. */
	assert_int_equal(space_remap(s, BASE, 8 * MIB, 8 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to),
			 -ENOMEM);
	while (n)
		page_free(hoard[--n], 0);
	for (u64 at = 0; at < 8 * MIB; at += 64 * PAGE_SIZE)
		expect_byte(s, BASE + at, (u8)(at >> 18 | 1));
	space_put(s);
}

/* All memory, of the kernel's small objects too. */
static u32 hoard_all(u64 *pages, u32 max, struct region **small)
{
	struct region *r;
	u32 n = 0;

	while (n < max && (pages[n] = page_alloc(0, -1)))
		n++;
	for (*small = NULL; (r = kmalloc(sizeof(*r))); *small = r)
		r->link.next = (struct list *)*small;
	return n;
}

static void give_back(u64 *pages, u32 n, struct region *small)
{
	while (n)
		page_free(pages[--n], 0);
	while (small) {
		struct region *next = (struct region *)small->link.next;

		kfree(small);
		small = next;
	}
}

/* Without memory for a border, nothing is unmapped; where none is needed, there is no want of memory. */
static void test_unmap_undone(void **state)
{
	static u64 hoard[16384];
	struct file *f = world_file(7, 16 * PAGE_SIZE);
	struct region *small;
	u32 n;

	(void)state;
	map_anon(s, PAGE(0), 4 * PAGE_SIZE, RW);
	assert_int_equal(map_of_file(s, f, PAGE(4), 4 * PAGE_SIZE, RW, 0), PAGE(4));
	for (u32 i = 0; i < 8; i++)
		user_write(s, PAGE(i), (u8)(i + 1));
	n = hoard_all(hoard, ARRAY_SIZE(hoard), &small);
	/* The second border is in the file's mapping. */
	assert_int_equal(space_unmap(s, PAGE(2), PAGE(6)), -ENOMEM);
	/* A hole. */
	assert_int_equal(space_unmap(s, PAGE(1), PAGE(2)), -ENOMEM);
	for (u32 i = 0; i < 8; i++)
		expect_byte(s, PAGE(i), (u8)(i + 1));
	assert_int_equal(regions(), 2);
	/* One end, and then what is left of it with the other. */
	assert_int_equal(space_unmap(s, PAGE(3), PAGE(4)), 0);
	assert_int_equal(user_write(s, PAGE(3), 1), FR_NOMAP);
	assert_int_equal(space_unmap(s, PAGE(0), PAGE(1)), 0);
	assert_int_equal(s->total_pages, 6);
	assert_int_equal(s->data_pages, 6);
	expect_byte(s, PAGE(2), 3);
	give_back(hoard, n, small);
	space_put(s);
}

/* Just below `end`, where the space chooses; of no file, or as it lies in the file. */
static s64 map_below(struct file *f, u64 end, u32 prot, u64 pgoff)
{
	s->mmap_base = end;
	if (!f)
		return map_anon(s, 0, PAGE_SIZE, prot);
	file_get(f);
	return map_of_file(s, f, 0, PAGE_SIZE, prot, pgoff);
}

static void map_at(struct file *f, u64 page)
{
	file_get(f);
	assert_int_equal(map_of_file(s, f, PAGE(page), PAGE_SIZE, PROT_READ, page), PAGE(page));
}

/* A mapping beside one of its kind, or between two, is a part of it. */
static void test_joined(void **state)
{
	struct file *f = world_file(7, 16 * PAGE_SIZE);

	(void)state;
	map_at(f, 0);
	map_at(f, 4);
	assert_int_equal(map_below(f, PAGE(4), PROT_READ, 3), PAGE(3));
	assert_int_equal(regions(), 2);
	map_at(f, 1);
	assert_int_equal(map_below(f, PAGE(3), PROT_READ, 2), PAGE(2));
	assert_int_equal(regions(), 1);
	assert_int_equal(s->total_pages, 5);
	for (u32 i = 0; i < 5; i++)
		expect_byte(s, PAGE(i), file_byte(7, i));
	/* Not what lies elsewhere in the file, nor what may be written. */
	assert_int_equal(map_below(f, PAGE(0), PROT_READ, 9), PAGE(0) - PAGE_SIZE);
	assert_int_equal(map_below(f, PAGE(0) - PAGE_SIZE, RW, 8), PAGE(0) - 2 * PAGE_SIZE);
	assert_int_equal(map_below(NULL, PAGE(0) - 2 * PAGE_SIZE, RW, 0), PAGE(0) - 3 * PAGE_SIZE);
	assert_int_equal(regions(), 4);
	/* Above one, and at a border that somebody claims. */
	assert_int_equal(map_anon(s, PAGE(20), PAGE_SIZE, RW), PAGE(20));
	assert_int_equal(map_anon(s, PAGE(22), PAGE_SIZE, PROT_READ), PAGE(22));
	assert_int_equal(map_below(NULL, PAGE(22), RW, 0), PAGE(21));
	assert_int_equal(regions(), 6);
	assert_int_equal(claim_take(s, &other_claim, PAGE(20), PAGE(21)), 0);
	assert_int_equal(map_below(NULL, PAGE(20), RW, 0), PAGE(19));
	assert_int_equal(regions(), 7);
	claim_drop(s, &other_claim);
	assert_int_equal(regions(), 6);
	space_put(s);
	file_put(f);
}

static void test_limits(void **state)
{
	struct kpage *k = current_thread()->kpage;
	struct map_args stack = {
		.length = PAGE_SIZE, .prot = RW, .max_prot = 7, .region_flags = REGION_GROWSDOWN
	};

	(void)state;
	k->rlimit_as = 16 * PAGE_SIZE;
	assert_int_equal(map_anon(s, PAGE(0), 10 * PAGE_SIZE, RW), PAGE(0));
	assert_int_equal(map_anon(s, PAGE(20), 10 * PAGE_SIZE, RW), -ENOMEM);
	/* What is replaced does not count. */
	assert_int_equal(map_anon(s, PAGE(0), 16 * PAGE_SIZE, RW), PAGE(0));
	assert_int_equal(space_remap(s, PAGE(0), 16 * PAGE_SIZE, 17 * PAGE_SIZE, 0, 0), -ENOMEM);
	k->rlimit_as = ~0UL;
	k->rlimit_data = 16 * PAGE_SIZE;
	assert_int_equal(map_anon(s, PAGE(20), PAGE_SIZE, RW), -ENOMEM);
	assert_int_equal(map_anon(s, PAGE(20), PAGE_SIZE, PROT_READ), PAGE(20));
	assert_int_equal(space_protect(s, PAGE(20), PAGE(21), RW), -ENOMEM);
	assert_int_equal(space_protect(s, PAGE(0), PAGE(1), PROT_READ), 0);
	assert_int_equal(space_protect(s, PAGE(20), PAGE(21), RW), 0);
	/* What grows down is no data. */
	k->rlimit_data = 0;
	assert_true(space_map(s, &stack) > 0);
	k->rlimit_data = ~0UL;
	/* More than there is, unless it is asked for without a promise. */
	assert_int_equal(map_anon(s, PAGE(1000), 128 * MIB, RW), -ENOMEM);
	assert_int_equal(map_anon(s, PAGE(1000), 128 * MIB, PROT_NONE), PAGE(1000));
	assert_int_equal(space_protect(s, PAGE(1000), PAGE(1000) + 128 * MIB, RW), -ENOMEM);
	space_put(s);
}

/* Tables go with what they map, and small pages leave no trace that forbids large ones. */
static void test_tables_freed(void **state)
{
	u64 before;

	(void)state;
	map_anon(s, BASE + MIB, PAGE_SIZE, RW);
	user_write(s, BASE + MIB, 1);
	before = pages_free_now();
	space_unmap(s, BASE + MIB, BASE + MIB + PAGE_SIZE);
	assert_true(pages_free_now() >= before + 2);
	map_anon(s, BASE, 2 * MIB, RW);
	user_write(s, BASE, 1);
	assert_int_equal(boot_params->counters.pages_user, 512);
	/* A move leaves none behind either. */
	map_anon(s, BASE + 3 * MIB, PAGE_SIZE, RW);
	user_write(s, BASE + 3 * MIB, 1);
	map_anon(s, BASE + 5 * MIB, PAGE_SIZE, RW);
	user_write(s, BASE + 5 * MIB, 1);
	before = pages_free_now();
	assert_int_equal(space_remap(s, BASE + 3 * MIB, PAGE_SIZE, PAGE_SIZE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 5 * MIB),
			 BASE + 5 * MIB);
	assert_true(pages_free_now() >= before + 2);
	space_put(s);
}

/* A claim in the way: who may wait does, who must end does not. */
static void drop_other(void)
{
	world_on_wait = NULL;
	claim_drop(s, &other_claim);
}

static void test_claims(void **state)
{
	(void)state;
	map_anon(s, PAGE(0), 10 * PAGE_SIZE, RW);
	assert_int_equal(claim_take(s, &other_claim, PAGE(2), PAGE(4)), 0);
	/* Others' ranges are free to change. */
	assert_int_equal(space_unmap(s, PAGE(5), PAGE(6)), 0);
	assert_int_equal(user_write(s, PAGE(2), 1), FR_OK);
	world_on_wait = drop_other;
	assert_int_equal(space_unmap(s, PAGE(3), PAGE(5)), 0);
	assert_null(world_on_wait);
	assert_int_equal(claim_take(s, &other_claim, PAGE(2), PAGE(4)), 0);
	world_must_end = true;
	assert_int_equal(space_unmap(s, PAGE(3), PAGE(5)), -EINTR);
	assert_int_equal(space_protect(s, PAGE(0), PAGE(4), PROT_READ), -EINTR);
	world_must_end = false;
	/* No place inside of a claim. */
	s->mmap_base = PAGE(4);
	assert_int_equal(map_anon(s, 0, PAGE_SIZE, PROT_READ), PAGE(0) - PAGE_SIZE);
	claim_drop(s, &other_claim);
	space_put(s);
}

int main(void)
{
#define TEST(name) world_test(name, &s, world_end)
	const struct CMUnitTest tests[] = {
		TEST(test_window), TEST(test_ids),	    TEST(test_borders_and_merging),
		TEST(test_places), TEST(test_fixed),	    TEST(test_protect_errors),
		TEST(test_brk),	   TEST(test_low_gap),	    TEST(test_growing_in_parts),
		TEST(test_remap),  TEST(test_remap_again),  TEST(test_remap_undone),
		TEST(test_limits), TEST(test_tables_freed), TEST(test_claims),
		TEST(test_joined), TEST(test_unmap_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
