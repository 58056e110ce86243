/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of an x86-64 machine that Linux may keep its time by. */
#ifndef ABI_X86_64_CLOCK_H
#define ABI_X86_64_CLOCK_H

enum clock_source {
	CLOCK_SOURCE_NONE = 0, /* a source that the LWK cannot read: offload */
	CLOCK_SOURCE_TSC = 1,
	CLOCK_SOURCE_HPET = 2, /* memory-mapped 32-bit counter at counter_pa */
	CLOCK_SOURCE_PMTMR = 3, /* 24-bit ACPI PM timer, I/O port counter_pa */
};

/* By who reads the clock, while a write is under way. */
static inline void clock_pause(void)
{
	__builtin_ia32_pause();
}

#endif
