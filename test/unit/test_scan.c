// SPDX-License-Identifier: GPL-2.0-only
/* What a scan costs, in basic blocks executed, when few threads of its CPU sleep and when many do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/note.h"
#include "mck/clock.h"
#include "mck/mm.h"
#include "process_fake.h"
#include "task/runq.h"

#define FEW 10U
#define MANY 10000U

/* The compiler calls this at each basic block of all that this test is made of (-fsanitize-coverage). */
static u64 blocks;
void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	blocks++;
}

static struct runq rq;
static struct thread idle, *thread;
static struct kpage *kpage;
static u64 now;
static u32 rung; /* twins */
static u32 sets; /* of the clock */
static struct thread *reranked; /* the last one whose rank was told to be another */
struct cpu *cpu_table[ABI_MAX_CPUS];

/* ---- what the scheduler stands on ---- */

u64 arch_cycles(void)
{
	return now++;
}

u64 cycles_to_ns(u64 cycles)
{
	return cycles;
}

u32 clock_sets(void)
{
	return sets;
}

void arch_timer(u64 us)
{
	(void)us;
}

void arch_idle(void)
{
}

void arch_kick(u32 place)
{
	(void)place;
}

void arch_answer_flush(void)
{
}

void arch_park(struct thread *t)
{
	(void)t;
}

void arch_unpark(struct thread *t)
{
	(void)t;
}

void arch_switch(struct thread *from, struct thread *to)
{
	(void)from, (void)to;
	fail();
}

void arch_enter_user(struct thread *t)
{
	(void)t;
	abort();
}

void assert_no_lock(void)
{
}

void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	(void)rank;
	lock->value = 0;
}

void *kzalloc(size_t size)
{
	(void)size;
	return NULL;
}

void phys_publish(void)
{
}

struct thread *thread_create_kernel(void (*work)(void *arg), void *arg, int node)
{
	(void)work, (void)arg, (void)node;
	return NULL;
}

void thread_set_cpu(struct thread *t, u32 place)
{
	t->cpu = place;
}

void thread_reap(struct thread *t)
{
	(void)t;
}

void thread_gone(struct thread *t)
{
	(void)t;
}

void thread_exit(void)
{
	abort();
}

void tid_add(struct thread *t)
{
	(void)t;
}

bool thread_must_end(const struct thread *t)
{
	return t->end_reason;
}

u32 sched_place(const struct thread *t)
{
	return t->cpu;
}

void balance_idle(struct runq *at)
{
	(void)at;
}

void balance_busy(void)
{
}

void balance_push(struct runq *at)
{
	(void)at;
}

void up_poll(void)
{
}

bool up_untaken(void)
{
	return false;
}

void up_ring_again(void)
{
}

void up_call_twin(const struct thread *t)
{
	(void)t;
	rung++;
}

void up_rank_changed(struct thread *t)
{
	reranked = t;
}

bool up_stopping(void)
{
	return false;
}

void up_cpu_stop(void)
{
	abort();
}

/* ---- the sleepers ---- */

static struct boot_cpu *boot(void)
{
	return this_cpu()->boot;
}

/* They wait for their twins, each on its own. */
static void sleepers(u32 count)
{
	fake_reset();
	boot_params->cycles_khz = 1000000;
	memset(&rq, 0, sizeof(rq));
	list_init(&rq.all);
	list_init(&rq.asking);
	list_init(&rq.posted);
	list_init(&rq.incoming);
	cpu_table[0] = this_cpu();
	this_cpu()->runq = &rq;
	this_cpu()->boot = &boot_params->cpus[0];
	this_cpu()->current = &idle;
	now = 1000000000;
	rung = 0;
	thread = test_calloc(count, sizeof(*thread));
	kpage = test_calloc(count, sizeof(*kpage));
	for (u32 i = 0; i < count; i++) {
		struct thread *t = &thread[i];

		list_init(&t->asks);
		list_init(&t->posted);
		t->kpage = &kpage[i];
		kpage[i].thread = (u64)t;
		kpage[i].note = (u64)&kpage[i];
		sched_assign(t, 0);
	}
	sched_scan();
	assert_null(rq.queue.root);
}

static void sleepers_free(void)
{
	test_free(thread);
	test_free(kpage);
}

static u64 cost_of_scan(void)
{
	u64 before = blocks;

	sched_scan();
	return blocks - before;
}

/* This one, and no other, is awake. */
static void expect_awake(u32 i)
{
	assert_ptr_equal(order_first(&rq), &thread[i]);
	order_remove(&rq, &thread[i]);
	assert_null(order_first(&rq));
	assert_int_equal(thread[i].state, THREAD_RUNNABLE);
}

static void linux_notes(u32 i)
{
	note_add(&boot()->notes, &kpage[i].note_queued, &kpage[i].note_next, kpage[i].note);
	boot()->attention = 1;
}

static u64 cost_told_by_linux(u32 count)
{
	u64 cost;

	sleepers(count);
	kpage[count / 2].in_wait = 1;
	linux_notes(count / 2);
	cost = cost_of_scan();
	expect_awake(count / 2);
	sleepers_free();
	return cost;
}

static u64 cost_told_here(u32 count)
{
	u64 cost;

	sleepers(count);
	thread[count / 2].end_reason = 1;
	wake_cpu(sched_note(&thread[count / 2]));
	cost = cost_of_scan();
	expect_awake(count / 2);
	sleepers_free();
	return cost;
}

