/* SPDX-License-Identifier: GPL-2.0-only */
/* Where there is room in a space. */
#include "internal.h"

/* Where MAP_32BIT looks, as on Linux; a hint may lie below. */
#define LOW32_START 0x40000000UL
#define LOW32_END 0x80000000UL

/* Gaps that are tried though they may lie so that nothing aligned fits in. */
#define ODD_GAPS 16U

/*
 * Each node of the tree of regions knows of its subtree where the first region
 * begins (`low`, with the gap kept below one that grows), where the last one
 * ends (`high`), and the largest gap between two of them. All of this runs
 * under the space's lock.
 */
struct gap {
	u64 start, end;
};

static const struct region *child_of(const struct region *r, enum tree_side side)
{
	const struct tree_node *n = r->node.child[side];

	return n ? tree_entry(n, const struct region, node) : NULL;
}

static u64 between(u64 low, u64 high)
{
	return high > low ? high - low : 0;
}

bool region_summary(struct tree_node *node)
{
	struct region *r = tree_entry(node, struct region, node);
	const struct region *left = child_of(r, TREE_LEFT), *right = child_of(r, TREE_RIGHT);
	u64 low = region_floor(r), high = r->end, gap = 0;
	bool changed;

	if (left) {
		gap = MAX(left->gap, between(left->high, low));
		low = left->low;
	}
	if (right) {
		gap = MAX(gap, MAX(right->gap, between(high, right->low)));
		high = right->high;
	}
	changed = r->low != low || r->high != high || r->gap != gap;
	r->low = low;
	r->high = high;
	r->gap = gap;
	return changed;
}

/*
 * The highest (or lowest) gap of `length` bytes inside of `in`, which the
 * neighbours of the subtree of `r` leave free. As deep as the tree: a subtree
 * is entered in vain only where it lies across an end of what is searched.
 */
static bool gap_find(const struct region *r, u64 length, struct gap in, bool up, struct gap *out)
{
	struct gap part[2];
	enum tree_side first = up ? TREE_LEFT : TREE_RIGHT;

	if (between(in.start, in.end) < length)
		return false;
	if (!r) {
		*out = in;
		return true;
	}
	if (r->gap < length && between(in.start, r->low) < length &&
	    between(r->high, in.end) < length)
		return false;
	part[TREE_LEFT] = (struct gap){ in.start, MIN(in.end, region_floor(r)) };
	part[TREE_RIGHT] = (struct gap){ MAX(in.start, r->end), in.end };
	return gap_find(child_of(r, first), length, part[first], up, out) ||
	       gap_find(child_of(r, !first), length, part[!first], up, out);
}

static bool gap_in(struct space *s, u64 length, struct gap in, bool up, struct gap *out)
{
	struct tree_node *root = s->tree.root;

	return gap_find(root ? tree_entry(root, struct region, node) : NULL, length, in, up, out);
}

static const struct claim *claim_in(struct space *s, u64 start, u64 end)
{
	for (const struct claim *c = s->claims; c; c = c->next)
		if (c->start < end && start < c->end)
			return c;
	return NULL;
}

/* The highest place in [bottom, top). */
static u64 place_down(struct space *s, u64 length, u64 bottom, u64 top, u64 align)
{
	struct gap in = { bottom, top }, g;
	u32 odd = 0;

	while (gap_in(s, odd < ODD_GAPS ? length : length + align - PAGE_SIZE, in, false, &g)) {
		u64 at = ALIGN_DOWN(g.end - length, align);
		const struct claim *claim;

		if (at < g.start) {
			in.end = g.start;
			odd++;
			continue;
		}
		claim = claim_in(s, at, at + length);
		if (!claim)
			return at;
		in.end = claim->start;
	}
	return 0;
}

static u64 place_up(struct space *s, u64 length, u64 bottom, u64 top)
{
	struct gap in = { bottom, top }, g;

	while (gap_in(s, length, in, true, &g)) {
		const struct claim *claim = claim_in(s, g.start, g.start + length);

		if (!claim)
			return g.start;
		in.start = claim->end;
	}
	return 0;
}

/* Neither a region, nor the gap kept below one, nor a claim. */
static bool is_free(struct space *s, u64 start, u64 end)
{
	const struct region *r = region_after(s, start);

	return (!r || region_floor(r) >= end) && !claim_in(s, start, end);
}

u64 region_place(struct space *s, u64 length, u64 hint, bool low32, u64 align)
{
	u64 at = 0;

	assert_held(&s->lock);
	if (hint && length <= (low32 ? LOW32_END : SHADOW_END) &&
	    hint <= (low32 ? LOW32_END : SHADOW_END) - length && is_free(s, hint, hint + length))
		return hint;
	if (low32)
		return place_up(s, length, LOW32_START, LOW32_END);
	if (length <= s->mmap_base)
		at = place_down(s, length, SHADOW_START, s->mmap_base, align);
	if (!at && length <= s->mmap_base && align > PAGE_SIZE)
		at = place_down(s, length, SHADOW_START, s->mmap_base, PAGE_SIZE);
	return at ? at : place_up(s, length, s->mmap_base, SHADOW_END);
}
