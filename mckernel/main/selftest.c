/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults on demand, for tests: kernel argument selftest=panic|oops|hang|overflow. */
#include "mck/arch.h"
#include "mck/status.h"
#include "mck/task.h"

#define AFTER_NS 4000000000UL /* from RUNNING on: Linux has probed all CPUs by then */

static void oops(void)
{
	u64 *nowhere = NULL;

	__asm__ volatile("" : "+r"(nowhere)); /* the compiler must not know */
	*nowhere = 1;
}

/* Deeper than any stack. What comes back is used, so that each call keeps its frame. */
static u32 overflow(u32 calls)
{
	volatile u8 frame[200];

	frame[calls % sizeof(frame)] = (u8)calls;
	return calls ? overflow(calls - 1) + frame[calls % sizeof(frame)] : 0;
}

static void hang(void)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
}

/* As the idle loop does, without a halt. */
static void serve_for_a_while(void)
{
	u64 start = arch_cycles();

	while (cycles_to_ns(arch_cycles() - start) < AFTER_NS) {
		if (!status_running())
			start = arch_cycles();
		sched_scan();
		arch_relax();
	}
}

void selftest(void)
{
	char what[16];

	if (this_cpu()->place || !karg_get("selftest", what, sizeof(what)))
		return;
	serve_for_a_while();
	log_info("selftest: %s\n", what);
	if (!strcmp(what, "panic"))
		panic("selftest");
	else if (!strcmp(what, "oops"))
		oops();
	else if (!strcmp(what, "hang"))
		hang();
	else if (!strcmp(what, "overflow"))
		log_warn("selftest: no overflow: %u\n", overflow(~0U));
	else
		log_warn("selftest: there is no %s\n", what);
}
