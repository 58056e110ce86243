// SPDX-License-Identifier: GPL-2.0-only
/* The futex queue: order, keys, bits, moving; FUTEX_WAKE_OP's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mck/errno.h"
#include "mck/futexq.h"
#include "mck/mm.h"
#include "process_fake.h"

static struct futex_waiter w[4];
static struct thread threads[4];
static struct futex_sleeper sleepers[4];
static futex_cpus cpus, rung;
static struct futex_bucket *bucket;
/* Of one bucket, whatever the hash. */
static const struct futex_key a = { 8, 0x1000 }, b = { 8, 0x1004 }, c = { 9, 0x1000 };

static void *buckets; /* made once, as in the kernel */

void *kmalloc(size_t size)
{
	buckets = malloc(size);
	return buckets;
}

void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	lock->value = 0;
	lock->rank = rank;
}

bool spin_held(const struct spinlock *lock)
{
	return lock->value;
}

u32 sched_rank(const struct thread *t)
{
	return t->rank;
}

u32 sched_note(struct thread *t)
{
	t->note_queued = 1;
	return t->cpu;
}

void wake_cpu(u32 place)
{
	rung[place / 64] |= 1UL << place % 64;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	if (!buckets)
		futex_buckets_init(0);
	memset(cpus, 0, sizeof(cpus));
	memset(rung, 0, sizeof(rung));
	bucket = futex_bucket_of(&a);
	spin_lock(&bucket->lock);
	for (u32 i = 0; i < 4; i++) {
		threads[i].cpu = i;
		sleepers[i] = (struct futex_sleeper){ &threads[i], 0 };
		w[i] = (struct futex_waiter){ .key = a, .bits = ~0U, .sleeper = &sleepers[i] };
	}
	return 0;
}

static int drop(void **state)
{
	(void)state;
	list_init(&bucket->waiters);
	spin_unlock(&bucket->lock);
	return 0;
}

static bool woken(u32 i)
{
	return w[i].state == FUTEX_WOKEN && sleepers[i].rung && threads[i].note_queued;
}

static s64 wake(const struct futex_key *key, s32 count)
{
	return futex_queue_wake(bucket, key, count, ~0U, cpus);
}

static void test_order(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		futex_queue_add(bucket, &w[i]);
	assert_int_equal(wake(&a, 2), 2);
	assert_true(woken(0) && woken(1) && !woken(2));
	assert_int_equal(cpus[0], 3);
	/* One at least: as Linux, which counts before it looks. */
	assert_int_equal(wake(&a, 0), 1);
	assert_int_equal(wake(&a, 9), 0);
	futex_ring(cpus);
	assert_int_equal(rung[0], 7);
}

/* Real-time threads first, of whatever name; of one rank in the order of their coming. */
static void test_ranks(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		threads[i].rank = i == 2 ? 20 : i == 3 ? 10 : 0;
	for (u32 i = 0; i < 4; i++)
		futex_queue_add(bucket, &w[i]);
	assert_ptr_equal(futex_queue_first(bucket, &a), &w[2]);
	assert_int_equal(wake(&a, 2), 2);
	assert_true(woken(2) && woken(3));
	assert_int_equal(wake(&a, 1), 1);
	assert_true(woken(0) && !woken(1));
	threads[2].rank = threads[3].rank = 0;
}

static void test_keys(void **state)
{
	(void)state;
	w[1].key = b;
	w[2].key = c;
	for (int i = 0; i < 3; i++)
		futex_queue_add(bucket, &w[i]);
	assert_int_equal(wake(&b, 9), 1);
	assert_true(woken(1));
	assert_int_equal(wake(&c, 9), 1);
	assert_ptr_equal(futex_queue_first(bucket, &a), &w[0]);
	spin_unlock(&bucket->lock);
	assert_false(futex_waiter_leave(&w[0]));
	assert_true(futex_waiter_leave(&w[1]));
	spin_lock(&bucket->lock);
	assert_null(futex_queue_first(bucket, &a));
	assert_int_equal(wake(&a, 9), 0);
}

