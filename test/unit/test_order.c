// SPDX-License-Identifier: GPL-2.0-only
/* Who runs next on a CPU: shares by weight, credit for waiting, real-time threads first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/slot.h"
#include "process_fake.h"
#include "task/runq.h"

enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_IDLE = 5 };
#define MS 1000000UL /* cycles: 1 per nanosecond */
#define THREADS 4

static struct runq rq;
static struct thread thread[THREADS];
static struct kpage kpage[THREADS];
static u64 now;

u64 arch_cycles(void)
{
	return now;
}

struct cpu *cpu_table[ABI_MAX_CPUS];
static u32 kicked = ~0U;

void wake_cpu(u32 place)
{
	kicked = place;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	boot_params->cycles_khz = 1000000;
	memset(&rq, 0, sizeof(rq));
	memset(thread, 0, sizeof(thread));
	memset(kpage, 0, sizeof(kpage));
	for (int i = 0; i < THREADS; i++) {
		thread[i].kpage = &kpage[i];
		thread[i].state = THREAD_WAITING;
		order_arrive(&rq, &thread[i]);
		thread[i].state = THREAD_RUNNABLE;
	}
	now = 1000 * MS;
	return 0;
}

static void work(void *arg)
{
	(void)arg;
}

static struct thread *pick(void)
{
	struct thread *t = order_first(&rq);

	if (t)
		order_remove(&rq, t);
	return t;
}

static void run(struct thread *t, u64 cycles)
{
	t->times.user_cycles += cycles;
	now += cycles;
}

/* All queued threads compute for so long; each has run what stands in user_cycles. */
static void compute(u64 cycles)
{
	struct thread *t = pick();

	for (u64 end = now + cycles; now < end;) {
		u64 at = order_end(&rq, t);

		assert_true(at > now || order_over(&rq, t));
		run(t, at > now ? at - now : MS);
		if (!order_over(&rq, t))
			continue;
		order_preempted(&rq, t);
		t = pick();
	}
	order_preempted(&rq, t);
}

static void share_of(struct thread *t, u64 all, u64 percent)
{
	assert_in_range(t->times.user_cycles * 100 / all, percent - 2, percent + 2);
}

static void test_shares(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		order_wake(&rq, &thread[i]);
	compute(3000 * MS);
	for (int i = 0; i < 3; i++)
		share_of(&thread[i], 3000 * MS, 33);
}

/* As Linux: 5 steps of nice are a factor of about 3, and SCHED_IDLE is nearly nothing. */
static void test_weights(void **state)
{
	(void)state;
	kpage[1].sched = KPAGE_SCHED(SCHED_OTHER, 0, 5);
	order_wake(&rq, &thread[0]);
	order_wake(&rq, &thread[1]);
	compute(4000 * MS);
	share_of(&thread[0], 4000 * MS, 75);
	reset(NULL);
	kpage[1].sched = KPAGE_SCHED(SCHED_OTHER, 0, -5);
	order_wake(&rq, &thread[0]);
	order_wake(&rq, &thread[1]);
	compute(4000 * MS);
	share_of(&thread[0], 4000 * MS, 25);
	reset(NULL);
	kpage[1].sched = KPAGE_SCHED(SCHED_IDLE, 0, 0);
	order_wake(&rq, &thread[0]);
	order_wake(&rq, &thread[1]);
	compute(4000 * MS);
	assert_true(thread[1].times.user_cycles < 40 * MS);
}

/* A rank that is inherited moves a thread that is queued already, and is lost again. */
static void test_inherited(void **state)
{
	struct cpu cpu = { .runq = &rq };

	(void)state;
	kpage[2].sched = KPAGE_SCHED(SCHED_FIFO, 20, 0);
	for (int i = 0; i < 3; i++)
		order_wake(&rq, &thread[i]);
	assert_ptr_equal(order_first(&rq), &thread[2]);
	thread[1].inherited = sched_rank(&thread[2]) + 1;
	thread[1].cpu = 3;
	cpu_table[3] = &cpu;
	sched_rank_changed(&thread[1]);
	assert_true(rq.ranks_changed);
	assert_int_equal(kicked, 3);
	order_again(&rq);
	assert_ptr_equal(pick(), &thread[1]);
	/* It computes, and nobody else's turn comes. */
	run(&thread[1], 500 * MS);
	assert_false(order_over(&rq, &thread[1]));
	thread[1].inherited = 0;
	assert_true(order_over(&rq, &thread[1]));
	order_preempted(&rq, &thread[1]);
	assert_ptr_equal(pick(), &thread[2]);
	assert_ptr_equal(pick(), &thread[0]);
	assert_ptr_equal(pick(), &thread[1]);
	cpu_table[3] = NULL;
}

