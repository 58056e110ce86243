/* SPDX-License-Identifier: GPL-2.0-only */
/* Both sides of the lending protocol in threads: programs that change memory, Linux that touches it, the module that zaps. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../mckernel/arch/fake/fake.h"
#include "../../mckernel/mm/internal.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/offload.h"
#include "mck/task.h"

#define BASE 0x400000000UL
#define PAGES 1024U
#define LINUX_TASKS 2
#define ROUNDS 400

enum { CPU_PROGRAM, CPU_KTHREAD, CPU_LINUX, CPUS = CPU_LINUX + LINUX_TASKS };

static struct space *space;
static bool over;

/* ---- the module ---- */

/* What Linux's page tables show at each page: address and right. */
static pthread_rwlock_t insert_lock = PTHREAD_RWLOCK_INITIALIZER;
static u64 seq; /* raised by each zap, under insert_lock for writing */
static u64 shadow[PAGES]; /* under insert_lock: pa, 1: writable; 0: nothing */
static u64 inserts, retries, zaps;

static unsigned int walk_begin(void)
{
	unsigned int e = __atomic_load_n(&space->epoch->epoch, __ATOMIC_SEQ_CST) & 1;

	__atomic_add_fetch(&space->epoch->walkers[e], 1, __ATOMIC_SEQ_CST);
	return e;
}

static void walk_end(unsigned int e)
{
	__atomic_sub_fetch(&space->epoch->walkers[e], 1, __ATOMIC_SEQ_CST);
}

/* The page at va, marked as lent; 0: a miss. */
static u64 lend(u64 va, bool write)
{
	unsigned int e = walk_begin();
	int level;
	u64 *leaf = pt_leaf(space->root_pa, va, &level);
	u64 old = leaf ? __atomic_load_n(leaf, __ATOMIC_ACQUIRE) : 0;
	u64 result = 0;

	while ((old & PTE_PRESENT) && (!write || (old & PTE_WRITE))) {
		if ((old & PTE_LENT) ||
		    __atomic_compare_exchange_n(leaf, &old, old | PTE_LENT, false, __ATOMIC_SEQ_CST,
						__ATOMIC_ACQUIRE)) {
			result = ((old & PTE_ADDR_MASK) + (va & (pt_span(level) - 1))) |
				 ((old & PTE_WRITE) ? 1 : 0);
			break;
		}
	}
	walk_end(e);
	return result;
}

static void insert(u32 i, u64 page, u64 seen)
{
	pthread_rwlock_rdlock(&insert_lock);
	if (seq == seen) {
		__atomic_store_n(&shadow[i], page, __ATOMIC_RELEASE);
		__atomic_add_fetch(&inserts, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_add_fetch(&retries, 1, __ATOMIC_RELAXED);
	}
	pthread_rwlock_unlock(&insert_lock);
}

static void zap(const u64 arg[IKC_LCALL_ARGS])
{
	const u64 *words = pa_to_va(arg[3]);

	pthread_rwlock_wrlock(&insert_lock);
	seq++;
	pthread_rwlock_unlock(&insert_lock);
	sched_yield();
	/* Linux's mmu_gather: after it no CPU uses the entries. */
	pthread_rwlock_wrlock(&insert_lock);
	__atomic_add_fetch(&zaps, 1, __ATOMIC_RELAXED);
	for (u64 va = arg[1]; va < arg[2] && arg[0]; va += PAGE_SIZE)
		if (va >= BASE && va < BASE + PAGES * PAGE_SIZE)
			shadow[(va - BASE) >> PAGE_SHIFT] = 0;
	for (u64 w = 0; w < arg[4]; w++)
		for (u32 i = 0; (words[w] & ZAP_FREE) && i < PAGES; i++)
			if (shadow[i] && (shadow[i] & PTE_ADDR_MASK) == (words[w] & PTE_ADDR_MASK))
				panic("page %lx is shown while it is freed", words[w]);
	pthread_rwlock_unlock(&insert_lock);
}

s64 ikc_lcall(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	assert_no_lock();
	if (op == LCALL_ZAP)
		zap(arg);
	return 0;
}

bool ikc_lcall_async(enum lcall_op op, const u64 arg[IKC_LCALL_ARGS])
{
	(void)op;
	(void)arg;
	return true;
}

/* ---- the kernel around mm/ ---- */

int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	(void)interruptible;
	assert_no_lock();
	while (!cond(arg))
		sched_yield();
	return 0;
}

