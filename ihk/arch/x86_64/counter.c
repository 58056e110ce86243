// SPDX-License-Identifier: GPL-2.0-only
/* The counters of a PC that Linux may keep its time by, and that LWKs can read as well. */
#include <linux/acpi.h>
#include <linux/clocksource.h>

#include "arch/arch.h"

#define HPET_COUNTER 0xf0 /* the main counter's offset in the HPET's page */

/* Physical addresses (HPET) and port (ACPI timer) of the counters; 0: there is none. Fixed by init. */
static u64 hpet_counter, pmtmr_port;

void ihk_counters_find(void)
{
	struct acpi_table_header *table;

	if (acpi_disabled)
		return;
	if (ACPI_SUCCESS(acpi_get_table(ACPI_SIG_HPET, 0, &table))) {
		hpet_counter = ((struct acpi_table_hpet *)table)->address.address + HPET_COUNTER;
		acpi_put_table(table);
	}
	pmtmr_port = acpi_gbl_FADT.xpm_timer_block.address ?: acpi_gbl_FADT.pm_timer_block;
}

enum clock_source ihk_counter_of(const struct clocksource *clock, u64 *where)
{
	*where = 0;
	if (!strcmp(clock->name, "tsc") || !strcmp(clock->name, "tsc-early"))
		return CLOCK_SOURCE_TSC;
	if (!strcmp(clock->name, "hpet") && hpet_counter) {
		*where = hpet_counter;
		return CLOCK_SOURCE_HPET;
	}
	if (!strcmp(clock->name, "acpi_pm") && pmtmr_port) {
		*where = pmtmr_port;
		return CLOCK_SOURCE_PMTMR;
	}
	return CLOCK_SOURCE_NONE;
}
