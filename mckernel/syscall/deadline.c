/* SPDX-License-Identifier: GPL-2.0-only */
/* Moments that threads wait for, also on clocks that only Linux can read. */
#include "mck/deadline.h"
#include "mck/syscalls.h"
#include "mck/task.h"

static bool read_here(enum clock_id clock, u64 *ns)
{
	struct clock_time now;

	if (!clock_read(clock, &now))
		return false;
	*ns = now.sec * NSEC_PER_SEC + now.nsec;
	return true;
}

/* Linux sets no other clocks. */
static bool may_be_set(const struct deadline *d)
{
	return d->clock == CLOCK_REALTIME || d->clock == CLOCK_TAI;
}

/* Before the clock is read. */
static void begin_look(struct deadline *d)
{
	if (!may_be_set(d))
		return;
	clock_is_waited_for();
	d->sets = clock_sets();
}

static void guess_cycles(struct deadline *d, u64 now)
{
	d->cycles = arch_cycles() + ns_to_cycles(d->ns - now);
}

s64 deadline_set(struct deadline *d, u64 ns, bool absolute)
{
	u64 now;
	s64 err;

	begin_look(d);
	if (!read_here(d->clock, &now)) {
		err = clock_ask(d->clock, &now);
		if (err)
			return err;
	}
	d->ns = absolute ? ns : now + ns;
	guess_cycles(d, MIN(now, d->ns));
	return 0;
}

bool deadline_passed(struct deadline *d)
{
	u64 now;

	if (d->ns == DEADLINE_NEVER)
		return false;
	if (!read_here(d->clock, &now)) {
		if ((s64)(arch_cycles() - d->cycles) >= 0 ||
		    (may_be_set(d) && d->sets != clock_sets()))
			return true;
	} else {
		if (now >= d->ns)
			return true;
		guess_cycles(d, now);
	}
	sched_wake_at(d->cycles);
	return false;
}

bool deadline_confirm(struct deadline *d)
{
	u64 now;

	begin_look(d);
	if (!read_here(d->clock, &now) && clock_ask(d->clock, &now))
		return false;
	if (now >= d->ns)
		return true;
	guess_cycles(d, now);
	return false;
}