int wait_told(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait_for(cond, arg, interruptible);
}

bool sched_turn(void)
{
	return true;
}

bool thread_with(u64 id, void (*fn)(struct thread *t, void *arg), void *arg)
{
	(void)id;
	(void)fn;
	(void)arg;
	return false;
}

void wake_cpu(u32 place)
{
	(void)place;
}

void ikc_set_handler(enum call_op op, ikc_handler handler)
{
	(void)op;
	(void)handler;
}

void *ikc_bulk(u64 index)
{
	(void)index;
	return NULL;
}

void ikc_answer(u32 index, s64 ret, const u64 *out, u32 out_count)
{
	(void)index, (void)ret, (void)out, (void)out_count;
}

void offload_kernel(enum request_kind kind, const u64 karg[6], struct offload_result *res)
{
	(void)kind, (void)karg, (void)res;
	abort();
}

void offload_call(u64 nr, const u64 arg[6], u64 mask, struct offload_result *res)
{
	(void)nr, (void)arg, (void)mask, (void)res;
	abort();
}

static pthread_mutex_t job_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_come = PTHREAD_COND_INITIALIZER;
static struct job {
	void (*fn)(void *arg);
	void *arg;
} jobs[64];
static u32 job_count;

bool ikc_defer(void (*fn)(void *arg), void *arg)
{
	bool room;

	pthread_mutex_lock(&job_lock);
	room = job_count < 64;
	if (room)
		jobs[job_count++] = (struct job){ fn, arg };
	pthread_cond_signal(&job_come);
	pthread_mutex_unlock(&job_lock);
	return room;
}

static void *kthread(void *arg)
{
	(void)arg;
	fake_be_cpu(CPU_KTHREAD);
	for (;;) {
		struct job job = { NULL, NULL };

		pthread_mutex_lock(&job_lock);
		while (!job_count && !__atomic_load_n(&over, __ATOMIC_ACQUIRE))
			pthread_cond_wait(&job_come, &job_lock);
		if (job_count)
			job = jobs[--job_count];
		pthread_mutex_unlock(&job_lock);
		if (!job.fn)
			return NULL;
		job.fn(job.arg);
	}
}

/* ---- Linux ---- */

static u8 tag(u32 i)
{
	return (u8)(1 + i % 200); /* never 0xdb, which freed memory is filled with */
}

static void check(u32 i, u8 byte, const char *who)
{
	if (byte && byte != tag(i))
		panic("%s sees %x at page %u", who, byte, i);
}

/* An access through the shadow: a miss is looked up, inserted if no zap came between, and tried again. */
static void linux_touch(u32 i, bool write)
{
	u64 va = BASE + i * PAGE_SIZE;

	for (int tries = 0; tries < 20; tries++) {
		u64 page, seen;
		struct fill_wanted fill;

		pthread_rwlock_rdlock(&insert_lock);
		page = __atomic_load_n(&shadow[i], __ATOMIC_ACQUIRE);
		if (page && (!write || (page & 1))) {
			u8 *p = pa_to_va(page & PTE_ADDR_MASK);

			if (write)
				__atomic_store_n(p, tag(i), __ATOMIC_RELAXED);
			else
				check(i, __atomic_load_n(p, __ATOMIC_RELAXED), "Linux");
			pthread_rwlock_unlock(&insert_lock);
			return;
		}
		pthread_rwlock_unlock(&insert_lock);
		if (page) { /* page_mkwrite */
			pthread_rwlock_wrlock(&insert_lock);
			if (shadow[i] == page)
				shadow[i] = 0;
			pthread_rwlock_unlock(&insert_lock);
		}
		pthread_rwlock_rdlock(&insert_lock);
		seen = seq;
		pthread_rwlock_unlock(&insert_lock);
		page = lend(va, write);
		if (page) {
			insert(i, page, seen);
			continue;
		}
		switch (space_fault(space, va, write ? ACCESS_WRITE : ACCESS_READ, &fill, NULL)) {
		case FR_OK:
			break;
		case FR_BUSY:
		case FR_FILLING:
			sched_yield();
			break;
		default:
			return;
		}
	}
}

