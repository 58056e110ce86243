/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of all threads of a process, by one message of Linux. */
#include "mck/arch.h"
#include "mck/clock.h"
#include "mck/task.h"

/*
 * A CPU in user mode is called out of it. One in the kernel takes the kick before it
 * leaves, and looks then whether its thread must end, as does whoever is switched to.
 */
static void await_kick(u32 place)
{
	const struct cpu *cpu = cpu_of(place);
	u64 start = arch_cycles(), patience = ns_to_cycles(KICK_AGAIN_US * 1000UL);

	while (__atomic_load_n(&cpu->kick, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&cpu->boot->state, __ATOMIC_SEQ_CST) == LWK_CPU_USER) {
		arch_relax();
		if (arch_cycles() - start > patience) {
			wake_cpu(place); /* an edge can be lost */
			start = arch_cycles();
		}
	}
}

void group_end(u64 id, u64 but)
{
	u64 places[ABI_MAX_CPUS / 64] = {};

	thread_end_group(id, but, places);
	for (u32 i = 0; i < cpu_count; i++)
		if (places[i / 64] >> i % 64 & 1)
			wake_cpu(i);
	for (u32 i = 0; i < cpu_count; i++)
		if (places[i / 64] >> i % 64 & 1)
			await_kick(i);
}
