/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults on demand, for tests: kernel argument selftest=panic|oops|hang. */
#include "mck/arch.h"
#include "mck/status.h"

static void oops(void)
{
	u64 *nowhere = NULL;

	__asm__ volatile("" : "+r"(nowhere)); /* the compiler must not know */
	*nowhere = 1;
}

static void hang(void)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
}

void selftest(void)
{
	char what[16];

	if (!karg_get("selftest", what, sizeof(what)))
		return;
	log_info("selftest: %s\n", what);
	if (!strcmp(what, "panic"))
		panic("selftest");
	else if (!strcmp(what, "oops"))
		oops();
	else if (!strcmp(what, "hang"))
		hang();
	else
		log_warn("selftest: there is no %s\n", what);
}
