/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults: what is refused, what is mapped and how much of it, stacks, file pages for both askers. */
#include <string.h>

#include "mck/ikc.h"
#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

static struct space *s;

static u64 user_pages(void)
{
	return boot_params->counters.pages_user;
}

static void test_refusals(void **state)
{
	struct fill_wanted fill;
	u8 byte;

	(void)state;
	map_anon(s, PAGE(0), PAGE_SIZE, PROT_READ);
	map_anon(s, PAGE(1), PAGE_SIZE, PROT_NONE);
	map_anon(s, PAGE(2), PAGE_SIZE, PROT_EXEC);
	assert_int_equal(user_write(s, PAGE(0), 1), FR_ACCESS);
	assert_int_equal(user_read(s, PAGE(1), &byte), FR_ACCESS);
	assert_int_equal(user_read(s, PAGE(2), &byte), FR_OK);
	assert_int_equal(user_read(s, PAGE(3), &byte), FR_NOMAP);
	assert_int_equal(space_fault_wait(s, PAGE(0), ACCESS_EXEC), FR_ACCESS);
	assert_int_equal(space_fault_wait(s, PAGE(2), ACCESS_EXEC), FR_OK);
	assert_int_equal(space_fault(s, SHADOW_END, ACCESS_READ, &fill, NULL), FR_NOMAP);
	assert_int_equal(space_fault(s, ~0UL, ACCESS_READ, &fill, NULL), FR_NOMAP);
}

static void test_rights_in_entries(void **state)
{
	int level;

	(void)state;
	map_anon(s, PAGE(0), PAGE_SIZE, PROT_READ | PROT_EXEC);
	map_anon(s, PAGE(1), PAGE_SIZE, RW);
	space_fault_wait(s, PAGE(0), ACCESS_READ);
	space_fault_wait(s, PAGE(1), ACCESS_READ);
	assert_false(*pt_leaf(s->root_pa, PAGE(0), &level) & (PTE_WRITE | PTE_NX));
	assert_true(*pt_leaf(s->root_pa, PAGE(1), &level) & PTE_NX);
	assert_true(*pt_leaf(s->root_pa, PAGE(1), &level) & PTE_WRITE);
}

static void test_fresh_memory_is_zero(void **state)
{
	u8 byte;

	(void)state;
	/* The arena is full of 0xa5, freed pages of 0xdb. */
	for (u32 round = 0; round < 3; round++) {
		map_anon(s, BASE, 6 * MIB, RW);
		for (u64 at = 0; at < 6 * MIB; at += 1024) {
			assert_int_equal(user_read(s, BASE + at, &byte), FR_OK);
			assert_int_equal(byte, 0);
			user_write(s, BASE + at, 0xff);
		}
		space_unmap(s, BASE, BASE + 6 * MIB);
		map_anon(s, BASE + PAGE_SIZE, 100 * PAGE_SIZE, RW);
		for (u64 at = PAGE_SIZE; at < 101 * PAGE_SIZE; at += 1024)
			expect_byte(s, BASE + at, 0);
		space_unmap(s, BASE, BASE + MIB);
	}
}

static void test_large_and_around(void **state)
{
	(void)state;
	map_anon(s, BASE, 2 * MIB, RW);
	user_write(s, BASE + MIB, 1);
	assert_int_equal(user_pages(), 512);
	/* Not across the end of a region, and not where small pages lie. */
	map_anon(s, BASE + 2 * MIB, MIB, RW | PROT_EXEC);
	user_write(s, BASE + 2 * MIB, 1);
	assert_int_equal(user_pages(), 513);
	/* In sequence: 1, 2, 4, 8, 16 at once; elsewhere one. */
	for (u64 n = 0; n < 32; n++)
		user_write(s, BASE + 2 * MIB + n * PAGE_SIZE, 1);
	assert_int_equal(user_pages(), 512 + 32);
	user_write(s, BASE + 2 * MIB + 100 * PAGE_SIZE, 1);
	assert_int_equal(user_pages(), 512 + 33);
	space_unmap(s, BASE, BASE + 3 * MIB);
	/* Nor when it is not wanted. */
	map_anon(s, BASE, 2 * MIB, RW);
	space_set_flags(s, BASE, BASE + 2 * MIB, REGION_NOHUGE, 0);
	user_write(s, BASE, 1);
	assert_int_equal(user_pages(), 1);
	space_unmap(s, BASE, BASE + 2 * MIB);
	map_anon(s, BASE, 2 * MIB, RW);
	s->no_huge = true;
	user_write(s, BASE, 1);
	assert_int_equal(user_pages(), 1);
}

