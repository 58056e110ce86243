// SPDX-License-Identifier: GPL-2.0-only
/*
 * The quarantine, by ihk/partition/quarantine.c: Linux lets go of pages while
 * their instance boots anew. Each page that the LWK was told to leave alone
 * comes back to it, once, and none before Linux has let go.
 */
#include "linux_fake.h"

#include "object/object.h"
#include "partition/partition.h"

#define PAGES 2
#define PA(i) (((u64)(i) + 1) << PAGE_SHIFT) /* of the i-th */

struct page fake_pages[PAGES + 1];
struct task_struct fake_current;
static struct lwk_boot_params params;
static struct ihk_os os;
static struct ihk_procs first, second; /* the two boots */
static u64 list[PAGES];
static bool away[PAGES]; /* what the second LWK believes */

/* ---- the rest of the module ---- */

void ihk_os_put(struct ihk_os *instance)
{
	weave_assert(__atomic_sub_fetch(&instance->ref.refs, 1, __ATOMIC_SEQ_CST) > 0);
}

void ihk_procs_put(struct ihk_procs *procs)
{
	weave_assert(__atomic_sub_fetch(&procs->ref.refs, 1, __ATOMIC_SEQ_CST) > 0);
}

struct ihk_procs *ihk_procs_get(struct ihk_os *instance)
{
	struct ihk_procs *procs = READ_ONCE(instance->procs);

	if (!procs || !READ_ONCE(instance->running))
		return NULL;
	kref_get(&procs->ref);
	return procs;
}

/* CALL_PAGES_BACK, as the LWK takes it. */
int ihk_procs_call(struct ihk_procs *procs, int place, struct ihk_call *c)
{
	u64 i, page;

	weave_assert(c->op == CALL_PAGES_BACK && procs == &second);
	for (i = 1; i <= c->arg[0]; i++) {
		page = (c->arg[i] >> PAGE_SHIFT) - 1;
		weave_assert(page < PAGES && away[page] && fake_pages[page + 1].count == 1);
		away[page] = false;
	}
	return 0;
}

/* ---- the case ---- */

/* The first boot has ended, and Linux holds its pages. */
static void setup(void)
{
	weave_assert(!ihk_quarantine_init());
	kref_init(&os.ref);
	kref_init(&first.ref);
	kref_init(&second.ref);
	os.params = &params;
	os.boot_gen = first.boot_gen = 1;
	second.boot_gen = 2;
	os.procs = &first;
	for (unsigned int i = 0; i < PAGES; i++) {
		fake_pages[i + 1].count = 2;
		ihk_quarantine_add(&os, PA(i));
	}
	os.procs = NULL;
}

/* The steps of ihk_os_boot(), and quarantine_make() of ihk/os/params.c. */
static void boot(void)
{
	unsigned int i;

	params.quarantine_count = ihk_quarantine_list(PA(0), PAGES * PAGE_SIZE, list, PAGES);
	os.quarantine = list;
	for (i = 0; i < params.quarantine_count; i++)
		away[(list[i] >> PAGE_SHIFT) - 1] = true;
	WRITE_ONCE(os.boot_gen, 2);
	smp_store_release(&os.procs, &second);
	ihk_quarantine_adopt(&os);
	WRITE_ONCE(os.running, true);
}

static void let_go(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		__atomic_sub_fetch(&fake_pages[i + 1].count, 1, __ATOMIC_SEQ_CST);
}

static void check(void)
{
	weave_assert(!away[0] && !away[1]);
	weave_assert(!ihk_quarantine_has(PA(0)) && !ihk_quarantine_has(PA(1)));
	weave_assert(os.ref.refs == 1 && first.ref.refs == 1 && second.ref.refs == 1);
}

static const struct weave_case cases[] = {
	{ "pages over a boot", NULL, setup, { boot, let_go, fake_worker }, check, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
