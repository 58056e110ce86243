/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies of regions and threads: where a page belongs, and changing that for a range. */
#include "mck/errno.h"
#include "internal.h"

static const struct placer anybody = { .node = NO_NODE };

void placer_self(struct placer *p)
{
	const struct thread *t = current_thread();

	*p = anybody;
	if (t)
		p->policy = t->policy;
}

/* Linux numbers pages of memory that no file is by their address, and interleaves by that. */
static u64 page_number(const struct region *r, u64 va, int level)
{
	u64 number = r->shm || r->file ? r->pgoff + ((va - r->start) >> PAGE_SHIFT)
				       : va >> PAGE_SHIFT;

	return level == 2 ? number / HUGE_PAGES : number;
}

struct where region_where(const struct region *r, const struct placer *by, u64 va, int level)
{
	const struct policy *p = &r->policy;

	by = by ? by : &anybody;
	if (p->mode == MPOL_DEFAULT)
		p = &by->policy;
	return policy_where(p, by->node == NO_NODE ? node_here() : by->node,
			    page_number(r, va, level));
}

int space_policy(struct space *s, u64 va, struct policy *p)
{
	struct region r;

	if (!space_piece(s, va, &r))
		return -EFAULT;
	*p = r.policy;
	return r.flags & REGION_MIRROR ? 1 : 0;
}

int space_node(struct space *s, u64 va)
{
	int node = -ENOENT, level;
	struct region *r;
	u64 e;

	/* Above are the kernel's tables. */
	if (va >= SHADOW_END)
		return -EFAULT;
	spin_lock(&s->lock);
	r = region_at(s, va);
	e = r && !(r->flags & REGION_MIRROR) ? pte_load(entry_at(s, va, &level)) : 0;
	if (!r)
		node = -EFAULT;
	else if (r->flags & REGION_MIRROR)
		node = -EXDEV;
	else if (e)
		node = (int)frame_node(pte_pa(e));
	spin_unlock(&s->lock);
	return node;
}

/* ---- changes ---- */

struct repolicy {
	policy_change *change;
	void *arg;
};

static int policy_region(struct space *s, struct region *r, void *arg)
{
	const struct repolicy *p = arg;

	(void)s;
	return r->flags & REGION_MIRROR ? 0 : p->change(&r->policy, p->arg);
}

int range_policy(struct space *s, u64 start, u64 end, policy_change *change, void *arg)
{
	struct repolicy p = { change, arg };
	int err = range_borders(s, start, end, true);

	return err ? err : regions_change(s, start, end, policy_region, &p);
}

int space_change_policy(struct space *s, u64 start, u64 end, policy_change *change, void *arg)
{
	struct claim claim;
	int err;

	end = MIN(end, SHADOW_END);
	if (start >= end)
		return 0;
	if (claim_take(s, &claim, start, end))
		return -EINTR;
	err = range_policy(s, start, end, change, arg);
	claim_drop(s, &claim);
	return err;
}

static int policy_put(struct policy *p, void *arg)
{
	*p = *(const struct policy *)arg;
	return 0;
}

/* Is there a region, and with `whole`, no hole? Under the claim. */
static bool range_mapped(struct space *s, u64 start, u64 end, bool whole)
{
	u64 hole;

	if (whole)
		return end <= SHADOW_END && space_mapped(s, start, end);
	if (start >= SHADOW_END)
		return false;
	hole = space_piece(s, start, &(struct region){ 0 }) ? 0 : space_hole(s, start);
	return start + hole < MIN(end, SHADOW_END);
}

static int bind_claimed(struct space *s, u64 start, u64 end, const struct binding *b)
{
	struct migration m = { .pick = b->pick, .arg = b->arg };
	int err = 0;

	/* Strictly, what lies elsewhere already is an error, and nothing is changed. */
	if (b->strict && !b->move && range_misplaced(s, start, end, &m))
		return -EIO;
	err = range_policy(s, start, end, policy_put, (void *)b->policy);
	if (!err && b->move) {
		err = range_migrate(s, start, end, &m);
		if (!err && m.failed && b->strict)
			err = -EIO;
	}
	return err;
}

int space_bind(struct space *s, u64 start, u64 end, const struct binding *b)
{
	u64 stop = MIN(end, SHADOW_END);
	struct claim claim;
	int err = -EFAULT;

	if (start >= stop)
		return -EFAULT;
	if (claim_take(s, &claim, start, stop))
		return -EINTR;
	if (range_mapped(s, start, end, b->policy->mode != MPOL_DEFAULT))
		err = bind_claimed(s, start, stop, b);
	claim_drop(s, &claim);
	return err;
}