static void test_stack(void **state)
{
	struct map_args a = { .addr = PAGE(1000),
			      .length = 4 * PAGE_SIZE,
			      .prot = RW,
			      .max_prot = 7,
			      .fixed = true,
			      .region_flags = REGION_GROWSDOWN | REGION_STACK };
	struct fill_wanted fill;
	struct claim claim;

	(void)state;
	current_thread()->kpage->rlimit_stack = 100 * PAGE_SIZE;
	assert_int_equal(space_map(s, &a), PAGE(1000));
	assert_int_equal(user_write(s, PAGE(990), 1), FR_OK);
	assert_int_equal(s->total_pages, 14);
	assert_int_equal(user_write(s, PAGE(904), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(903), 1), FR_NOMAP);
	/* Linux's faults go by the limit seen last. */
	assert_int_equal(linux_write(s, PAGE(903), 1), -EFAULT);
	current_thread()->kpage->rlimit_stack = ~0UL;
	assert_int_equal(user_write(s, PAGE(903), 1), FR_OK);
	/* Not while somebody changes what begins at its border, who needs that where it is. */
	assert_int_equal(claim_take(s, &claim, PAGE(903), PAGE(904)), 0);
	assert_int_equal(space_fault(s, PAGE(902), ACCESS_WRITE, &fill, NULL), FR_BUSY);
	claim_drop(s, &claim);
	assert_int_equal(linux_write(s, PAGE(700), 1), 0);
	/* Not into the gap above a neighbour, unless that allows no access. */
	map_anon(s, PAGE(300), PAGE_SIZE, RW);
	assert_int_equal(user_write(s, PAGE(556), 1), FR_NOMAP);
	assert_int_equal(user_write(s, PAGE(557), 1), FR_OK);
	space_protect(s, PAGE(300), PAGE(301), PROT_NONE);
	assert_int_equal(user_write(s, PAGE(301), 1), FR_OK);
	assert_int_equal(user_write(s, PAGE(300), 1), FR_ACCESS);
}

/* ---- file pages ---- */

static void test_file_by_twin(void **state)
{
	struct file *f = world_file(1, 40 * PAGE_SIZE - 100);
	u8 byte;

	(void)state;
	map_of_file(s, f, BASE, 50 * PAGE_SIZE, RW, 0);
	for (u32 i = 0; i < 40; i++)
		expect_byte(s, PAGE(i), file_byte(1, i));
	/* 16, and then ever more in sequence. */
	assert_int_equal(module.reads, 2);
	assert_int_equal(boot_params->counters.pages_cache, 0);
	assert_int_equal(user_read(s, PAGE(40), &byte), FR_BUS); /* asked of Linux */
	/* A write is the process's own. */
	user_write(s, PAGE(3), 1);
	expect_byte(s, PAGE(3), 1);
	assert_int_equal(space_discard(s, PAGE(3), PAGE(4)), 0);
	expect_byte(s, PAGE(3), file_byte(1, 3));
	assert_int_equal(module.reads, 3);
}

static void test_file_for_linux(void **state)
{
	struct file *f = world_file(2, 0); /* size not known */
	struct fill_wanted fill, again;
	u8 byte;

	(void)state;
	map_of_file(s, f, BASE, 8 * PAGE_SIZE, PROT_READ, 3);
	assert_int_equal(space_fault(s, PAGE(1), ACCESS_READ, &fill, NULL), FR_FILL);
	assert_int_equal(fill.index, 4);
	assert_int_equal(file_id(fill.file), 2);
	/* One filler only. */
	assert_int_equal(space_fault(s, PAGE(1), ACCESS_READ, &again, NULL), FR_FILLING);
	memset(pa_to_va(fill.frame_pa), 9, PAGE_SIZE);
	/* Reports of what nobody asked for change nothing. */
	file_filled(2, 4, fill.frame_pa + PAGE_SIZE, 0);
	file_filled(2, 5, fill.frame_pa, 0);
	file_filled(77, 4, fill.frame_pa, 0);
	assert_int_equal(boot_params->counters.bad_messages, 3);
	assert_int_equal(space_fault(s, PAGE(1), ACCESS_READ, &again, NULL), FR_FILLING);
	file_filled(2, 4, fill.frame_pa, 0);
	file_put(fill.file);
	file_filled(2, 4, fill.frame_pa, -EIO);
	assert_int_equal(boot_params->counters.bad_messages, 4);
	expect_byte(s, PAGE(1), 9);
	assert_int_equal(linux_read(s, PAGE(2), &byte), 0);
	assert_int_equal(byte, file_byte(2, 5));
	assert_int_equal(linux_write(s, PAGE(2), 1), -EFAULT);
}

