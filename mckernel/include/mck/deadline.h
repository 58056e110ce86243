/* SPDX-License-Identifier: GPL-2.0-only */
/* A moment on one of Linux's clocks that a thread waits for. */
#ifndef MCK_DEADLINE_H
#define MCK_DEADLINE_H

#include "mck/clock.h"

#define DEADLINE_NEVER (~0UL)

/*
 * By its thread only. Where the clock can be read here, it is read at each
 * look, so that the deadline follows a clock that is set: then there is another
 * look. Else the cycle counter tells when to look again: the clock's source may
 * change during the wait, to one that only Linux can read and back.
 */
struct deadline {
	enum clock_id clock;
	u64 ns; /* of that clock, or DEADLINE_NEVER */
	u64 cycles; /* about when that is, as it was at the newest look at the clock, */
	u32 sets; /* and clock_sets() then */
};

/*
 * `ns` from now on or, if `absolute`, of d->clock. May ask Linux for the time,
 * so no lock is held; 0, or a restart code if a signal was caught meanwhile.
 */
s64 deadline_set(struct deadline *d, u64 ns, bool absolute);
/* Is it over, as far as can be told here? If not, the CPU looks again when it is. Any context. */
bool deadline_passed(struct deadline *d);
/*
 * The last word on a deadline that has passed: a wait never ends early by the
 * counter's rate. May ask Linux. False: not yet, or a signal or the thread's
 * end came instead of an answer.
 */
bool deadline_confirm(struct deadline *d);

#endif
