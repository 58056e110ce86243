/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU time of threads and processes. Each thread counts its own cycles, at the
 * border of user mode and where it is switched; others read them meanwhile.
 */
#include "runq.h"

u64 cycles_to_ns(u64 cycles)
{
	u64 factor = (1000000UL << 22) / boot_params->cycles_khz;

	return (u64)((unsigned __int128)cycles * factor >> 22);
}

void thread_publish_times(struct thread *t)
{
	thread_charge(t, &t->system_cycles);
	WRITE_ONCE(t->kpage->user_ns, cycles_to_ns(t->user_cycles));
	WRITE_ONCE(t->kpage->system_ns, cycles_to_ns(t->system_cycles));
}

/*
 * What it has run since `stamp`, which nobody has counted yet, if it runs now.
 * The words are its CPU's and change meanwhile. What is counted must not be told
 * twice, for cputime_seen() keeps what was too much: so this is read behind the
 * counts, in the opposite order of thread_charge(). What is told too little for
 * a moment is evened out there.
 */
static u64 running_cycles(const struct thread *t, bool *user)
{
	const struct cpu *cpu = cpu_of(READ_ONCE(t->cpu));
	s64 since = (s64)(arch_cycles() - READ_ONCE(t->stamp));

	if (t->state != THREAD_RUNNABLE || READ_ONCE(cpu->current) != t || since < 0)
		return 0;
	*user = READ_ONCE(cpu->boot->state) == LWK_CPU_USER;
	return (u64)since;
}

void thread_cycles(struct thread *t, void *arg)
{
	struct cpu_cycles *sum = arg;
	bool user = false;
	u64 running;

	sum->user += __atomic_load_n(&t->user_cycles, __ATOMIC_ACQUIRE);
	sum->system += __atomic_load_n(&t->system_cycles, __ATOMIC_ACQUIRE);
	running = running_cycles(t, &user);
	*(user ? &sum->user : &sum->system) += running;
}

void process_cycles(struct thread *t, void *arg)
{
	struct thread *sibling;

	list_for_each(sibling, &t->process->threads, siblings)
		thread_cycles(sibling, arg);
}

u64 cputime_seen(u64 *seen, u64 value)
{
	u64 last = __atomic_load_n(seen, __ATOMIC_RELAXED);

	while (last < value && !__atomic_compare_exchange_n(seen, &last, value, false,
							    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		continue;
	return MAX(last, value);
}
