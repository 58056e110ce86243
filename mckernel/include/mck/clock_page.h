/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's clock page turned into time: for the kernel, and for the vDSO, which runs in programs. */
#ifndef MCK_CLOCK_PAGE_H
#define MCK_CLOCK_PAGE_H

#include "abi/clock.h"
#include "mck/lib.h"

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_USEC 1000UL
#define CLOCK_ATTEMPTS 10000 /* looks at the page, before a writer of Linux's is taken for dead */

enum clock_id {
	CLOCK_REALTIME = 0,
	CLOCK_MONOTONIC = 1,
	CLOCK_PROCESS_CPUTIME_ID = 2,
	CLOCK_THREAD_CPUTIME_ID = 3,
	CLOCK_MONOTONIC_RAW = 4,
	CLOCK_REALTIME_COARSE = 5,
	CLOCK_MONOTONIC_COARSE = 6,
	CLOCK_BOOTTIME = 7,
	CLOCK_TAI = 11,
};

struct clock_time {
	u64 sec;
	u64 nsec;
};

static inline bool clock_is_coarse(enum clock_id id)
{
	return id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;
}

/* (shifted + delta * mult) >> shift, carried into the seconds. */
static inline struct clock_time clock_sum(u64 sec, u64 shifted, u64 delta, u32 mult, u32 shift)
{
	unsigned __int128 sum = (unsigned __int128)delta * mult + shifted;
	u64 ns = (u64)(sum >> (shift & 63));

	return (struct clock_time){ sec + ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

/*
 * `counter` is what the source said. A counter that is a little behind cycle_last
 * (another CPU's) counts as no time, as in Linux: time never runs backwards. False:
 * the page does not tell of such a clock.
 */
static inline bool clock_convert(const struct clock_page *p, u64 counter, enum clock_id id,
				 struct clock_time *time)
{
	u64 mask = READ_ONCE(p->counter_mask);
	u64 delta = clock_is_coarse(id) ? 0 : (counter - READ_ONCE(p->cycle_last)) & mask;
	u32 mult = READ_ONCE(p->mult), shift = READ_ONCE(p->shift);
	u64 ns;

	if (delta > mask / 2)
		delta = 0;
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*time = clock_sum(READ_ONCE(p->real_sec), READ_ONCE(p->nsec_shifted), delta, mult,
				  shift);
		if (id == CLOCK_TAI)
			time->sec += (u64)(s64)READ_ONCE(p->tai_offset);
		return true;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*time = clock_sum(READ_ONCE(p->mono_sec), READ_ONCE(p->mono_nsec_shifted), delta,
				  mult, shift);
		if (id != CLOCK_BOOTTIME)
			return true;
		ns = time->nsec + READ_ONCE(p->boot_offset_ns);
		time->sec += ns / NSEC_PER_SEC;
		time->nsec = ns % NSEC_PER_SEC;
		return true;
	case CLOCK_MONOTONIC_RAW:
		if (!READ_ONCE(p->raw_ok))
			return false;
		*time = clock_sum(READ_ONCE(p->raw_sec), READ_ONCE(p->raw_nsec_shifted), delta,
				  READ_ONCE(p->raw_mult), READ_ONCE(p->raw_shift));
		return true;
	default:
		return false;
	}
}

/*
 * The time by the page, which Linux writes meanwhile, and by the counter that it
 * names: read() tells it, or that it cannot. False: ask Linux.
 *
 * As Linux's own readers: again if the base has moved before the counter was read,
 * because then this reader could be ahead of the next.
 */
static inline bool clock_page_read(const struct clock_page *page, enum clock_id id,
				   bool (*read)(const struct clock_page *page, u64 *counter),
				   struct clock_time *time)
{
	for (int attempt = 0; attempt < CLOCK_ATTEMPTS; attempt++) {
		/* Pairs with the module's release at the end of a write. */
		u32 seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
		u64 counter = 0;
		bool good = !(seq & 1) && READ_ONCE(page->source) != CLOCK_SOURCE_NONE &&
			    (clock_is_coarse(id) || read(page, &counter)) &&
			    clock_convert(page, counter, id, time);

		/* All that was read before the second look at seq. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq)
			return good;
		clock_pause();
	}
	return false;
}

#endif
