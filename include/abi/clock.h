/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's clock data, so that both kernels read the same time from the same counter. */
#ifndef ABI_CLOCK_H
#define ABI_CLOCK_H

#include "abi.h"
#include "abi/x86_64/clock.h" /* enum clock_source */

/*
 * Written by the module from the timekeeping notifier, read by the LWK.
 * seq is odd while a write is under way. For each base:
 * ns = base_sec, (base_nsec_shifted + ((counter - cycle_last) & counter_mask) * mult) >> shift
 */
struct clock_page {
	abi_u32 seq;
	abi_u32 source; /* enum clock_source */
	abi_u64 counter_pa;
	abi_u64 counter_mask;
	abi_u64 cycle_last;
	abi_u32 mult; /* of CLOCK_MONOTONIC and CLOCK_REALTIME */
	abi_u32 shift;
	abi_u32 raw_mult; /* of CLOCK_MONOTONIC_RAW */
	abi_u32 raw_shift;
	abi_u64 real_sec; /* CLOCK_REALTIME at cycle_last */
	abi_u64 nsec_shifted; /* common to CLOCK_REALTIME's and, by mono_*, CLOCK_MONOTONIC's */
	abi_u64 mono_sec; /* CLOCK_MONOTONIC at cycle_last */
	abi_u64 mono_nsec_shifted;
	abi_u64 raw_sec;
	abi_u64 raw_nsec_shifted;
	abi_u64 boot_offset_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
	abi_s32 tai_offset; /* seconds */
	abi_u32 raw_ok; /* raw_* are filled */
	abi_u32 sets; /* how often the wall clock was set: who waits for a time of it looks again */
	abi_u32 pad;
};

#endif
