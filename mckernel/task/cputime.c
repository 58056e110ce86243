/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU time of threads: each counts its own cycles, at the border of user mode and
 * where it is switched. Whoever asks for CPU time, and whatever depends on it
 * (timers, limits), is answered by Linux, which reads what is counted here.
 */
#include "runq.h"

u64 cycles_to_ns(u64 cycles)
{
	u64 factor = (1000000UL << 22) / boot_params->cycles_khz;

	return (u64)((unsigned __int128)cycles * factor >> 22);
}

void thread_publish_times(struct thread *t)
{
	thread_charge(t, &t->times.system_cycles, 0);
	WRITE_ONCE(t->kpage->user_ns, cycles_to_ns(t->times.user_cycles));
	WRITE_ONCE(t->kpage->system_ns, cycles_to_ns(t->times.system_cycles));
}