static void test_bits(void **state)
{
	(void)state;
	w[0].bits = 1;
	w[1].bits = 6;
	futex_queue_add(bucket, &w[0]);
	futex_queue_add(bucket, &w[1]);
	assert_int_equal(futex_queue_wake(bucket, &a, 9, 4, cpus), 1);
	assert_true(woken(1) && !woken(0));
}

static void test_move(void **state)
{
	struct futex_bucket other = { 0 };

	(void)state;
	list_init(&other.waiters);
	other.lock.value = 1;
	for (int i = 0; i < 4; i++)
		futex_queue_add(bucket, &w[i]);
	assert_int_equal(futex_queue_requeue(bucket, &a, &other, &b, 1, 2, cpus), 3);
	assert_true(woken(0) && !woken(1));
	assert_ptr_equal(w[1].bucket, &other);
	assert_int_equal(futex_queue_wake(&other, &b, 1, ~0U, cpus), 1);
	assert_true(woken(1) && !woken(2));
	assert_int_equal(wake(&a, 9), 1);
	assert_true(woken(3));
	/* Onto itself: nobody is lost, and it ends. */
	assert_int_equal(futex_queue_requeue(&other, &b, &other, &b, 0, 9, cpus), 1);
	assert_int_equal(futex_queue_wake(&other, &b, 9, ~0U, cpus), 1);
}

/* Who waits for a lock with priority inheritance is not woken without it, and ends the walk. */
static void test_inherits(void **state)
{
	struct futex_bucket other = { 0 };

	(void)state;
	list_init(&other.waiters);
	w[1].pi_key = &b;
	for (int i = 0; i < 3; i++)
		futex_queue_add(bucket, &w[i]);
	assert_int_equal(wake(&a, 9), -EINVAL);
	assert_true(woken(0) && !woken(1) && !woken(2));
	assert_int_equal(futex_queue_requeue(bucket, &a, &other, &b, 0, 9, cpus), -EINVAL);
	assert_true(list_empty(&other.waiters));
}

static u32 op(u32 kind, u32 test, s32 by, s32 with)
{
	return kind << 28 | test << 24 | ((u32)by & 0xfff) << 12 | ((u32)with & 0xfff);
}

/* The word after it; *holds: the comparison with what was there. */
static u32 operate(u32 old, u32 how, int *holds)
{
	u32 value = ~0U;

	assert_int_equal(futex_op_value(how, old, &value), 0);
	*holds = futex_op_holds(how, old);
	return value;
}

static void test_wake_op(void **state)
{
	int holds;
	u32 value;

	(void)state;
	assert_int_equal(operate(5, op(0, 0, 9, 5), &holds), 9); /* set; old == 5 */
	assert_int_equal(holds, 1);
	assert_int_equal(operate(9, op(1, 2, -2, 9), &holds), 7); /* add; old < 9 */
	assert_int_equal(holds, 0);
	assert_int_equal(operate(7, op(3, 4, 3, -1), &holds), 4); /* and not; old > -1 */
	assert_int_equal(holds, 1);
	assert_int_equal(operate(4, op(2 | 8, 5, 4, 4), &holds), 20); /* or 1 << 4; >= */
	assert_int_equal(holds, 1);
	assert_int_equal(operate(20, op(4, 1, 20, 20), &holds), 0); /* xor; != */
	assert_int_equal(holds, 0);
	assert_int_equal(futex_op_value(op(5, 0, 1, 0), 0, &value), -ENOSYS);
	assert_int_equal(futex_op_holds(op(0, 6, 0, 0), 0), -ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, reset, drop),
		cmocka_unit_test_setup_teardown(test_ranks, reset, drop),
		cmocka_unit_test_setup_teardown(test_keys, reset, drop),
		cmocka_unit_test_setup_teardown(test_bits, reset, drop),
		cmocka_unit_test_setup_teardown(test_move, reset, drop),
		cmocka_unit_test_setup_teardown(test_inherits, reset, drop),
		cmocka_unit_test(test_wake_op),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
