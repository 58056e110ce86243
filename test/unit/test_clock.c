// SPDX-License-Identifier: GPL-2.0-only
/* Linux's clock data turned into time: carries, wraps, rates, and what is not told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mck/clock.h"
#include "process_fake.h"

void *arch_map_linux(u64 pa, u64 size)
{
	(void)size;
	return (void *)pa;
}

void *arch_map_device(u64 pa, u64 size)
{
	(void)size;
	return (void *)pa;
}

u64 arch_cycles(void)
{
	return 5000;
}

/* One tick of the counter is 10 ns: mult 10 << 8. */
static const struct clock_page base = {
	.source = CLOCK_SOURCE_HPET,
	.counter_mask = 0xffffffff,
	.cycle_last = 1000,
	.mult = 10 << 8,
	.shift = 8,
	.raw_mult = 5 << 4,
	.raw_shift = 4,
	.real_sec = 1700000000,
	.nsec_shifted = 999999000UL << 8,
	.mono_sec = 77,
	.mono_nsec_shifted = 5UL << 8,
	.raw_sec = 66,
	.raw_ok = 1,
	.boot_offset_ns = 3 * NSEC_PER_SEC + 999999999,
	.tai_offset = 37,
};

static void is(const struct clock_page *p, u64 counter, enum clock_id id, u64 sec, u64 nsec)
{
	struct clock_time t;

	assert_true(clock_convert(p, counter, id, &t));
	assert_int_equal(t.sec, sec);
	assert_int_equal(t.nsec, nsec);
}

static void test_clocks(void **state)
{
	(void)state;
	is(&base, 1000, CLOCK_REALTIME, 1700000000, 999999000);
	is(&base, 1100, CLOCK_REALTIME, 1700000001, 0); /* carried into the seconds */
	is(&base, 1100, CLOCK_TAI, 1700000038, 0);
	is(&base, 1100, CLOCK_REALTIME_COARSE, 1700000000, 999999000);
	is(&base, 1100, CLOCK_MONOTONIC, 77, 1005);
	is(&base, 1100, CLOCK_MONOTONIC_COARSE, 77, 5);
	is(&base, 1000, CLOCK_BOOTTIME, 81, 4);
	is(&base, 1100, CLOCK_MONOTONIC_RAW, 66, 500);
}

static void test_wrap_and_back(void **state)
{
	struct clock_page p = base;

	(void)state;
	p.cycle_last = 0xfffffff0;
	is(&p, 0x10, CLOCK_MONOTONIC, 77, 325); /* 32 ticks over the wrap */
	is(&p, 0xffffffe0, CLOCK_MONOTONIC, 77, 5); /* behind: no time, never backwards */
}

static void test_long_delta(void **state)
{
	struct clock_page p = base;

	(void)state;
	p.source = CLOCK_SOURCE_TSC;
	p.counter_mask = ~0UL;
	p.mult = 0xffffffff; /* the product needs more than 64 bits */
	p.shift = 32;
	p.mono_nsec_shifted = 0;
	is(&p, 1000 + (1UL << 40), CLOCK_MONOTONIC, 77 + 1099, 511627520);
}

static void test_not_told(void **state)
{
	struct clock_page p = base;
	struct clock_time t;

	(void)state;
	p.raw_ok = 0;
	assert_false(clock_convert(&p, 1000, CLOCK_MONOTONIC_RAW, &t));
	assert_false(clock_convert(&p, 1000, (enum clock_id)8, &t));
	assert_false(clock_convert(&p, 1000, (enum clock_id)10, &t));
}

static void test_read(void **state)
{
	static struct clock_page page;
	struct clock_time t;

	(void)state;
	fake_reset();
	page = base;
	page.source = CLOCK_SOURCE_TSC;
	page.counter_mask = ~0UL;
	boot_params->clock = (u64)&page;
	clock_init();
	assert_true(clock_read(CLOCK_MONOTONIC, &t));
	assert_int_equal(t.nsec, 5 + 40000);
	page.seq = 1; /* the writer has died in the middle */
	assert_false(clock_read(CLOCK_MONOTONIC, &t));
	page.seq = 2;
	page.source = CLOCK_SOURCE_NONE;
	assert_false(clock_read(CLOCK_MONOTONIC, &t));
}

/* Linux writes while the page is read: the second look counts. */
static int moves;

static bool read_moving(const struct clock_page *page, u64 *counter)
{
	struct clock_page *p = (struct clock_page *)page;

	if (moves-- > 0) {
		p->seq += 2;
		p->mono_sec++;
	}
	*counter = p->cycle_last;
	return true;
}

static void test_moving(void **state)
{
	struct clock_page page = base;
	struct clock_time t;

	(void)state;
	moves = 3;
	assert_true(clock_page_read(&page, CLOCK_MONOTONIC, read_moving, &t));
	assert_int_equal(t.sec, 77 + 3);
	assert_int_equal(moves, -1);
	/* It needs no counter, and none is read. */
	moves = 1;
	assert_true(clock_page_read(&page, CLOCK_MONOTONIC_COARSE, read_moving, &t));
	assert_int_equal(t.sec, 77 + 3);
	assert_int_equal(moves, 1);
	/* Never at rest: Linux is asked. */
	moves = 1 << 20;
	assert_false(clock_page_read(&page, CLOCK_REALTIME, read_moving, &t));
}

static void test_cycles(void **state)
{
	(void)state;
	fake_reset();
	boot_params->cycles_khz = 2600000;
	assert_int_equal(ns_to_cycles(1000), 2600);
	assert_int_equal(ns_to_cycles(NSEC_PER_SEC), 2600000000UL);
	assert_int_equal(ns_to_cycles(~0UL), ~0UL / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks),	   cmocka_unit_test(test_wrap_and_back),
		cmocka_unit_test(test_long_delta), cmocka_unit_test(test_not_told),
		cmocka_unit_test(test_moving),	   cmocka_unit_test(test_read),
		cmocka_unit_test(test_cycles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