/* Who has waited runs at once before one that computes, but not for ever. */
static void test_credit(void **state)
{
	u64 lone = 0;

	(void)state;
	order_wake(&rq, &thread[0]);
	pick();
	run(&thread[0], 5000 * MS);
	assert_false(order_over(&rq, &thread[0]));
	order_charge(&rq, &thread[0]);
	order_wake(&rq, &thread[1]);
	assert_true(order_over(&rq, &thread[0]));
	order_preempted(&rq, &thread[0]);
	assert_ptr_equal(pick(), &thread[1]);
	while (!order_over(&rq, &thread[1])) {
		run(&thread[1], MS);
		lone += MS;
		assert_true(lone < 50 * MS);
	}
}

/* Short runs between short waits: a pair of such threads and one that computes get the same. */
static void test_pipeline(void **state)
{
	(void)state;
	order_wake(&rq, &thread[0]);
	pick();
	for (int i = 0; i < 20000; i++) {
		order_wake(&rq, &thread[1]);
		run(&thread[0], MS / 20);
		if (!order_over(&rq, &thread[0])) {
			order_remove(&rq, &thread[1]);
			continue;
		}
		order_preempted(&rq, &thread[0]);
		assert_ptr_equal(pick(), &thread[1]);
		run(&thread[1], MS / 10);
		order_charge(&rq, &thread[1]);
		assert_ptr_equal(pick(), &thread[0]);
	}
	assert_true(thread[1].times.user_cycles * 100 /
			    (thread[0].times.user_cycles + thread[1].times.user_cycles) >
		    40);
}

static void test_yield(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		order_wake(&rq, &thread[i]);
	/* All others come before one that yields comes again. */
	for (int i = 0; i < 9; i++) {
		struct thread *t = pick();

		assert_ptr_equal(t, &thread[i % 3]);
		run(t, 100);
		order_charge(&rq, t);
		order_yield(&rq, t);
	}
}

static void test_real_time(void **state)
{
	struct thread kernel = { .state = THREAD_RUNNABLE, .work = work };

	(void)state;
	kpage[1].sched = KPAGE_SCHED(SCHED_FIFO, 10, 0);
	kpage[2].sched = KPAGE_SCHED(SCHED_FIFO, 10, 0);
	kpage[3].sched = KPAGE_SCHED(SCHED_RR, 50, 0);
	for (int i = 0; i < THREADS; i++)
		order_wake(&rq, &thread[i]);
	order_arrive(&rq, &kernel);
	assert_ptr_equal(pick(), &kernel);
	assert_ptr_equal(pick(), &thread[3]);
	assert_ptr_equal(pick(), &thread[1]);
	/* A higher one pushes it aside; it is the first of its own afterwards. */
	order_wake(&rq, &thread[3]);
	assert_true(order_over(&rq, &thread[1]));
	order_preempted(&rq, &thread[1]);
	assert_ptr_equal(pick(), &thread[3]);
	assert_ptr_equal(pick(), &thread[1]);
	/* It has no end but its own. */
	run(&thread[1], 5000 * MS);
	assert_false(order_over(&rq, &thread[1]));
	assert_int_equal(order_end(&rq, &thread[1]), 0);
}

static void test_round_robin(void **state)
{
	(void)state;
	kpage[0].sched = kpage[1].sched = KPAGE_SCHED(SCHED_RR, 5, 0);
	order_wake(&rq, &thread[0]);
	order_wake(&rq, &thread[1]);
	compute(2000 * MS);
	share_of(&thread[0], 2000 * MS, 50);
}

/* On its way to another CPU a thread keeps what it is ahead or behind, whatever that one's clock says. */
static void test_moves(void **state)
{
	struct runq other = { .vtime = 77777 * MS };

	(void)state;
	order_wake(&rq, &thread[0]);
	pick();
	run(&thread[0], 100 * MS);
	order_charge(&rq, &thread[0]);
	order_depart(&rq, &thread[0]);
	order_arrive(&other, &thread[0]);
	assert_int_equal(thread[0].vtime, other.vtime);
	assert_ptr_equal(order_first(&other), &thread[0]);
}

static void test_silence(void **state)
{
	(void)state;
	order_wake(&rq, &thread[0]);
	pick();
	run(&thread[0], 5000 * MS);
	assert_false(order_over(&rq, &thread[0]));
	assert_int_equal(order_end(&rq, &thread[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shares, reset),
		cmocka_unit_test_setup(test_weights, reset),
		cmocka_unit_test_setup(test_inherited, reset),
		cmocka_unit_test_setup(test_credit, reset),
		cmocka_unit_test_setup(test_pipeline, reset),
		cmocka_unit_test_setup(test_yield, reset),
		cmocka_unit_test_setup(test_real_time, reset),
		cmocka_unit_test_setup(test_round_robin, reset),
		cmocka_unit_test_setup(test_moves, reset),
		cmocka_unit_test_setup(test_silence, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
