/* SPDX-License-Identifier: GPL-2.0-only */
/* What calls cost in a space of many mappings, in basic blocks executed; and the limit of mappings. */
#include "mm_world.h"

#define BASE 0x400000000UL
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1UL << 20)
#define FEW 4000U
#define MANY 32000U /* eight times as many */
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

/* The compiler calls this at each basic block of all that this test is made of (-fsanitize-coverage). */
static u64 blocks;
void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	blocks++;
}

static struct space *s;

static int setup(void **state)
{
	(void)state;
	world_start(160 * MIB);
	s = world_space();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_stop();
	return 0;
}

/* A number of mappings that cannot become one: every second page. */
static void many(u32 count)
{
	for (u32 i = 0; i < count; i++)
		assert_int_equal(map_anon(s, PAGE(2 * i), PAGE_SIZE, RW), PAGE(2 * i));
	assert_int_equal(s->region_count, count);
}

static void none(void)
{
	assert_int_equal(space_unmap(s, BASE, PAGE(4 * MANY)), 0);
	assert_int_equal(s->region_count, 0);
}

static u32 step;
static u32 shuffled(u32 count)
{
	step += 7919; /* a prime: each once */
	return step % count;
}

static u64 cost_map(u32 count)
{
	u64 before = blocks;

	many(count);
	return blocks - before;
}

/* A change of each of them alone. */
static u64 cost_each(u32 count, int (*change)(u64 start, u64 end))
{
	u64 before;

	many(count);
	before = blocks;
	for (u32 i = 0; i < count; i++) {
		u64 at = PAGE(2 * shuffled(count));

		assert_int_equal(change(at, at + PAGE_SIZE), 0);
	}
	return blocks - before;
}

static int unmap(u64 start, u64 end)
{
	return space_unmap(s, start, end);
}

static u64 cost_unmap(u32 count)
{
	u64 cost = cost_each(count, unmap);

	assert_int_equal(s->region_count, 0);
	return cost;
}

static u64 cost_fault(u32 count)
{
	u64 before;

	many(count);
	before = blocks;
	/* The same number in each: what a single one costs is compared. */
	for (u32 i = 0; i < FEW; i++)
		assert_int_equal(user_write(s, PAGE(2 * shuffled(count)), 1), FR_OK);
	return (blocks - before) * (count / FEW);
}

/* All holes are too small, but one far below. */
static u64 cost_place(u32 count)
{
	struct map_args a = { .length = 2 * PAGE_SIZE, .prot = RW, .max_prot = 7 };
	u64 before, at;

	many(count);
	s->mmap_base = PAGE(2 * count);
	before = blocks;
	for (u32 i = 0; i < FEW; i++) {
		at = (u64)space_map(s, &a);
		assert_true(at < BASE);
		assert_int_equal(space_unmap(s, at, at + a.length), 0);
	}
	return (blocks - before) * (count / FEW);
}

static u64 cost_fork(u32 count)
{
	struct space *child;
	u64 before;

	many(count);
	for (u32 i = 0; i < count; i += 64)
		user_write(s, PAGE(2 * i), (u8)i);
	child = space_create();
	before = blocks;
	assert_int_equal(space_fork(s, child), 0);
	assert_int_equal(child->region_count, count);
	expect_byte(child, PAGE(128), 64);
	space_put(child);
	return blocks - before;
}

static int protect(u64 start, u64 end)
{
	return space_protect(s, start, end, PROT_READ);
}

static u64 cost_protect(u32 count)
{
	return cost_each(count, protect);
}

/* Eight times as many may cost eight times as much, and half of that more for the tree's depth. */
static void grows_linearly(const char *what, u64 (*cost)(u32 count))
{
	u64 few, more;

	step = 0;
	few = cost(FEW);
	none();
	more = cost(MANY);
	none();
	print_message("%s: %lu and %lu blocks, %lu for each of many\n", what, few, more,
		      more / MANY);
	assert_true(few > FEW);
	assert_true(more <= few * (MANY / FEW) * 3 / 2);
}