static u8 *forced(struct space *space, u64 va)
{
	struct fill_wanted fill;
	const u64 *slot;
	int level;

	assert_int_equal(space_fault(space, va, ACCESS_FORCE, &fill, NULL), FR_OK);
	slot = pt_leaf(space->root_pa, va, &level);
	assert_true(*slot & PTE_OWN);
	assert_false(*slot & PTE_WRITE);
	return pa_to_va(*slot & PTE_ADDR_MASK);
}

/* A debugger's write: a page of the program's own, which it still may not write itself. */
static void test_forced(void **state)
{
	struct file *f = world_file(5, 8 * PAGE_SIZE);
	struct map_args shared = { .addr = PAGE(20),
				   .length = PAGE_SIZE,
				   .prot = PROT_READ,
				   .max_prot = 7,
				   .region_flags = REGION_SHARED,
				   .fixed = true,
				   .shm = shmobj_create(1) };
	struct fill_wanted fill;
	struct space *child;
	u8 *page;

	(void)state;
	map_of_file(s, f, BASE, 8 * PAGE_SIZE, PROT_READ | PROT_EXEC, 0);
	expect_byte(s, PAGE(0), file_byte(5, 0));
	expect_byte(s, PAGE(1), file_byte(5, 1));
	page = forced(s, PAGE(0));
	assert_int_equal(*page, file_byte(5, 0));
	*page = 0xcc;
	expect_byte(s, PAGE(0), 0xcc);
	assert_int_equal(user_write(s, PAGE(0), 1), FR_ACCESS);
	assert_int_equal(linux_write(s, PAGE(0), 1), -EFAULT);
	assert_ptr_equal(forced(s, PAGE(0)), page);
	/* A child has it too, and does not see what comes later. */
	child = world_space();
	assert_int_equal(space_fork(s, child), 0);
	*forced(s, PAGE(0)) = 0xf1;
	expect_byte(child, PAGE(0), 0xcc);
	expect_byte(s, PAGE(0), 0xf1);
	space_put(child);
	/* Not present yet, and not read yet. */
	map_anon(s, PAGE(16), PAGE_SIZE, PROT_READ);
	*forced(s, PAGE(16)) = 3;
	expect_byte(s, PAGE(16), 3);
	assert_int_equal(space_fault(s, PAGE(7), ACCESS_FORCE, &fill, NULL), FR_OK);
	/* The file's own pages are what they were. */
	assert_int_equal(space_discard(s, PAGE(0), PAGE(1)), 0);
	expect_byte(s, PAGE(0), file_byte(5, 0));
	/* What others share is not written behind their backs. */
	assert_int_equal(space_map(s, &shared), PAGE(20));
	assert_int_equal(space_fault(s, PAGE(20), ACCESS_FORCE, &fill, NULL), FR_ACCESS);
	map_anon(s, PAGE(17), PAGE_SIZE, PROT_NONE);
	assert_int_equal(space_fault(s, PAGE(17), ACCESS_FORCE, &fill, NULL), FR_ACCESS);
	assert_int_equal(space_fault(s, PAGE(18), ACCESS_FORCE, &fill, NULL), FR_NOMAP);
}

static struct fill_wanted other_fill;
static void other_fails(void)
{
	world_on_wait = NULL;
	file_filled(file_id(other_fill.file), other_fill.index, other_fill.frame_pa, -EIO);
	file_put(other_fill.file);
}