static void *linux_task(void *arg)
{
	u64 seed = (u64)(uintptr_t)arg;

	fake_be_cpu((u32)(uintptr_t)arg);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		linux_touch((u32)(seed >> 40) % PAGES, (seed >> 33) & 1);
	}
	return NULL;
}

/* ---- the program ---- */

static u64 program_seed = 12345;

static u32 below(u32 n)
{
	program_seed = program_seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(program_seed >> 33) % n;
}

/* By the tables as they are: a TLB that forgets at once. Only this thread unmaps, so the page stays. */
static void program_touch(struct space *s, u32 i, bool write)
{
	u64 va = BASE + i * PAGE_SIZE;

	for (;;) {
		int level;
		u64 *leaf, e;
		u8 *p;

		spin_lock(&s->lock);
		leaf = pt_leaf(s->root_pa, va, &level);
		e = leaf ? pte_load(leaf) : 0;
		if ((e & PTE_PRESENT) && (!write || (e & PTE_WRITE))) {
			p = pa_to_va((e & PTE_ADDR_MASK) + (va & (pt_span(level) - 1)));
			if (write)
				__atomic_store_n(p, tag(i), __ATOMIC_RELAXED);
			else
				check(i, __atomic_load_n(p, __ATOMIC_RELAXED), "the program");
			spin_unlock(&s->lock);
			return;
		}
		spin_unlock(&s->lock);
		if (space_fault_wait(s, va, write ? ACCESS_WRITE : ACCESS_READ) != FR_OK)
			return;
	}
}

static void program_fork(void)
{
	struct space *child = space_create();

	assert_non_null(child);
	assert_int_equal(space_fork(space, child), 0);
	for (u32 n = 0; n < 20; n++)
		program_touch(child, below(PAGES), below(2));
	for (u32 n = 0; n < 20; n++)
		program_touch(space, below(PAGES), below(2));
	space_put(child);
}

static void program_round(void)
{
	u32 first = below(PAGES), count = 1 + below(MIN(PAGES - first, 100));
	u64 start = BASE + first * PAGE_SIZE, end = start + count * PAGE_SIZE;
	struct map_args a = {
		.addr = start, .length = end - start, .prot = 3, .max_prot = 7, .fixed = true
	};

	switch (below(6)) {
	case 0:
		assert_int_equal(space_unmap(space, start, end), 0);
		break;
	case 1:
		space_protect(space, start, end, below(2) ? PROT_READ : PROT_NONE);
		break;
	case 2:
		assert_int_equal(space_discard(space, start, end), 0);
		break;
	case 3:
		if (!below(4))
			program_fork();
		break;
	default:
		assert_int_equal(space_map(space, &a), start);
	}
	for (u32 n = 0; n < 30; n++)
		program_touch(space, below(PAGES), below(2));
}

/* On a busy host the rounds may be over before the tasks of Linux have run at all. */
static bool enough(void)
{
	return __atomic_load_n(&inserts, __ATOMIC_RELAXED) > 1000 &&
	       __atomic_load_n(&zaps, __ATOMIC_RELAXED) > 100;
}

static void test_threads(void **state)
{
	pthread_t helper, tasks[LINUX_TASKS];
	struct map_args a = {
		.addr = BASE, .length = PAGES * PAGE_SIZE, .prot = 3, .max_prot = 7, .fixed = true
	};

	(void)state;
	fake_start(128UL << 20, 1, CPUS, "poison");
	phys_init();
	kmalloc_init();
	space = space_create();
	space->linux_id = 1;
	assert_int_equal(space_map(space, &a), BASE);
	pthread_create(&helper, NULL, kthread, NULL);
	for (u32 i = 0; i < LINUX_TASKS; i++)
		pthread_create(&tasks[i], NULL, linux_task, (void *)(uintptr_t)(CPU_LINUX + i));
	for (u32 i = 0; i < ROUNDS || !enough(); i++)
		program_round();
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < LINUX_TASKS; i++)
		pthread_join(tasks[i], NULL);
	pthread_mutex_lock(&job_lock);
	pthread_cond_signal(&job_come);
	pthread_mutex_unlock(&job_lock);
	pthread_join(helper, NULL);
	space_put(space);
	assert_int_equal(boot_params->counters.pages_user, 0);
	print_message("%lu inserts, %lu retried, %lu zaps\n", inserts, retries, zaps);
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
