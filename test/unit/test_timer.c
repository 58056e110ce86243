// SPDX-License-Identifier: GPL-2.0-only
/* The timer of a CPU: the earliest of what is wanted, and silence when nothing is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "process_fake.h"
#include "task/runq.h"

static struct runq rq;
static struct thread sleeper[3];
static u64 now; /* cycles: 1 per nanosecond */
static int set; /* how often the timer was touched */
static u64 set_us; /* 0: stopped */

void sched_look(struct runq *at, struct thread *t)
{
	(void)at, (void)t;
	fail();
}

u64 arch_cycles(void)
{
	return now;
}

u64 cycles_to_ns(u64 cycles)
{
	return cycles;
}

void arch_timer(u64 us)
{
	set++;
	set_us = us;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	boot_params->cycles_khz = 1000000;
	memset(&rq, 0, sizeof(rq));
	memset(sleeper, 0, sizeof(sleeper));
	this_cpu()->runq = &rq;
	rq.asked = &sleeper[0];
	now = 1000000000;
	set = 0;
	set_us = 0;
	return 0;
}

static void test_silence(void **state)
{
	(void)state;
	timer_set(&rq, false);
	assert_int_equal(set, 0);
	sched_wake_at(now + 5000000);
	timer_set(&rq, false);
	assert_int_equal(set_us, 5001);
	/* It stops when it is wanted no more, once. */
	alarm_clear(&rq, &sleeper[0]);
	timer_set(&rq, false);
	assert_int_equal(set_us, 0);
	timer_set(&rq, false);
	assert_int_equal(set, 2);
}

/* A far alarm hides neither the end of a slice nor what Linux has not taken. */
static void test_earliest(void **state)
{
	(void)state;
	sched_wake_at(now + 60 * 1000000000UL);
	timer_set(&rq, false);
	assert_int_equal(set_us, 60000001);
	rq.slice_end = now + 3000000;
	timer_set(&rq, true);
	assert_int_equal(set_us, 3001);
	/* It runs; what comes later changes nothing. */
	rq.watch = true;
	timer_set(&rq, true);
	assert_int_equal(set, 2);
	up_tick();
	assert_true(rq.tick);
	now += 3000000;
	timer_set(&rq, false);
	assert_int_equal(set_us, RING_AGAIN_US + 1);
	/* Nor do later looks put it off. */
	now += 1000000;
	timer_set(&rq, false);
	assert_int_equal(set, 3);
}

static void test_past(void **state)
{
	(void)state;
	rq.slice_end = now - 1;
	timer_set(&rq, true);
	assert_int_equal(set_us, 1);
	up_tick();
	sched_wake_at(0); /* a time, not "none" */
	timer_set(&rq, false);
	assert_int_equal(set_us, 1);
	assert_int_equal(set, 2);
}

static void test_alarms(void **state)
{
	(void)state;
	static const u64 after[] = { 7, 3, 5 };

	for (int i = 0; i < 3; i++) {
		rq.asked = &sleeper[i];
		sched_wake_at(now + after[i]);
	}
	timer_set(&rq, false);
	assert_int_equal(set_us, 1);
	assert_null(alarm_due(&rq));
	now += 5;
	assert_ptr_equal(alarm_due(&rq), &sleeper[1]);
	assert_ptr_equal(alarm_due(&rq), &sleeper[2]);
	assert_null(alarm_due(&rq));
	/* What it says last counts, and nothing once it waits no more. */
	sched_wake_at(now + 4);
	rq.asked = &sleeper[0];
	sched_wake_at(now + 9);
	now += 4;
	assert_ptr_equal(alarm_due(&rq), &sleeper[2]);
	assert_null(alarm_due(&rq));
	alarm_clear(&rq, &sleeper[0]);
	alarm_clear(&rq, &sleeper[0]);
	now += 9;
	assert_null(alarm_due(&rq));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_silence, reset),
		cmocka_unit_test_setup(test_earliest, reset),
		cmocka_unit_test_setup(test_past, reset),
		cmocka_unit_test_setup(test_alarms, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