static void test_costs(void **state)
{
	(void)state;
	grows_linearly("mmap", cost_map);
	grows_linearly("munmap", cost_unmap);
	grows_linearly("fault", cost_fault);
	grows_linearly("mmap without a hint", cost_place);
	grows_linearly("mprotect", cost_protect);
	grows_linearly("fork and exit", cost_fork);
	space_put(s);
}

/* At the limit nothing is split or added; what makes no more mappings goes on. */
static void test_limit(void **state)
{
	struct map_args a = {
		.addr = BASE, .length = 3 * PAGE_SIZE, .prot = RW, .max_prot = 7, .fixed = true
	};

	(void)state;
	assert_int_equal(space_map(s, &a), BASE);
	for (u32 i = 1; i <= MAPPINGS_MAX; i++)
		assert_int_equal(map_anon(s, PAGE(2 * i + 4), PAGE_SIZE, RW), PAGE(2 * i + 4));
	assert_int_equal(s->region_count, MAPPINGS_MAX + 1);
	assert_int_equal(map_anon(s, PAGE(0) - 2 * PAGE_SIZE, PAGE_SIZE, RW), -ENOMEM);
	a.fixed = false;
	assert_int_equal(space_map(s, &a), -ENOMEM);
	assert_int_equal(space_unmap(s, PAGE(1), PAGE(2)), -ENOMEM);
	assert_int_equal(space_protect(s, PAGE(1), PAGE(2), PROT_READ), -ENOMEM);
	assert_int_equal(space_set_flags(s, PAGE(1), PAGE(2), REGION_DONTFORK, 0), -ENOMEM);
	assert_int_equal(space_remap(s, PAGE(1), PAGE_SIZE, 9 * PAGE_SIZE, MREMAP_MAYMOVE, 0),
			 -ENOMEM);
	assert_int_equal(space_remap(s, PAGE(6), PAGE_SIZE, PAGE_SIZE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, PAGE(4)),
			 -ENOMEM);
	/* Nothing has changed, and these make no more. */
	assert_int_equal(s->region_count, MAPPINGS_MAX + 1);
	assert_int_equal(space_discard(s, PAGE(1), PAGE(2)), 0);
	assert_int_equal(space_protect(s, PAGE(0), PAGE(3), PROT_READ), 0);
	assert_int_equal(space_unmap(s, PAGE(2), PAGE(3)), 0);
	assert_int_equal(space_unmap(s, PAGE(0), PAGE(2)), 0);
	assert_int_equal(s->region_count, MAPPINGS_MAX);
	assert_int_equal(map_anon(s, PAGE(0), PAGE_SIZE, RW), PAGE(0));
	space_put(s);
}

/* A thread that must end does not go on for as long as its program has asked for. */
static void test_ends(void **state)
{
	struct space *child = space_create();
	u64 turns;

	(void)state;
	many(FEW);
	world_must_end = true;
	turns = world_turns;
	assert_int_equal(space_fork(s, child), -EINTR);
	assert_int_equal(world_turns - turns, 1);
	space_put(child);
	none();
	map_anon(s, BASE, 64 * MIB, RW);
	assert_int_equal(space_populate(s, BASE, BASE + 64 * MIB), -EINTR);
	assert_true(boot_params->counters.pages_user < 64 * MIB / PAGE_SIZE);
	world_must_end = false;
	/* Others have their turn where the work must be done. */
	turns = world_turns;
	assert_int_equal(space_populate(s, BASE, BASE + 64 * MIB), 0);
	assert_int_equal(space_unmap(s, BASE, BASE + 64 * MIB), 0);
	many(FEW);
	none();
	assert_true(world_turns - turns > 2 * (FEW / LOOP_TURN));
	space_put(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_costs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
