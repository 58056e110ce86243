/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the other kernel has owed something: what counts and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <cmocka.h>

#include "base/patience.h"

#define MOST 1000

static struct ihk_patience p;

static void test_looks_add_up(void **state)
{
	unsigned long now;

	(void)state;
	ihk_patience_begin(&p, 500);
	for (now = 520; now <= 2500; now += 20)
		assert_int_equal(ihk_patience_look(&p, now, MOST, 1), now - 500);
}

/* A waiter that did not run for an hour has not watched for an hour. */
static void test_a_late_look_counts_little(void **state)
{
	(void)state;
	ihk_patience_begin(&p, 0);
	assert_int_equal(ihk_patience_look(&p, 3600000, MOST, 1), MOST);
	assert_int_equal(ihk_patience_look(&p, 3600020, MOST, 1), MOST + 20);
}

/* While Linux is the debtor the count stands still, and goes on afterwards. */
static void test_linux_owes(void **state)
{
	(void)state;
	ihk_patience_begin(&p, 0);
	assert_int_equal(ihk_patience_look(&p, 300, MOST, 1), 300);
	assert_int_equal(ihk_patience_look(&p, 900, MOST, 0), 300);
	assert_int_equal(ihk_patience_look(&p, 1500, MOST, 0), 300);
	assert_int_equal(ihk_patience_look(&p, 1700, MOST, 1), 500);
}

static void test_begun_again(void **state)
{
	(void)state;
	ihk_patience_begin(&p, 0);
	ihk_patience_look(&p, 900, MOST, 1);
	ihk_patience_begin(&p, 900);
	assert_int_equal(ihk_patience_look(&p, 901, MOST, 1), 1);
}

static void test_the_clock_wraps(void **state)
{
	(void)state;
	ihk_patience_begin(&p, ULONG_MAX - 4);
	assert_int_equal(ihk_patience_look(&p, 15, MOST, 1), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looks_add_up),
		cmocka_unit_test(test_a_late_look_counts_little),
		cmocka_unit_test(test_linux_owes),
		cmocka_unit_test(test_begun_again),
		cmocka_unit_test(test_the_clock_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
