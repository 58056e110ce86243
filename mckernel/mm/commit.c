/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs have been promised: Linux's three modes of overcommitment. */
#include "internal.h"

/* From boot_params; written once at boot, before there are programs. */
static struct {
	u32 mode;
	s64 limit; /* in pages, as are the rest */
	s64 admin_keep; /* of it, for who has CAP_SYS_ADMIN alone */
	s64 user_keep; /* of it, at most, kept from a large process */
} commit;

static u64 pages_total(void)
{
	return READ_ONCE(boot_params->counters.pages_total);
}

/* What Linux keeps is reckoned for its own memory: here it is a 32nd at most, as Linux begins with. */
static s64 kept(u64 kbytes)
{
	return (s64)MIN(kbytes >> (PAGE_SHIFT - 10), pages_total() / 32);
}

void commit_init(void)
{
	const struct lwk_boot_params *b = boot_params;

	kassert(b->overcommit <= COMMIT_NEVER);
	commit.mode = b->overcommit;
	commit.limit = (s64)(b->overcommit_kbytes ? b->overcommit_kbytes >> (PAGE_SHIFT - 10)
						  : pages_total() * b->overcommit_ratio / 100);
	commit.admin_keep = kept(b->admin_reserve_kbytes);
	commit.user_keep = kept(b->user_reserve_kbytes);
	boot_params->counters.pages_commit_limit = (u64)commit.limit;
}

bool commit_is_strict(void)
{
	return commit.mode == COMMIT_NEVER;
}

/* What may be promised to who makes this space larger, all that has been promised included. */
static s64 allowed(const struct space *s)
{
	s64 pages = commit.limit - MIN((s64)(s->total_pages / 32), commit.user_keep);
	struct mm_limits l;
	bool admin = up_limits(s, &l) ? l.admin : s->admin;

	return admin ? pages : pages - commit.admin_keep;
}

bool commit_take(const struct space *s, u64 pages)
{
	if (commit.mode == COMMIT_ALWAYS || !pages)
		return true;
	if (commit.mode == COMMIT_GUESS)
		return pages <= pages_total();
	/* Counted first: of two who ask at once, one sees the other. */
	commit_count(pages);
	if ((s64)READ_ONCE(boot_params->counters.pages_committed) < allowed(s))
		return true;
	commit_count(-pages);
	return false;
}

void commit_keep(u64 pages)
{
	if (commit_is_strict())
		commit_count(pages);
}

void commit_drop(u64 pages)
{
	if (commit_is_strict())
		commit_count(-pages);
}
