/* SPDX-License-Identifier: GPL-2.0-only */
/* Restartable sequences, and membarrier. The areas are those that the C library has registered. */
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "prog.h"

#define SIGNATURE 0x53053053
#define THREADS 6
#define ROUNDS 20000

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static long barrier(int command, unsigned int flags, int cpu)
{
	return syscall(SYS_membarrier, command, flags, cpu);
}

/* Head and tail of a sequence from 1 to 2; whoever is stopped in it goes on at 4, and leaves by `aborted`. */
#define SEQUENCE(...)                                                                    \
	".pushsection __rseq_cs, \"aw\"\n"                                               \
	".balign 32\n"                                                                   \
	"3: .long 0, 0\n"                                                                \
	".quad 1f, 2f - 1f, 4f\n"                                                        \
	".popsection\n"                                                                  \
	"leaq 3b(%%rip), %%rax\n"                                                        \
	"movq %%rax, %c[section](%[area])\n"                                             \
	"1:\n" __VA_ARGS__ "2:\n"                                                        \
	".pushsection __rseq_failure, \"ax\"\n"                                          \
	".byte 0x0f, 0xb9, 0x3d\n" /* an instruction that is none, with the signature */ \
	".long 0x53053053\n"                                                             \
	"4: jmp %l[aborted]\n"                                                           \
	".popsection\n"

/* Add 1 to the counter of this CPU without an atomic instruction. False: not done. */
static bool add_here(long *counters, unsigned int cpu)
{
	struct rseq *r = area();

	__asm__ goto(SEQUENCE("cmpl %[cpu], %c[cpu_id](%[area])\n"
			      "jne 4f\n"
			      "movq (%[counter]), %%rcx\n"
			      "incq %%rcx\n"
			      "movq %%rcx, (%[counter])\n")
		     :
		     : [area] "r"(r), [section] "i"(offsetof(struct rseq, rseq_cs)),
		       [cpu_id] "i"(offsetof(struct rseq, cpu_id)), [cpu] "r"(cpu),
		       [counter] "r"(counters + 64 * cpu)
		     : "memory", "cc", "rax", "rcx"
		     : aborted);
	return true;
aborted:
	return false;
}

static long counters[64 * 64];

static void *adder(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		while (!add_here(counters, area()->cpu_id_start))
			continue;
		if (i % 1000 == 0)
			sched_yield();
	}
	return NULL;
}

/* More threads than CPUs, which are switched and move. */
static void counting(void)
{
	pthread_t threads[THREADS];
	long sum = 0;

	for (int i = 0; i < THREADS; i++)
		NEED(!pthread_create(&threads[i], NULL, adder, NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 64; i++)
		sum += counters[64 * i];
	CHECK(sum == (long)THREADS * ROUNDS);
}

/* The number of the CPU follows the thread. */
static void cpus(void)
{
	cpu_set_t all, one;
	unsigned int cpu;

	NEED(!sched_getaffinity(0, sizeof(all), &all));
	CHECK(__rseq_size >= 20);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < CPU_SETSIZE; i++) {
			if (!CPU_ISSET(i, &all))
				continue;
			CPU_ZERO(&one);
			CPU_SET(i, &one);
			NEED(!sched_setaffinity(0, sizeof(one), &one));
			NEED(!syscall(SYS_getcpu, &cpu, NULL, NULL));
			CHECK(area()->cpu_id == cpu && area()->cpu_id_start == cpu);
			CHECK(cpu == (unsigned int)i);
		}
	}
}

static volatile int handled, left, released;
static struct rseq *volatile staying; /* of who is in a sequence, or on the way there */

/* Stay in a sequence until something ends it. */
static void stay(void)
{
	struct rseq *r = area();

	staying = r;
	__asm__ goto(SEQUENCE("5: pause\n"
			      "jmp 5b\n")
		     :
		     : [area] "r"(r), [section] "i"(offsetof(struct rseq, rseq_cs))
		     : "memory", "cc", "rax"
		     : aborted);
aborted:
	staying = NULL;
	left++;
}

