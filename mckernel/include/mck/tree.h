/* SPDX-License-Identifier: GPL-2.0-only */
/* Balanced binary trees (AVL), embedded in what they order, with a summary of each subtree. */
#ifndef MCK_TREE_H
#define MCK_TREE_H

#include "mck/lib.h"

enum tree_side { TREE_LEFT = 0, TREE_RIGHT = 1 };

struct tree_node {
	struct tree_node *parent; /* NULL: the root */
	struct tree_node *child[2];
	u32 height; /* of the subtree: 1 without children; 0 while it is not summed up */
};

/*
 * The user compares: it walks down from root by itself, and links a node where
 * the walk ends. Not locked here.
 */
struct tree {
	struct tree_node *root;
	/*
	 * Makes a node's summary anew from itself and its children's; NULL: there
	 * are none. Called from below upwards for all that a change concerns: as
	 * far as it answers that the summary is another one than before.
	 */
	bool (*update)(struct tree_node *node);
};

/* `node` becomes the child, which is not there yet, of `parent` (NULL: the tree is empty). */
void tree_link(struct tree *tree, struct tree_node *node, struct tree_node *parent,
	       enum tree_side side);
void tree_unlink(struct tree *tree, struct tree_node *node);
/* What the node's own summary is made of has changed, not its place in the order. */
void tree_changed(struct tree *tree, struct tree_node *node);

static inline u32 tree_height(const struct tree_node *node)
{
	return node ? node->height : 0;
}

#define tree_entry(p, type, member) container_of(p, type, member)

#endif
