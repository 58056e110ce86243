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

/* A consistent copy; false while Linux's writer does not come to its end. */
static bool page_copy(struct clock_page *copy)
{
	for (int attempt = 0; page && attempt < 1000; attempt++) {
		/* Pairs with the module's release at the end of a write. */
		u32 seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);

		if (!(seq & 1)) {
			memcpy(copy, page, sizeof(*copy));
			/* The copy before the second look at seq. */
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq)
				return true;
		}
		arch_relax();
	}
	return false;
}

/*
 * (shifted + delta * mult) >> shift, carried into the seconds. A counter that
 * is a little behind cycle_last (another CPU's) counts as no time, as in
 * Linux: time never runs backwards.
 */
static void convert(u64 sec, u64 shifted, u64 delta, u32 mult, u32 shift, struct clock_time *time)
{
	unsigned __int128 sum = (unsigned __int128)delta * mult + shifted;
	u64 ns = (u64)(sum >> shift);

	time->sec = sec + ns / NSEC_PER_SEC;
	time->nsec = ns % NSEC_PER_SEC;
}

static void add_ns(struct clock_time *time, u64 ns)
{
	ns += time->nsec;
	time->sec += ns / NSEC_PER_SEC;
	time->nsec = ns % NSEC_PER_SEC;
}

bool clock_convert(const struct clock_page *p, u64 counter, enum clock_id id,
		   struct clock_time *time)
{
	u64 delta = (counter - p->cycle_last) & p->counter_mask;

	if (delta > p->counter_mask / 2)
		delta = 0;
	switch (id) {
	case CLOCK_REALTIME_COARSE:
		convert(p->real_sec, p->nsec_shifted, 0, p->mult, p->shift, time);
		return true;
	case CLOCK_MONOTONIC_COARSE:
		convert(p->mono_sec, p->mono_nsec_shifted, 0, p->mult, p->shift, time);
		return true;
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		convert(p->real_sec, p->nsec_shifted, delta, p->mult, p->shift, time);
		if (id == CLOCK_TAI)
			time->sec += (u64)(s64)p->tai_offset;
		return true;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		convert(p->mono_sec, p->mono_nsec_shifted, delta, p->mult, p->shift, time);
		if (id == CLOCK_BOOTTIME)
			add_ns(time, p->boot_offset_ns);
		return true;
	case CLOCK_MONOTONIC_RAW:
		if (!p->raw_ok)
			return false;
		convert(p->raw_sec, p->raw_nsec_shifted, delta, p->raw_mult, p->raw_shift, time);
		return true;
	default:
		return false;
	}
}

bool clock_read(enum clock_id id, struct clock_time *time)
{
	struct clock_page copy;
	u64 counter = 0;
	bool coarse = id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;

	/*
	 * As Linux's own readers: again if the base has moved before the
	 * counter was read, because then this reader could be ahead of the next.
	 */
	for (int attempt = 0; attempt < 1000; attempt++) {
		if (!page_copy(&copy) || copy.source == CLOCK_SOURCE_NONE)
			return false;
		if (!coarse && !arch_counter_read(&copy, &counter))
			return false;
		if (__atomic_load_n(&page->seq, __ATOMIC_ACQUIRE) == copy.seq)
			return clock_convert(&copy, counter, id, time);
	}
	return false;
}

u64 ns_to_cycles(u64 ns)
{
	u64 us = ns / NSEC_PER_USEC;
	u64 khz = boot_params->cycles_khz;

	if (us > (~0UL / 2) / (khz ? khz : 1))
		return ~0UL / 2;
	return us * khz / 1000 + (ns % NSEC_PER_USEC) * khz / 1000000;
}
