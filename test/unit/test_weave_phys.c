// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LWK's half of the quarantine, by mckernel/mm/phys.c: a page that was
 * offered with a zap comes back, perhaps before the zap's answer has been
 * looked at, and perhaps twice. It is free once.
 */
#include "../../mckernel/arch/fake/fake.h"
#include "mck/mm.h"

#include "weave.h"

static u64 page, free_before;

/* No file has pages here. */
u64 mm_reclaim(u64 pages, u64 keep)
{
	(void)pages;
	(void)keep;
	return 0;
}

u64 reclaim_keep(void)
{
	return 0;
}

static void relax(void)
{
	weave_wait_change(WEAVE_BLOCKED, weave_look());
}

static void on_switch(int actor)
{
	fake_be_cpu(actor < 0 ? 0 : (u32)actor);
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	fake_start(8UL << 20, 1, 3, "");
	fake_relax = relax;
	phys_init();
}

/* As offer() in mckernel/mm/lend.c leaves it. Each run frees it, so the next finds memory the same. */
static void setup(void)
{
	free_before = boot_params->counters.pages_free;
	page = page_alloc(0, 0);
	frame_of(page)->refs = 0;
	frame_of(page)->flags = FRAME_OFFERED;
}

/* offer_settle() reads that Linux holds it. */
static void settle(void)
{
	phys_quarantined(page);
}

/* CALL_PAGES_BACK, served by another CPU. */
static void back(void)
{
	weave_assert(phys_unquarantine(page));
}

/* A corrupt module says so once more. */
static void again(void)
{
	phys_unquarantine(page);
}

static void check(void)
{
	weave_assert(!boot_params->counters.pages_quarantined);
	weave_assert(boot_params->counters.pages_free == free_before);
	weave_assert(!(frame_of(page)->flags & (FRAME_OFFERED | FRAME_AWAY | FRAME_BACK)));
}

static const struct weave_case cases[] = {
	{ "a page comes back", prepare, setup, { settle, back }, check, 4 },
	{ "a page comes back twice", prepare, setup, { settle, again, again }, check, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
