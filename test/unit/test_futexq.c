// SPDX-License-Identifier: GPL-2.0-only
/* The futex queue: order, keys, bits, moving; FUTEX_WAKE_OP's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mck/errno.h"
#include "mck/futexq.h"

static struct futex_queue q;
static struct futex_waiter w[4];
static u64 cpus[ABI_MAX_CPUS / 64];
static const struct futex_key a = { &q, 0x1000 }, b = { &q, 0x1004 }, c = { w, 0x1000 };

static int reset(void **state)
{
	(void)state;
	memset(&q, 0, sizeof(q));
	memset(cpus, 0, sizeof(cpus));
	for (u32 i = 0; i < 4; i++)
		w[i] = (struct futex_waiter){ .key = a, .bits = ~0U, .place = i };
	return 0;
}

static void test_order(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		futex_queue_add(&q, &w[i]);
	assert_int_equal(futex_queue_wake(&q, &a, 2, ~0U, cpus), 2);
	assert_true(w[0].woken && w[1].woken && !w[2].woken);
	assert_int_equal(cpus[0], 3);
	assert_int_equal(futex_queue_wake(&q, &a, 9, ~0U, cpus), 1);
	assert_int_equal(futex_queue_wake(&q, &a, 9, ~0U, cpus), 0);
}

static void test_keys(void **state)
{
	(void)state;
	w[1].key = b;
	w[2].key = c;
	for (int i = 0; i < 3; i++)
		futex_queue_add(&q, &w[i]);
	assert_int_equal(futex_queue_wake(&q, &b, 9, ~0U, cpus), 1);
	assert_true(w[1].woken);
	assert_int_equal(futex_queue_wake(&q, &c, 9, ~0U, cpus), 1);
	assert_false(w[0].woken);
	futex_queue_remove(&q, &w[0]);
	assert_int_equal(futex_queue_wake(&q, &a, 9, ~0U, cpus), 0);
}

static void test_bits(void **state)
{
	(void)state;
	w[0].bits = 1;
	w[1].bits = 6;
	futex_queue_add(&q, &w[0]);
	futex_queue_add(&q, &w[1]);
	assert_int_equal(futex_queue_wake(&q, &a, 9, 4, cpus), 1);
	assert_true(w[1].woken && !w[0].woken);
}

static void test_move(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		futex_queue_add(&q, &w[i]);
	assert_int_equal(futex_queue_wake(&q, &a, 1, ~0U, cpus), 1);
	assert_int_equal(futex_queue_move(&q, &a, &b, 2), 2);
	assert_int_equal(futex_queue_wake(&q, &b, 1, ~0U, cpus), 1);
	assert_true(w[1].woken && !w[2].woken);
	assert_int_equal(futex_queue_wake(&q, &a, 9, ~0U, cpus), 1);
	assert_true(w[3].woken);
	/* Onto itself: nobody is lost, and it ends. */
	assert_int_equal(futex_queue_move(&q, &b, &b, 9), 1);
	assert_int_equal(futex_queue_wake(&q, &b, 9, ~0U, cpus), 1);
}

static u32 op(u32 kind, u32 test, s32 by, s32 with)
{
	return kind << 28 | test << 24 | ((u32)by & 0xfff) << 12 | ((u32)with & 0xfff);
}

static void test_wake_op(void **state)
{
	u32 word = 5;
	bool holds;

	(void)state;
	assert_int_equal(futex_op_apply(&word, op(0, 0, 9, 5), &holds), 0); /* set; old == 5 */
	assert_true(holds);
	assert_int_equal(word, 9);
	assert_int_equal(futex_op_apply(&word, op(1, 2, -2, 9), &holds), 0); /* add; old < 9 */
	assert_false(holds);
	assert_int_equal(word, 7);
	assert_int_equal(futex_op_apply(&word, op(3, 4, 3, -1), &holds), 0); /* and not; old > -1 */
	assert_true(holds);
	assert_int_equal(word, 4);
	assert_int_equal(futex_op_apply(&word, op(2 | 8, 5, 4, 4), &holds), 0); /* or 1 << 4; >= */
	assert_true(holds);
	assert_int_equal(word, 20);
	assert_int_equal(futex_op_apply(&word, op(4, 1, 20, 20), &holds), 0); /* xor; != */
	assert_false(holds);
	assert_int_equal(word, 0);
	assert_int_equal(futex_op_apply(&word, op(5, 0, 1, 0), &holds), -ENOSYS);
	assert_int_equal(futex_op_apply(&word, op(0, 6, 0, 0), &holds), -ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, reset),
		cmocka_unit_test_setup(test_keys, reset),
		cmocka_unit_test_setup(test_bits, reset),
		cmocka_unit_test_setup(test_move, reset),
		cmocka_unit_test_setup(test_wake_op, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
