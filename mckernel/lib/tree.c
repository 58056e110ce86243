/* SPDX-License-Identifier: GPL-2.0-only */
/* Balanced binary trees: the heights of a node's children differ by one at most. */
#include "mck/tree.h"

/* Whether those above may have to change too. */
static bool node_update(struct tree *tree, struct tree_node *node)
{
	u32 height = 1 + MAX(tree_height(node->child[0]), tree_height(node->child[1]));
	bool changed = height != node->height;

	node->height = height;
	return (tree->update && tree->update(node)) || changed;
}

/* Where the pointer to `node` stands. */
static struct tree_node **link_of(struct tree *tree, const struct tree_node *node)
{
	struct tree_node *parent = node->parent;

	if (!parent)
		return &tree->root;
	return &parent->child[parent->child[TREE_RIGHT] == node];
}

static void child_set(struct tree_node *node, int side, struct tree_node *child)
{
	node->child[side] = child;
	if (child)
		child->parent = node;
}

/* The child on `side` takes the node's place, and the node becomes its child on the other. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, int side)
{
	struct tree_node *up = node->child[side];

	*link_of(tree, node) = up;
	up->parent = node->parent;
	child_set(node, side, up->child[!side]);
	child_set(up, !side, node);
	node_update(tree, node);
	node_update(tree, up);
	return up;
}

/* One side is higher by two, after one change below. Returns the subtree's new root. */
static struct tree_node *lower(struct tree *tree, struct tree_node *node, int side)
{
	struct tree_node *high = node->child[side];

	if (tree_height(high->child[!side]) > tree_height(high->child[side]))
		rotate(tree, high, !side);
	return rotate(tree, node, side);
}

/* From `node` to the root, as far as something changes: heights, balance, summaries. */
static void mend_upwards(struct tree *tree, struct tree_node *node)
{
	bool changed = true;

	for (; node && changed; node = node->parent) {
		u32 left = tree_height(node->child[TREE_LEFT]);
		u32 right = tree_height(node->child[TREE_RIGHT]);

		if (left > right + 1)
			node = lower(tree, node, TREE_LEFT);
		else if (right > left + 1)
			node = lower(tree, node, TREE_RIGHT);
		else
			changed = node_update(tree, node);
	}
}

void tree_link(struct tree *tree, struct tree_node *node, struct tree_node *parent,
	       enum tree_side side)
{
	kassert(parent ? !parent->child[side] : !tree->root);
	node->parent = parent;
	node->child[TREE_LEFT] = node->child[TREE_RIGHT] = NULL;
	node->height = 0;
	if (parent)
		parent->child[side] = node;
	else
		tree->root = node;
	mend_upwards(tree, node);
}

/* `next`, which follows in order, takes the place of a node that has two children. Returns the lowest node changed. */
static struct tree_node *replace(struct tree *tree, struct tree_node *node, struct tree_node *next)
{
	struct tree_node *lowest = next->parent == node ? next : next->parent;

	if (lowest != next) {
		child_set(lowest, TREE_LEFT, next->child[TREE_RIGHT]);
		child_set(next, TREE_RIGHT, node->child[TREE_RIGHT]);
	}
	child_set(next, TREE_LEFT, node->child[TREE_LEFT]);
	*link_of(tree, node) = next;
	next->parent = node->parent;
	next->height = 0;
	return lowest;
}

static struct tree_node *next_below(const struct tree_node *node)
{
	struct tree_node *next = node->child[TREE_RIGHT];

	while (next->child[TREE_LEFT])
		next = next->child[TREE_LEFT];
	return next;
}

void tree_unlink(struct tree *tree, struct tree_node *node)
{
	struct tree_node *only = node->child[TREE_LEFT] ? node->child[TREE_LEFT]
							: node->child[TREE_RIGHT];
	struct tree_node *next;

	if (node->child[TREE_LEFT] && node->child[TREE_RIGHT]) {
		next = next_below(node);
		mend_upwards(tree, replace(tree, node, next));
		/* Where that ended below it. */
		if (!next->height)
			mend_upwards(tree, next);
		return;
	}
	*link_of(tree, node) = only;
	if (only)
		only->parent = node->parent;
	mend_upwards(tree, node->parent);
}

void tree_changed(struct tree *tree, struct tree_node *node)
{
	while (node && tree->update && tree->update(node))
		node = node->parent;
}