static void test_filler_dies(void **state)
{
	struct file *f = world_file(3, 8 * PAGE_SIZE);

	(void)state;
	map_of_file(s, f, BASE, 8 * PAGE_SIZE, PROT_READ, 0);
	/* Linux's task dies: the waiting thread reads by itself. */
	assert_int_equal(space_fault(s, PAGE(0), ACCESS_READ, &other_fill, NULL), FR_FILL);
	world_on_wait = other_fails;
	expect_byte(s, PAGE(0), file_byte(3, 0));
	/* The thread's own twin dies: it asks for no other page, and nothing is left half-way. */
	space_discard(s, PAGE(0), PAGE(8));
	file_shrink(100);
	module.reader_dies = true;
	assert_int_equal(space_fault_wait(s, PAGE(0), ACCESS_READ), FR_BUS);
	world_revive();
	assert_int_equal(user_pages() + boot_params->counters.pages_cache, 0);
	expect_byte(s, PAGE(0), file_byte(3, 0));
}

static void test_wait_ends_with_thread(void **state)
{
	struct file *f = world_file(4, 8 * PAGE_SIZE);

	(void)state;
	map_of_file(s, f, BASE, 8 * PAGE_SIZE, PROT_READ, 0);
	assert_int_equal(space_fault(s, PAGE(0), ACCESS_READ, &other_fill, NULL), FR_FILL);
	world_must_end = true;
	assert_int_equal(space_fault_wait(s, PAGE(0), ACCESS_READ), FR_BUS);
	world_must_end = false;
	other_fails();
}

static void test_read_errors(void **state)
{
	struct file *f = world_file(6, 16 * PAGE_SIZE);
	u8 byte;

	(void)state;
	map_of_file(s, f, BASE, 16 * PAGE_SIZE, PROT_READ, 0);
	module.read_error = -EIO;
	module.read_error_at = 5;
	/* An error behind the page does not matter to it. */
	expect_byte(s, PAGE(2), file_byte(6, 2));
	assert_int_equal(user_read(s, PAGE(7), &byte), FR_BUS);
	assert_int_equal(linux_read(s, PAGE(8), &byte), -EFAULT);
	expect_byte(s, PAGE(4), file_byte(6, 4));
	/* It is tried again each time. */
	module.read_error = 0;
	expect_byte(s, PAGE(7), file_byte(6, 7));
	/* Nor does one before it, at the start of what is read around it. */
	space_discard(s, PAGE(0), PAGE(16));
	file_shrink(~0UL);
	module.read_error = -EIO;
	module.read_error_at = 0;
	module.read_error_end = 3;
	expect_byte(s, PAGE(5), file_byte(6, 5));
	assert_int_equal(user_read(s, PAGE(0), &byte), FR_BUS);
	assert_int_equal(user_read(s, PAGE(2), &byte), FR_BUS);
	expect_byte(s, PAGE(3), file_byte(6, 3));
}

static u64 kernel_pages_now(void)
{
	const struct lwk_counters *c = &boot_params->counters;

	return c->pages_total - pages_free_now() - c->pages_user - c->pages_cache;
}

/* Where a file ends is what Linux says at the fault, to both askers. */
static void test_sizes_change(void **state)
{
	struct file *f = world_file(9, 4 * PAGE_SIZE - 100);
	u64 kernel;
	u8 byte;

	(void)state;
	map_of_file(s, f, BASE, 40 * PAGE_SIZE, RW, 0);
	expect_byte(s, PAGE(3), file_byte(9, 3));
	assert_int_equal(user_read(s, PAGE(4), &byte), FR_BUS);
	assert_int_equal(linux_read(s, PAGE(4), &byte), -EFAULT);
	assert_int_equal(linux_write(s, PAGE(5), 1), -EFAULT);
	world_resize(9, 30 * PAGE_SIZE);
	expect_byte(s, PAGE(4), file_byte(9, 4));
	assert_int_equal(linux_read(s, PAGE(20), &byte), 0);
	assert_int_equal(byte, file_byte(9, 20));
	assert_int_equal(linux_write(s, PAGE(5), 1), 0);
	assert_int_equal(user_write(s, PAGE(21), 1), FR_OK);
	assert_int_equal(user_read(s, PAGE(30), &byte), FR_BUS);
	/* Those who try far behind the end leave nothing there. */
	map_of_file(s, world_file(10, PAGE_SIZE), PAGE(1UL << 20), 1UL << 40, PROT_READ, 0);
	user_read(s, PAGE(1UL << 20), &byte);
	kernel = kernel_pages_now();
	for (u64 i = 1; i < 100; i++) {
		u64 va = PAGE(1UL << 20) + i * (1UL << 30);

		assert_int_equal(user_read(s, va, &byte), FR_BUS);
		assert_int_equal(linux_read(s, va, &byte), -EFAULT);
	}
	/* But for the page tables of the space, two for each place. */
	assert_in_range(kernel_pages_now() - kernel, 0, 200);
	/* Shorter again: what nobody has touched is not there. */
	world_resize(9, 10 * PAGE_SIZE);
	assert_int_equal(user_read(s, PAGE(10), &byte), FR_BUS);
	assert_int_equal(linux_read(s, PAGE(11), &byte), -EFAULT);
	/* What one asker was told is not kept from the next. */
	world_resize(9, 12 * PAGE_SIZE);
	assert_int_equal(linux_read(s, PAGE(11), &byte), 0);
	expect_byte(s, PAGE(5), 1);
	expect_byte(s, PAGE(21), 1);
}

