// SPDX-License-Identifier: GPL-2.0-only
/* Reads what an LWK thread has run while it runs on: the other side of task/runq.h's thread_charge(). */
#include <linux/timex.h>

#include "twin/twin.h"

void ihk_times_read(const struct thread_times *t, u64 *user, u64 *system)
{
	u64 user_cycles = smp_load_acquire(&t->user_cycles);
	u64 system_cycles = smp_load_acquire(&t->system_cycles);
	u64 stamp = READ_ONCE(t->stamp);
	s64 since = get_cycles() - stamp;

	/* In the kernel it may wait: that is nobody's time before it is counted. */
	if ((stamp & TIMES_IN_USER) && since > 0)
		user_cycles += since;
	*user = user_cycles;
	*system = system_cycles;
}