static void await_stayer(void)
{
	while (!staying || !staying->rseq_cs)
		sched_yield();
}

static void handler(int signo)
{
	(void)signo;
	CHECK(area()->rseq_cs == 0);
	handled++;
}

static void *stayer(void *arg)
{
	(void)arg;
	/* A switch ends it too. */
	while (!released)
		stay();
	return NULL;
}

/* A signal ends a sequence before its handler runs, from outside and by another thread. */
static void signals(void)
{
	/* It may come before the sequence begins. */
	struct itimerval often = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 },
			 never = { 0 };
	pthread_t thread;

	NEED(signal(SIGALRM, handler) != SIG_ERR && signal(SIGUSR1, handler) != SIG_ERR);
	NEED(!setitimer(ITIMER_REAL, &often, NULL));
	while (!handled)
		stay();
	NEED(!setitimer(ITIMER_REAL, &never, NULL));
	handled = 0;
	NEED(!pthread_create(&thread, NULL, stayer, NULL));
	await_stayer();
	released = 1;
	NEED(!pthread_kill(thread, SIGUSR1));
	pthread_join(thread, NULL);
	CHECK(handled == 1);
}

/* A sequence ends when another thread says so, and when it says so of the CPU. */
static void restarted(void)
{
	pthread_t thread;

	CHECK_FAILS(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0), EPERM);
	NEED(!barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0));
	NEED(!pthread_create(&thread, NULL, stayer, NULL));
	for (int i = 0; i < 50; i++) {
		int before;

		await_stayer();
		before = left;
		released = i == 49;
		if (i % 2)
			CHECK(!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0));
		for (int cpu = 0; i % 2 == 0 && cpu < 64; cpu++)
			CHECK(!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
				       MEMBARRIER_CMD_FLAG_CPU, cpu));
		while (left == before)
			sched_yield();
	}
	pthread_join(thread, NULL);
}

/* ---- one side has a barrier, the other none ---- */

static volatile int x, y, seen, go, done;

static void *without_barrier(void *arg)
{
	(void)arg;
	for (int i = 1; i <= ROUNDS; i++) {
		while (go != i)
			continue;
		x = i;
		__asm__ volatile("" : : : "memory");
		seen = y;
		done = i;
	}
	return NULL;
}