/* ---- shortage ---- */

static u64 hoard[16384];
static u32 hoarded;

/* What is free; the file cache's pages stay. */
static void hoard_all(void)
{
	while (pages_free_now())
		hoard[hoarded++] = page_alloc(0, -1);
}

static void hoard_drop(void)
{
	while (hoarded)
		page_free(hoard[--hoarded], 0);
}

static void test_shortage(void **state)
{
	struct file *f = world_file(7, 256 * PAGE_SIZE);
	struct space *other = world_space();
	struct fill_wanted fill;

	(void)state;
	map_of_file(other, f, BASE, 256 * PAGE_SIZE, PROT_READ, 0);
	for (u32 i = 0; i < 256; i++)
		expect_byte(other, PAGE(i), file_byte(7, i));
	space_put(other);
	assert_int_equal(boot_params->counters.pages_cache, 256);
	current_thread()->space = s;
	map_anon(s, BASE, 2000 * PAGE_SIZE, RW);
	space_set_flags(s, BASE, PAGE(2000), REGION_NOHUGE, 0);
	user_write(s, PAGE(1500), 1); /* the tables */
	hoard_all();
	/* Cached pages give way first; then there is nothing. */
	assert_int_equal(user_write(s, PAGE(1501), 1), FR_OK);
	assert_in_range(boot_params->counters.pages_cache, 1, 128);
	for (u32 i = 0; i < 2; i++) {
		hoard_all();
		user_write(s, PAGE(1520), 1);
	}
	assert_int_equal(boot_params->counters.pages_cache, 0);
	assert_int_equal(module.forgets, 1);
	assert_int_equal(user_write(s, PAGE(1540), 1), FR_OOM);
	/* A thread looks for what only Linux could give back, and finds nothing. */
	assert_int_equal(space_fault(s, PAGE(1540), ACCESS_WRITE, &fill, NULL), FR_BUSY);
	assert_int_equal(space_fault(s, PAGE(1540), ACCESS_WRITE, &fill, NULL), FR_BUSY);
	world_run_deferred();
	assert_int_equal(space_fault(s, PAGE(1540), ACCESS_WRITE, &fill, NULL), FR_OOM);
	hoard_drop();
	assert_int_equal(user_write(s, PAGE(1540), 1), FR_OK);
}

static void test_mlock_style_populate(void **state)
{
	(void)state;
	map_anon(s, BASE, 5 * MIB, RW);
	assert_int_equal(space_populate(s, BASE, BASE + 5 * MIB), 0);
	assert_int_equal(user_pages(), 5 * MIB / PAGE_SIZE);
	assert_int_equal(space_populate(s, BASE, BASE + 6 * MIB), -ENOMEM);
}

int main(void)
{
#define TEST(name) world_test(name, &s, world_put)
	const struct CMUnitTest tests[] = {
		TEST(test_refusals),
		TEST(test_rights_in_entries),
		TEST(test_fresh_memory_is_zero),
		TEST(test_large_and_around),
		TEST(test_stack),
		TEST(test_file_by_twin),
		TEST(test_file_for_linux),
		TEST(test_forced),
		TEST(test_filler_dies),
		TEST(test_wait_ends_with_thread),
		TEST(test_read_errors),
		TEST(test_sizes_change),
		TEST(test_shortage),
		TEST(test_mlock_style_populate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
