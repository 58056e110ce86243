/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's time, read from Linux's counter. */
#ifndef MCK_CLOCK_H
#define MCK_CLOCK_H

#include "mck/clock_page.h"

/* Map the clock page and the counter. Called once, by the first CPU. */
void clock_init(void);
/* Time of one of Linux's wall clocks; false if the LWK cannot tell: ask Linux. Any context. */
bool clock_read(enum clock_id id, struct clock_time *time);
/* Another number when the wall clock has been set since. Any context. */
u32 clock_sets(void);
/* Somebody is about to look whether the wall clock has come to some time: Linux has to ring when it is set. */
void clock_is_waited_for(void);

/* The opposite of cycles_to_ns() (mck/task.h), by the rate that Linux measured; saturates. */
u64 ns_to_cycles(u64 ns);

#endif
