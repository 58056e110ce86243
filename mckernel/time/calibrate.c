/* SPDX-License-Identifier: GPL-2.0-only */
/* Measures the time-stamp counter against Linux's clock. */
#include "mck/calibrate.h"
#include "mck/arch.h"
#include "mck/clock.h"

#define MEASURE_NS 10000000UL
#define ATTEMPTS 16
#define RELAX_TURNS 64 /* between two looks at the clock, so that waiting is mostly that */

/* One moment, by both counters. */
struct moment {
	u64 cycles, ns;
};

/* A virtual CPU may be stopped between the two looks: the closest of several pairs. */
static bool calibrate_look(struct moment *m)
{
	u64 best = ~0UL;

	for (int i = 0; i < ATTEMPTS; i++) {
		struct clock_time time;
		u64 before = arch_cycles(), after;

		if (!clock_read(CLOCK_MONOTONIC, &time))
			return false;
		after = arch_cycles();
		if (after - before >= best)
			continue;
		best = after - before;
		m->cycles = before + best / 2;
		m->ns = time.sec * NSEC_PER_SEC + time.nsec;
	}
	return true;
}

/* False: the clock cannot be read. */
static bool wait_until(u64 ns)
{
	struct clock_time time;

	do {
		for (int i = 0; i < RELAX_TURNS; i++)
			arch_relax();
		if (!clock_read(CLOCK_MONOTONIC, &time))
			return false;
	} while (time.sec * NSEC_PER_SEC + time.nsec < ns);
	return true;
}

/*
 * Linux measures this rate once, early, for some milliseconds; on a loaded
 * host that can be wrong by a factor, while its clock, from another counter,
 * is right. Where the clock is the TSC itself, this gives Linux's own number.
 */
void calibrate_cycles(void)
{
	struct moment start, end;

	if (!boot_params->cycles_khz)
		boot_params->cycles_khz = 1000000;
	if (!calibrate_look(&start) || !wait_until(start.ns + MEASURE_NS) || !calibrate_look(&end))
		return;
	boot_params->cycles_khz =
		MAX((end.cycles - start.cycles) * 1000000 / (end.ns - start.ns), 1UL);
}
