/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the other kernel has owed something, as far as it could do anything about it. */
#ifndef IHK_PATIENCE_H
#define IHK_PATIENCE_H

/*
 * Owned by the one task that waits and looks from time to time. Counted from
 * look to look, and no more than `most` for one: a waiter that was itself kept
 * from looking (a busy Linux, a virtual machine that was stopped) must not
 * find at once that the other has had its time. While Linux is the debtor the
 * count stands still.
 */
struct ihk_patience {
	unsigned long last; /* when it was looked at last, and */
	unsigned long owed; /* how long it was owed by then; same unit */
};

/* From now on, or: it has moved, all is forgiven. */
static inline void ihk_patience_begin(struct ihk_patience *p, unsigned long now)
{
	p->last = now;
	p->owed = 0;
}

/* One look: how long by now. */
static inline unsigned long ihk_patience_look(struct ihk_patience *p, unsigned long now,
					      unsigned long most, int is_owed)
{
	unsigned long passed = now - p->last;

	p->last = now;
	if (is_owed)
		p->owed += passed < most ? passed : most;
	return p->owed;
}

#endif
