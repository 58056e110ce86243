/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters that Linux may keep its time by. */
#include "mck/arch.h"

/* The HPET's counter, if it was the source at boot: fixed then. */
static const volatile u32 *hpet;
static u64 hpet_pa;

static u32 port_in32(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
	return value;
}

/* Not before what stands before it, so that what two CPUs see of it is in order. */
static u64 tsc(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return arch_cycles();
}

void arch_counter_init(const struct clock_page *page)
{
	if (page->source == CLOCK_SOURCE_HPET && page->counter_pa) {
		hpet_pa = page->counter_pa;
		hpet = arch_map_device(hpet_pa, sizeof(*hpet));
	}
}

bool arch_counter_read(const struct clock_page *page, u64 *counter)
{
	switch (READ_ONCE(page->source)) {
	case CLOCK_SOURCE_TSC:
		*counter = tsc();
		return true;
	case CLOCK_SOURCE_HPET:
		/* Mapped at start only: one machine has one HPET. */
		if (!hpet || READ_ONCE(page->counter_pa) != hpet_pa)
			return false;
		*counter = *hpet;
		return true;
	case CLOCK_SOURCE_PMTMR:
		*counter = port_in32((u16)READ_ONCE(page->counter_pa));
		return true;
	}
	return false;
}
