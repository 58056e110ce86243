/* SPDX-License-Identifier: GPL-2.0-only */
/* When timers on CPU time can expire at the earliest: arithmetic only. */
#ifndef IHK_EXPIRY_H
#define IHK_EXPIRY_H

/* Linux's clocks of CPU time, by its numbers: all time, time in user mode, time as the scheduler has it. */
#define IHK_CPU_CLOCKS 3

/*
 * CPU time until the first of `next` (times of these clocks; ~0: none): 0 if one
 * has passed, ~0 if there is none.
 */
static inline unsigned long long ihk_expiry_left(const unsigned long long now[IHK_CPU_CLOCKS],
						 const unsigned long long next[IHK_CPU_CLOCKS])
{
	unsigned long long left = ~0ULL;
	int i;

	for (i = 0; i < IHK_CPU_CLOCKS; i++) {
		if (next[i] == ~0ULL)
			continue;
		if (next[i] <= now[i])
			return 0;
		if (next[i] - now[i] < left)
			left = next[i] - now[i];
	}
	return left;
}

/*
 * Ticks of `tick` ns until `left` ns of CPU time may have passed, if as many CPUs
 * spend it at once; from 1 to `most`.
 */
static inline unsigned long ihk_expiry_ticks(unsigned long long left, unsigned int cpus,
					     unsigned long tick, unsigned long most)
{
	unsigned long long ticks = left / cpus / tick;

	if (ticks > most)
		return most;
	return ticks ? (unsigned long)ticks : 1;
}

#endif