static void private(void)
{
	pthread_t thread;
	int both = 0;

	CHECK_FAILS(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
	NEED(!barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	NEED(!pthread_create(&thread, NULL, without_barrier, NULL));
	for (int i = 1; i <= ROUNDS / 10; i++) {
		int other;

		go = i;
		y = i;
		CHECK(!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
		other = x;
		while (done != i)
			continue;
		both += seen != i && other != i;
	}
	/* The rest without it, to end the thread. */
	for (int i = ROUNDS / 10 + 1; i <= ROUNDS; i++) {
		go = i;
		while (done != i)
			continue;
	}
	pthread_join(thread, NULL);
	CHECK(both == 0);
}

/* Code that another thread has changed is what a thread executes after the barrier. */
typedef int code(void);
static unsigned char *text;
static volatile int wanted, got;

static void *executes(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 200; i++) {
		while (wanted != i)
			continue;
		got = ((code *)(void *)text)();
		done = i;
	}
	return NULL;
}

static void sync_core(void)
{
	pthread_t thread;

	text = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	NEED(text != MAP_FAILED);
	text[0] = 0xb8; /* mov $i, %eax; ret */
	text[5] = 0xc3;
	CHECK_FAILS(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0), EPERM);
	NEED(!barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	done = 0;
	NEED(!pthread_create(&thread, NULL, executes, NULL));
	for (int i = 1; i <= 200; i++) {
		memcpy(text + 1, &i, sizeof(i));
		CHECK(!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
		wanted = i;
		while (done != i)
			continue;
		CHECK(got == i);
	}
	pthread_join(thread, NULL);
}

/* ---- what is refused, and what is inherited ---- */

static void arguments(void)
{
	long all = barrier(MEMBARRIER_CMD_QUERY, 0, 0);

	/* MEMBARRIER_CMD_GLOBAL is not there when CPUs must not be disturbed. */
	CHECK((all & 0x1fe) == 0x1fe);
	CHECK_FAILS(barrier(MEMBARRIER_CMD_QUERY, 1, 0), EINVAL);
	CHECK_FAILS(barrier(1 << 20, 0, 0), EINVAL);
	CHECK_FAILS(barrier(3, 0, 0), EINVAL);
	CHECK_FAILS(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 2, 0), EINVAL);
	CHECK(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0);
	CHECK(barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0);
	CHECK(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0);
}

static void in_child(void *arg)
{
	long other = (long)arg;
	static struct rseq own __attribute__((aligned(32)));

	/* The same memory at the same place, still registered. */
	CHECK((int)area()->cpu_id >= 0);
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 0, SIGNATURE), EBUSY);
	CHECK(!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 1, other), EPERM);
	CHECK_FAILS(syscall(SYS_rseq, &own, 32, 1, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, area(), 16, 1, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 3, SIGNATURE), EINVAL);
	NEED(!syscall(SYS_rseq, area(), 32, 1, SIGNATURE));
	CHECK(area()->cpu_id == (unsigned int)-1 && area()->cpu_id_start == 0);
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 1, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, (char *)&own + 4, 32, 0, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, &own, 28, 0, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, &own, 32, 4, SIGNATURE), EINVAL);
	CHECK_FAILS(syscall(SYS_rseq, -32UL, 32, 0, SIGNATURE), EFAULT);
	NEED(!syscall(SYS_rseq, &own, 32, 0, other));
	CHECK((int)own.cpu_id >= 0);
	CHECK_FAILS(syscall(SYS_rseq, &own, 32, 0, SIGNATURE), EPERM);
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 0, other), EINVAL);
}

static void registered(void)
{
	CHECK_FAILS(syscall(SYS_rseq, area(), 32, 0, SIGNATURE), EBUSY);
	NEED(!barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	CHECK_EXIT(prog_fork(in_child, (void *)0x1234L), 0);
}

/* A sequence that is none ends its program. */
static void bad_section(void *arg)
{
	static struct rseq_cs cs __attribute__((aligned(32)));

	cs = *(struct rseq_cs *)arg;
	area()->rseq_cs = (unsigned long)&cs;
	raise(SIGUSR1);
}

static void bad_pointer(void *arg)
{
	area()->rseq_cs = (unsigned long)arg;
	raise(SIGUSR1);
}

static void malformed(void)
{
	unsigned long here = (unsigned long)bad_section & ~0xfUL;
	struct rseq_cs cs[] = {
		{ .version = 1, .start_ip = here, .post_commit_offset = 16, .abort_ip = here + 64 },
		{ .start_ip = here, .post_commit_offset = 128, .abort_ip = here + 64 },
		{ .start_ip = here, .post_commit_offset = 16, .abort_ip = here + 64 },
		{ .start_ip = here, .post_commit_offset = 16, .abort_ip = -here },
		{ .start_ip = here, .post_commit_offset = -here, .abort_ip = here + 64 },
	};
	long bad[] = { 64, 1L << 47, -64 };

	NEED(signal(SIGUSR1, handler) != SIG_ERR);
	for (unsigned int i = 0; i < sizeof(cs) / sizeof(cs[0]); i++)
		CHECK_KILLED(prog_fork(bad_section, &cs[i]), SIGSEGV);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_KILLED(prog_fork(bad_pointer, (void *)bad[i]), SIGSEGV);
}

static const struct prog_case cases[] = {
	{ "counting", counting },   { "cpus", cpus },
	{ "signals", signals },	    { "restarted", restarted },
	{ "private", private },	    { "sync_core", sync_core },
	{ "arguments", arguments }, { "registered", registered },
	{ "malformed", malformed },
};

PROG_MAIN(cases)
