/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA memory policies: what they allow, by Linux's rules, and where they lead. */
#include "mck/errno.h"
#include "mck/policy.h"

static u32 weight(u32 nodes)
{
	u32 count = 0;

	for (; nodes; nodes &= nodes - 1)
		count++;
	return count;
}

static int first_node(u32 nodes)
{
	return nodes ? __builtin_ctz(nodes) : NO_NODE;
}

/* The n-th of them, from 0 on. */
static int nth_node(u32 nodes, u32 n)
{
	while (n--)
		nodes &= nodes - 1;
	return first_node(nodes);
}

static bool is_empty(const struct user_nodes *nodes)
{
	for (u32 i = 0; i < ARRAY_SIZE(nodes->word); i++)
		if (nodes->word[i])
			return false;
	return true;
}

int policy_mode(u64 arg, u32 *mode, u32 *flags)
{
	*flags = (u32)arg & MPOL_MODE_FLAGS;
	*mode = (u32)arg & ~MPOL_MODE_FLAGS;
	if (*mode >= MPOL_MODES)
		return -EINVAL;
	if ((*flags & MPOL_F_STATIC_NODES) && (*flags & MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	return (*flags & MPOL_F_NUMA_BALANCING) && *mode != MPOL_BIND ? -EINVAL : 0;
}

/* Node n of the program is the (n modulo their number)-th of those that there are. */
static u32 relative_nodes(const struct user_nodes *nodes, u32 have)
{
	u32 found = 0;

	for (u32 n = 0; have && n < POLICY_NODES; n++)
		if (nodes->word[n / 64] >> n % 64 & 1)
			found |= 1U << nth_node(have, n % weight(have));
	return found;
}

/* Does the mode go with these nodes? An empty MPOL_PREFERRED is MPOL_LOCAL. */
static int check_nodes(u32 *mode, u32 flags, bool empty)
{
	bool named = flags & MPOL_F_NAMED;

	switch (*mode) {
	case MPOL_DEFAULT:
		return empty ? 0 : -EINVAL;
	case MPOL_LOCAL:
		return empty && !named ? 0 : -EINVAL;
	case MPOL_PREFERRED:
		if (!empty)
			return 0;
		*mode = MPOL_LOCAL;
		return named ? -EINVAL : 0;
	default:
		return empty ? -EINVAL : 0;
	}
}

int policy_make(struct policy *p, u32 mode, u32 flags, const struct user_nodes *nodes, u32 have)
{
	int err = check_nodes(&mode, flags, is_empty(nodes));

	*p = (struct policy){ .home = NO_NODE };
	if (err || mode == MPOL_DEFAULT)
		return err;
	p->mode = (u8)mode;
	p->flags = (u16)flags;
	if (mode == MPOL_LOCAL)
		return 0;
	if (flags & MPOL_F_NAMED)
		p->user = (u32)nodes->word[0] & ALL_NODES;
	p->nodes = flags & MPOL_F_RELATIVE_NODES ? relative_nodes(nodes, have)
						 : (u32)nodes->word[0] & have;
	if (!p->nodes)
		return -EINVAL;
	if (mode == MPOL_PREFERRED)
		p->nodes = 1U << first_node(p->nodes);
	return 0;
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	if (a->mode != b->mode)
		return false;
	if (a->mode == MPOL_DEFAULT)
		return true;
	return a->flags == b->flags && a->home == b->home && a->user == b->user &&
	       a->nodes == b->nodes;
}

struct where policy_where(const struct policy *p, int here, u64 index)
{
	struct where w = { here, ALL_NODES, 0 };

	switch (p->mode) {
	case MPOL_PREFERRED:
		w.node = first_node(p->nodes);
		break;
	case MPOL_INTERLEAVE:
		w.node = nth_node(p->nodes, (u32)(index % weight(p->nodes)));
		break;
	case MPOL_PREFERRED_MANY:
		w.rest = ALL_NODES;
		/* fall through */
	case MPOL_BIND:
		w.first = p->nodes;
		if (p->home != NO_NODE)
			w.node = p->home;
		break;
	default:
		break;
	}
	return w;
}

int policy_remap(u32 node, u32 from, u32 to)
{
	u32 bit = 1U << node;
	int target;

	if (!(from & bit) || !to)
		return NO_NODE;
	/* Of sets that match one to one, also what lies in both moves on. */
	if (weight(from) != weight(to) && (to & bit))
		return NO_NODE;
	target = nth_node(to, weight(from & (bit - 1)) % weight(to));
	return target == (int)node ? NO_NODE : target;
}
