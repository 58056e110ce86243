/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's time, read from Linux's counter. */
#ifndef MCK_CLOCK_H
#define MCK_CLOCK_H

#include "abi/clock.h"
#include "mck/lib.h"

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_USEC 1000UL

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

/* Map the clock page and the counter. Called once, by the first CPU. */
void clock_init(void);
/* Time of one of Linux's wall clocks; false if the LWK cannot tell: ask Linux. Any context. */
bool clock_read(enum clock_id id, struct clock_time *time);
/* Another number when the wall clock has been set since. Any context. */
u32 clock_sets(void);
/* Somebody is about to look whether the wall clock has come to some time: Linux has to ring when it is set. */
void clock_is_waited_for(void);
/* The arithmetic of it: `page` is a consistent copy, `counter` what the source said. */
bool clock_convert(const struct clock_page *page, u64 counter, enum clock_id id,
		   struct clock_time *time);

/* The opposite of cycles_to_ns() (mck/task.h), by the rate that Linux measured; saturates. */
u64 ns_to_cycles(u64 ns);

#endif
