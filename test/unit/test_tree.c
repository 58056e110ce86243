/* SPDX-License-Identifier: GPL-2.0-only */
/* Balanced trees: order, balance and summaries through random changes, and that changes are cheap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mck/tree.h"

#define ITEMS 4096U

struct item {
	struct tree_node node;
	u32 key;
	u64 sum; /* of the keys of the subtree; with update_least() the smallest of them */
	bool in;
};

static struct item items[ITEMS];
static struct tree tree;
static u64 updates;
static u64 seed = 1;

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

static u32 below(u32 n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(seed >> 33) % n;
}

static struct item *item_of(struct tree_node *n)
{
	return tree_entry(n, struct item, node);
}

static bool update(struct tree_node *n)
{
	struct item *i = item_of(n);
	u64 sum = i->key, old = i->sum;

	updates++;
	for (int side = 0; side < 2; side++)
		if (n->child[side])
			sum += item_of(n->child[side])->sum;
	i->sum = sum;
	return sum != old;
}

/* A summary that most changes leave as it was. */
static bool update_least(struct tree_node *n)
{
	struct item *i = item_of(n);
	u64 least = i->key, old = i->sum;

	updates++;
	if (n->child[TREE_LEFT])
		least = item_of(n->child[TREE_LEFT])->sum;
	i->sum = least;
	return least != old;
}

static void put(struct item *i)
{
	struct tree_node *parent = NULL, *n = tree.root;
	enum tree_side side = TREE_LEFT;

	while (n) {
		parent = n;
		side = i->key < item_of(n)->key ? TREE_LEFT : TREE_RIGHT;
		n = n->child[side];
	}
	tree_link(&tree, &i->node, parent, side);
	i->in = true;
}

static void take(struct item *i)
{
	tree_unlink(&tree, &i->node);
	i->in = false;
}

/* All rules in the subtree, whose keys lie in [low, high]. Returns how many nodes it has. */
static u32 check(struct tree_node *n, struct tree_node *parent, u32 low, u32 high, u64 *sum)
{
	u64 left = 0, right = 0;
	u32 count, lh, rh;
	struct item *i;

	*sum = 0;
	if (!n)
		return 0;
	i = item_of(n);
	assert_true(i->in);
	assert_ptr_equal(n->parent, parent);
	assert_in_range(i->key, low, high);
	count = 1 + check(n->child[TREE_LEFT], n, low, i->key, &left) +
		check(n->child[TREE_RIGHT], n, i->key, high, &right);
	lh = tree_height(n->child[TREE_LEFT]);
	rh = tree_height(n->child[TREE_RIGHT]);
	assert_true(lh <= rh + 1 && rh <= lh + 1);
	assert_int_equal(n->height, 1 + MAX(lh, rh));
	*sum = i->key + left + right;
	assert_int_equal(i->sum, *sum);
	return count;
}

static u32 check_all(void)
{
	u64 sum;

	return check(tree.root, NULL, 0, ~0U, &sum);
}

static int start(void **state)
{
	(void)state;
	tree = (struct tree){ .update = update };
	for (u32 i = 0; i < ITEMS; i++)
		items[i] = (struct item){ .key = i };
	return 0;
}

static void test_random(void **state)
{
	u32 in = 0;

	(void)state;
	for (u32 round = 0; round < 40000; round++) {
		/* Fuller, and emptier again. */
		u32 range = (round / 10000) % 2 ? 200 : ITEMS;
		struct item *i = &items[below(range)];

		if (i->in && below(2)) {
			take(i);
			in--;
		} else if (!i->in) {
			i->key = below(1000);
			put(i);
			in++;
		} else {
			/* Its summary changes, its place does not. */
			tree_changed(&tree, &i->node);
		}
		if (round % 64 == 0)
			assert_int_equal(check_all(), in);
	}
	assert_int_equal(check_all(), in);
	for (u32 i = 0; i < ITEMS; i++)
		if (items[i].in)
			take(&items[i]);
	assert_null(tree.root);
}

/* In ascending and descending order, which is how mappings come. */
static void test_sorted(void **state)
{
	u32 height = 0;

	(void)state;
	for (u32 i = 0; i < ITEMS; i++)
		put(&items[i]);
	assert_int_equal(check_all(), ITEMS);
	height = tree.root->height;
	assert_in_range(height, 12, 13);
	for (u32 i = 0; i < ITEMS; i++)
		take(&items[i]);
	assert_null(tree.root);
	updates = 0;
	for (u32 i = ITEMS; i-- > 0;)
		put(&items[i]);
	assert_int_equal(check_all(), ITEMS);
	/* Twice the height for each: the way up, and what is turned. */
	assert_true(updates <= (u64)ITEMS * 2 * 13);
	updates = 0;
	tree_changed(&tree, &items[0].node);
	assert_true(updates <= 13);
}

static void test_changed(void **state)
{
	u64 sum;

	(void)state;
	for (u32 i = 0; i < 100; i++)
		put(&items[i]);
	sum = item_of(tree.root)->sum;
	assert_int_equal(sum, 99 * 100 / 2);
	/* The last grows, and is still the last. */
	items[99].key += 1000;
	tree_changed(&tree, &items[99].node);
	assert_int_equal(item_of(tree.root)->sum, sum + 1000);
	assert_int_equal(check_all(), 100);
}

/* The smallest key of each subtree is what its root says. */
static u64 check_least(const struct tree_node *n)
{
	const struct item *i = tree_entry(n, const struct item, node);
	u64 least = i->key;

	if (n->child[TREE_LEFT])
		least = check_least(n->child[TREE_LEFT]);
	if (n->child[TREE_RIGHT])
		check_least(n->child[TREE_RIGHT]);
	assert_int_equal(i->sum, least);
	return least;
}

/* What changes nothing above is not asked for above. */
static void test_stops(void **state)
{
	(void)state;
	tree.update = update_least;
	updates = 0;
	for (u32 i = 0; i < ITEMS; i++)
		put(&items[i]);
	check_least(tree.root);
	/* Far from 12 each: turns and new heights come to a few on average. */
	assert_true(updates <= 6 * ITEMS);
	updates = 0;
	tree_changed(&tree, &items[ITEMS / 2].node);
	assert_int_equal(updates, 1);
	for (u32 i = 0; i < ITEMS; i += 2)
		take(&items[i]);
	check_least(tree.root);
	/* Keys between others, and out again, in no order. */
	for (u32 round = 0; round < 20000; round++) {
		struct item *i = &items[below(ITEMS)];

		if (i->in)
			take(i);
		else
			put(i);
		if (round % 64 == 0 && tree.root)
			check_least(tree.root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_random, start),
		cmocka_unit_test_setup(test_sorted, start),
		cmocka_unit_test_setup(test_changed, start),
		cmocka_unit_test_setup(test_stops, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
