/* SPDX-License-Identifier: GPL-2.0-only */
/* When a timer on CPU time can expire: never told too late, and looked at seldom if it is far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <cmocka.h>

#include "twin/expiry.h"

#define NEVER (~0ULL)
#define TICK 4000000UL
#define MOST 25UL

static unsigned long long left(unsigned long long a, unsigned long long b, unsigned long long c)
{
	static const unsigned long long now[IHK_CPU_CLOCKS] = { 1000, 700, 1100 };
	const unsigned long long next[IHK_CPU_CLOCKS] = { a, b, c };

	return ihk_expiry_left(now, next);
}

static void test_first_one_counts(void **state)
{
	(void)state;
	assert_true(left(NEVER, NEVER, NEVER) == NEVER);
	assert_true(left(1500, NEVER, NEVER) == 500);
	assert_true(left(1500, 701, NEVER) == 1);
	assert_true(left(1500, 1500, 1130) == 30);
	/* By its own clock, not by another's. */
	assert_true(left(NEVER, 900, NEVER) == 200);
}

static void test_passed(void **state)
{
	(void)state;
	assert_true(left(1000, NEVER, NEVER) == 0);
	assert_true(left(NEVER, NEVER, 1) == 0);
	assert_true(left(0, 5000, NEVER) == 0);
	assert_true(left(1001, NEVER, NEVER) == 1);
}

/* However far it is, all CPUs together cannot pass it between two looks by more than a tick. */
static void test_looks_are_in_time(void **state)
{
	unsigned long long ns;
	unsigned int cpus;

	(void)state;
	for (cpus = 1; cpus <= 256; cpus *= 2) {
		for (ns = 1; ns < 1ULL << 40; ns = ns * 3 + 1) {
			unsigned long ticks = ihk_expiry_ticks(ns, cpus, TICK, MOST);

			assert_in_range(ticks, 1, MOST);
			assert_true((unsigned long long)(ticks - 1) * TICK * cpus < ns);
		}
		assert_int_equal(ihk_expiry_ticks(0, cpus, TICK, MOST), 1);
		assert_int_equal(ihk_expiry_ticks(NEVER, cpus, TICK, MOST), MOST);
	}
}

/* Not at each tick, when it is far. */
static void test_looks_are_few(void **state)
{
	unsigned long long ns = 10000000000ULL;
	unsigned int looks = 0;

	(void)state;
	while (ns > TICK) {
		unsigned long long passed =
			(unsigned long long)ihk_expiry_ticks(ns, 8, TICK, MOST) * TICK;

		ns = ns > passed ? ns - passed : 0;
		looks++;
	}
	/* 93 of the longest, and then some that halve what is left. */
	assert_in_range(looks, 93, 140);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_one_counts),
		cmocka_unit_test(test_passed),
		cmocka_unit_test(test_looks_are_in_time),
		cmocka_unit_test(test_looks_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
