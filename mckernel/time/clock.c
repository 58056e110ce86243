/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the time from Linux's clock page and the counter that Linux uses. */
#include "mck/clock.h"
#include "mck/arch.h"

static const struct clock_page *page; /* Linux's */

void clock_init(void)
{
	page = arch_map_linux(boot_params->clock, sizeof(*page));
	if (!page) {
		log_warn("the clock page cannot be mapped: every clock is Linux's\n");
		return;
	}
	arch_counter_init(page);
	log_info("clock: source %u\n", page->source);
}

u32 clock_sets(void)
{
	return page ? __atomic_load_n(&page->sets, __ATOMIC_ACQUIRE) : 0;
}

void clock_is_waited_for(void)
{
	if (READ_ONCE(boot_params->waits_for_time))
		return;
	__atomic_store_n(&boot_params->waits_for_time, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool clock_read(enum clock_id id, struct clock_time *time)
{
	return page && clock_page_read(page, id, arch_counter_read, time);
}

u64 ns_to_cycles(u64 ns)
{
	u64 us = ns / NSEC_PER_USEC;
	u64 khz = boot_params->cycles_khz;

	if (us > (~0UL / 2) / (khz ? khz : 1))
		return ~0UL / 2;
	return us * khz / 1000 + (ns % NSEC_PER_USEC) * khz / 1000000;
}