/* A doorbell that is about nobody. */
static u64 cost_rung(u32 count)
{
	u64 cost;

	sleepers(count);
	boot()->attention = 1;
	cost = cost_of_scan();
	assert_null(rq.queue.root);
	sleepers_free();
	return cost;
}

/* All have sent something to Linux, which has taken it but for one. */
static u64 cost_watched(u32 count)
{
	u64 cost;

	sleepers(count);
	for (u32 i = 0; i < count; i++) {
		this_cpu()->current = &thread[i];
		kpage[i].req_seq = 1;
		kpage[i].taken_seq = i != 1;
		kpage[i].twin_state = TWIN_SLEEPING;
		sched_posted();
	}
	this_cpu()->current = &idle;
	sched_watch();
	now += 20000000;
	boot()->attention = 1;
	cost_of_scan();
	assert_int_equal(rung, 1);
	assert_true(rq.watch);
	boot()->attention = 1;
	cost = cost_of_scan();
	assert_int_equal(rung, 1);
	kpage[1].taken_seq = 1;
	boot()->attention = 1;
	sched_scan();
	assert_false(rq.watch);
	sleepers_free();
	return cost;
}

static void expect_first(u32 i)
{
	sched_scan();
	assert_ptr_equal(order_first(&rq), &thread[i]);
}

/* A priority that Linux changes acts at once: on one in the queue, and on one that waits. */
static void test_scheduling_changes(void **state)
{
	(void)state;
	sleepers(FEW);
	for (u32 i = 0; i < 3; i++) {
		kpage[i].in_wait = 1;
		linux_notes(i);
	}
	sched_scan();
	assert_null(reranked);
	kpage[2].sched = KPAGE_SCHED(1, 10, 0);
	linux_notes(2);
	expect_first(2);
	assert_ptr_equal(reranked, &thread[2]);
	kpage[1].sched = KPAGE_SCHED(1, 20, 0);
	linux_notes(1);
	expect_first(1);
	kpage[1].sched = 0;
	linux_notes(1);
	expect_first(2);
	reranked = NULL;
	kpage[FEW - 1].sched = KPAGE_SCHED(1, 5, 0);
	linux_notes(FEW - 1);
	expect_first(2);
	assert_ptr_equal(reranked, &thread[FEW - 1]);
	assert_int_equal(thread[FEW - 1].state, THREAD_WAITING);
	reranked = NULL;
	linux_notes(FEW - 1);
	expect_first(2);
	assert_null(reranked);
	sleepers_free();
}

static void compare(u64 (*cost)(u32 count))
{
	u64 few = cost(FEW), many = cost(MANY);

	print_message("%lu and %lu blocks\n", few, many);
	assert_true(few > 0);
	assert_true(many * 10 <= few * 12);
}

static void test_costs(void **state)
{
	(void)state;
	compare(cost_told_by_linux);
	compare(cost_told_here);
	compare(cost_rung);
	compare(cost_watched);
}

/* By their alarms: the due ones, and no others. */
static bool never(void *arg)
{
	struct thread *t = arg;

	if (now >= t->vtime_at)
		return true;
	sched_wake_at(t->vtime_at);
	return false;
}

static void test_alarms(void **state)
{
	(void)state;
	sleepers(FEW);
	for (u32 i = 0; i < FEW; i++) {
		thread[i].cond = never;
		thread[i].vtime_at = now + 1000 * (1 + (i * 7) % FEW);
		linux_notes(i);
	}
	sched_scan();
	for (u32 at = 1; at <= FEW; at++) {
		now += 1000;
		up_tick();
		sched_scan();
		expect_awake((at - 1) * 3 % FEW);
	}
	sleepers_free();
}

/* A clock is set: whatever time a thread has named, it is asked, and goes on to wait if it was another clock's. */
static void test_clock_set(void **state)
{
	(void)state;
	sleepers(FEW);
	for (u32 i = 0; i < FEW; i++) {
		thread[i].cond = never;
		thread[i].vtime_at = now + 1000000000 + 1000 * i;
		linux_notes(i);
	}
	sched_scan();
	assert_null(rq.queue.root);
	thread[3].vtime_at = now;
	boot()->attention = 1;
	sched_scan();
	assert_null(rq.queue.root);
	sets++;
	boot()->attention = 1;
	sched_scan();
	expect_awake(3);
	for (u32 i = 0; i < FEW; i++)
		assert_int_equal(thread[i].alarm_at, i == 3 ? 0 : thread[i].vtime_at);
	now += 1000000000;
	up_tick();
	sched_scan();
	expect_awake(0);
	sleepers_free();
}

/* Who waits for what wakes CPUs is asked at each note; a hold is answered for who sleeps. */
static void test_kinds(void **state)
{
	(void)state;
	sleepers(FEW);
	kpage[3].in_wait = 1;
	kpage[4].in_wait = 1;
	list_add_tail(&rq.asking, &thread[3].asks);
	wake_cpu(0);
	sched_scan();
	expect_awake(3);
	assert_true(list_empty(&rq.asking));
	kpage[5].hold = 7;
	linux_notes(5);
	sched_scan();
	assert_int_equal(kpage[5].held, 7);
	assert_int_equal(rung, 1);
	assert_null(order_first(&rq));
	sleepers_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs),	  cmocka_unit_test(test_alarms),
		cmocka_unit_test(test_kinds),	  cmocka_unit_test(test_scheduling_changes),
		cmocka_unit_test(test_clock_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
