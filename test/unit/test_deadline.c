// SPDX-License-Identifier: GPL-2.0-only
/* Deadlines on a clock that can be read, that cannot, and that changes in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mck/deadline.h"
#include "mck/errno.h"
#include "mck/syscalls.h"
#include "mck/task.h"
#include "process_fake.h"

#define DATE (1700000000UL * NSEC_PER_SEC)

/* A machine whose counter makes two cycles a nanosecond, and whose clock may be Linux's alone. */
static u64 cycles, time_ns;
static bool readable;
static u32 asked;
static s64 answer;
static u64 wake_at;

u64 arch_cycles(void)
{
	return cycles;
}

u64 ns_to_cycles(u64 ns)
{
	return ns > ~0UL / 4 ? ~0UL / 2 : 2 * ns;
}

bool clock_read(enum clock_id id, struct clock_time *time)
{
	assert_true(id == CLOCK_REALTIME || !readable);
	time->sec = time_ns / NSEC_PER_SEC;
	time->nsec = time_ns % NSEC_PER_SEC;
	return readable;
}

s64 clock_ask(enum clock_id id, u64 *ns)
{
	assert_int_equal(id, CLOCK_REALTIME);
	asked++;
	*ns = time_ns;
	return answer;
}

static u32 sets;
static bool waited_for;

u32 clock_sets(void)
{
	return sets;
}

void clock_is_waited_for(void)
{
	waited_for = true;
}

void sched_wake_at(u64 at)
{
	wake_at = at;
}

static void pass(u64 ns)
{
	time_ns += ns;
	cycles += 2 * ns;
}

static struct deadline start(bool can_read, u64 ns, bool absolute)
{
	struct deadline d = { .clock = CLOCK_REALTIME, .ns = DEADLINE_NEVER };

	cycles = 5000;
	time_ns = DATE;
	readable = can_read;
	asked = 0;
	answer = 0;
	wake_at = 0;
	assert_false(deadline_passed(&d));
	assert_int_equal(deadline_set(&d, ns, absolute), 0);
	return d;
}

static void test_readable(void **state)
{
	struct deadline d = start(true, 100, false);

	(void)state;
	assert_false(deadline_passed(&d));
	assert_int_equal(wake_at, 5200);
	pass(99);
	assert_false(deadline_passed(&d));
	pass(1);
	assert_true(deadline_passed(&d));
	assert_true(deadline_confirm(&d));
	assert_int_equal(asked, 0);
}

/* Linux is asked at the beginning and at the end, and the cycles since the machine's start are no date. */
static void test_unreadable(void **state)
{
	(void)state;
	for (int absolute = 0; absolute < 2; absolute++) {
		struct deadline d = start(false, absolute ? DATE + 100 : 100, absolute);

		assert_int_equal(asked, 1);
		assert_false(deadline_passed(&d));
		assert_int_equal(wake_at, 5200);
		pass(100);
		assert_true(deadline_passed(&d));
		assert_int_equal(asked, 1);
		assert_true(deadline_confirm(&d));
		assert_int_equal(asked, 2);
	}
}

static void test_past(void **state)
{
	(void)state;
	for (int can_read = 0; can_read < 2; can_read++) {
		struct deadline d = start(can_read, DATE - 1, true);

		assert_true(deadline_passed(&d));
		assert_true(deadline_confirm(&d));
	}
}

/* The counter's rate is not quite the clock's: no wait ends early, and the rest is waited for. */
static void test_rate(void **state)
{
	struct deadline d = start(false, 1000, false);

	(void)state;
	pass(990);
	cycles += 20;
	assert_true(deadline_passed(&d));
	assert_false(deadline_confirm(&d));
	assert_false(deadline_passed(&d));
	assert_int_equal(wake_at, cycles + 20);
	pass(10);
	assert_true(deadline_passed(&d));
	assert_true(deadline_confirm(&d));
}

/* To a source that cannot be read and back, in the middle of a wait; then the clock is set. */
static void test_change(void **state)
{
	struct deadline d = start(true, DATE + 1000, true);

	(void)state;
	pass(100);
	assert_false(deadline_passed(&d));
	readable = false;
	pass(100);
	assert_false(deadline_passed(&d));
	assert_int_equal(wake_at, 5000 + 2000);
	readable = true;
	pass(100);
	time_ns += 600;
	assert_false(deadline_passed(&d));
	assert_int_equal(wake_at, cycles + 200);
	time_ns += 100;
	assert_true(deadline_passed(&d));
	assert_int_equal(asked, 0);
}

static void test_far(void **state)
{
	struct deadline d = start(false, (1UL << 33) * NSEC_PER_SEC - 1, true);

	(void)state;
	pass(NSEC_PER_SEC);
	assert_false(deadline_passed(&d));
}

/* A signal comes instead of the time. */
static void test_signal(void **state)
{
	struct deadline d = start(false, 100, false);
	struct deadline other = { .clock = CLOCK_REALTIME, .ns = DEADLINE_NEVER };

	(void)state;
	pass(100);
	answer = -ERESTARTNOINTR;
	assert_int_equal(deadline_set(&other, 100, false), -ERESTARTNOINTR);
	assert_true(deadline_passed(&d));
	assert_false(deadline_confirm(&d));
}

/* Linux alone can tell what time it is now: it is asked, whatever the cycles say. */
static void test_set(void **state)
{
	struct deadline d = start(false, DATE + 1000, true);
	struct deadline other = { .clock = CLOCK_MONOTONIC, .ns = 1, .cycles = ~0UL / 2 };

	(void)state;
	assert_true(waited_for);
	pass(100);
	assert_false(deadline_passed(&d));
	time_ns -= 50;
	sets++;
	assert_true(deadline_passed(&d));
	assert_false(deadline_confirm(&d));
	assert_false(deadline_passed(&d));
	assert_int_equal(wake_at, cycles + 2 * 950);
	time_ns += 950;
	sets++;
	assert_true(deadline_passed(&d));
	assert_true(deadline_confirm(&d));
	/* This one is never set. */
	assert_false(deadline_passed(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readable), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_past),	 cmocka_unit_test(test_rate),
		cmocka_unit_test(test_change),	 cmocka_unit_test(test_far),
		cmocka_unit_test(test_signal),	 cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
