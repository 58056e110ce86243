// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stop of a process, by mckernel/task/group.c, while its threads go in and out
 * of their program as by mckernel/task/sched.c: behind it none is there, or comes
 * there again.
 */
#include "../../mckernel/arch/fake/fake.h"
#include "mck/clock.h"
#include "mck/task.h"

#include "weave.h"

#define CPUS 3 /* Linux's message comes to the first */

static u32 must_end, in_program[CPUS];
static bool interrupt[CPUS];

/* ---- what group.c stands on ---- */

void thread_end_group(u64 id, u64 but, u64 *places)
{
	weave_assert(id == 1 && but == 2);
	__atomic_store_n(&must_end, 1, __ATOMIC_SEQ_CST);
	places[0] = (1 << CPUS) - 1;
}

u64 ns_to_cycles(u64 ns)
{
	return ns;
}

/* As task/waitq.c. */
void wake_cpu(u32 place)
{
	struct cpu *cpu = cpu_of(place);

	__atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (place && __atomic_load_n(&cpu->boot->state, __ATOMIC_SEQ_CST) == LWK_CPU_USER)
		__atomic_store_n(&interrupt[place], true, __ATOMIC_SEQ_CST);
	weave_changed();
}

/* ---- the actors ---- */

static void stop(void)
{
	group_end(1, 2);
	for (u32 i = 1; i < CPUS; i++)
		weave_assert(!__atomic_load_n(&in_program[i], __ATOMIC_SEQ_CST));
}

static bool interrupted(void *arg)
{
	return *(bool *)arg;
}

/* sched_scan(), the look at the thread, and up_leave(). True: it is in its program. */
static bool leave(u32 place)
{
	struct cpu *cpu = cpu_of(place);

	__atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&must_end, __ATOMIC_SEQ_CST))
		return false;
	__atomic_store_n(&cpu->boot->state, LWK_CPU_USER, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&cpu->kick, __ATOMIC_SEQ_CST))
		return true;
	__atomic_store_n(&cpu->boot->state, LWK_CPU_KERNEL, __ATOMIC_SEQ_CST);
	weave_changed();
	return leave(place);
}

static void program(u32 place)
{
	while (leave(place)) {
		__atomic_store_n(&in_program[place], 1, __ATOMIC_SEQ_CST);
		if (!weave_wait(WEAVE_IDLE, interrupted, &interrupt[place]))
			return;
		__atomic_store_n(&in_program[place], 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&interrupt[place], false, __ATOMIC_SEQ_CST);
		__atomic_store_n(&cpu_of(place)->boot->state, LWK_CPU_KERNEL, __ATOMIC_SEQ_CST);
		weave_changed();
	}
}

static void program_1(void)
{
	program(1);
}

static void program_2(void)
{
	program(2);
}

/* ---- the case ---- */

static void relax(void)
{
	weave_wait_change(WEAVE_BLOCKED, weave_look());
}

static void on_switch(int actor)
{
	fake_be_cpu(actor < 0 ? 0 : (u32)actor);
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	fake_start(4UL << 20, 1, CPUS, "");
	fake_relax = relax;
}

static void setup(void)
{
	must_end = 0;
	memset(in_program, 0, sizeof(in_program));
	memset(interrupt, 0, sizeof(interrupt));
	for (u32 i = 0; i < CPUS; i++)
		cpu_of(i)->boot->state = LWK_CPU_KERNEL;
}

static void check(void)
{
	weave_assert(must_end && !in_program[1] && !in_program[2]);
}

static const struct weave_case cases[] = {
	{ "two are stopped", prepare, setup, { stop, program_1, program_2 }, check, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
