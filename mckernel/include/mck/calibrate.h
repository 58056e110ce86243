/* SPDX-License-Identifier: GPL-2.0-only */
/* The rate of the time-stamp counter. */
#ifndef MCK_CALIBRATE_H
#define MCK_CALIBRATE_H

/* Puts the rate into boot_params->cycles_khz, never 0. By the first CPU, with the clock readable. */
void calibrate_cycles(void);

#endif
