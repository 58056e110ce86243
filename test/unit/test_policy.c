/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA policies: which there are, where they lead, and pages that move under them. */
#include <string.h>

#include "mm_world.h"

#define PAGE(n) (0x10000000UL + (n)*PAGE_SIZE)

static int make(struct policy *p, u32 arg, u64 nodes, u32 have)
{
	const struct user_nodes user = { { nodes } };
	u32 mode, flags;
	int err = policy_mode(arg, &mode, &flags);

	return err ? err : policy_make(p, mode, flags, &user, have);
}

static void test_modes(void **state)
{
	struct policy p;

	(void)state;
	for (u32 mode = 0; mode < MPOL_MODES; mode++) {
		bool local = mode == MPOL_DEFAULT || mode == MPOL_LOCAL;

		assert_int_equal(make(&p, mode, 1, 3), local ? -EINVAL : 0);
		assert_int_equal(make(&p, mode, 0, 3),
				 local || mode == MPOL_PREFERRED ? 0 : -EINVAL);
		assert_int_equal(make(&p, mode, 4, 3), -EINVAL);
		assert_int_equal(make(&p, mode | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, 1, 3),
				 -EINVAL);
		assert_int_equal(make(&p, mode | MPOL_F_NUMA_BALANCING, 1, 3),
				 mode == MPOL_BIND ? 0 : -EINVAL);
	}
	assert_int_equal(make(&p, MPOL_MODES, 1, 3), -EINVAL);
	/* No node at all is the thread's own, unless nodes are to be kept in mind. */
	assert_int_equal(make(&p, MPOL_PREFERRED, 0, 3), 0);
	assert_int_equal(p.mode, MPOL_LOCAL);
	assert_int_equal(make(&p, MPOL_PREFERRED | MPOL_F_STATIC_NODES, 0, 3), -EINVAL);
	assert_int_equal(make(&p, MPOL_LOCAL | MPOL_F_STATIC_NODES, 0, 3), -EINVAL);
	assert_int_equal(make(&p, MPOL_DEFAULT | MPOL_F_STATIC_NODES, 0, 3), 0);
}

static void test_nodes(void **state)
{
	struct policy p;

	(void)state;
	assert_int_equal(make(&p, MPOL_BIND, 7, 5), 0);
	assert_int_equal(p.nodes, 5);
	assert_int_equal(make(&p, MPOL_PREFERRED, 6, 6), 0);
	assert_int_equal(p.nodes, 2);
	assert_int_equal(make(&p, MPOL_BIND | MPOL_F_STATIC_NODES, 7, 5), 0);
	assert_int_equal(p.nodes, 5);
	assert_int_equal(p.user, 7);
	/* Of three nodes 1, 2 and 4: the first, the third, and by going round, the second. */
	assert_int_equal(make(&p, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 0x15, 0x16), 0);
	assert_int_equal(p.nodes, 0x16);
	assert_int_equal(make(&p, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 0x8, 0x16), 0);
	assert_int_equal(p.nodes, 2);
}

static void expect_where(u32 arg, u64 nodes, u64 index, struct where want)
{
	struct policy p;
	struct where w;

	assert_int_equal(make(&p, arg, nodes, 7), 0);
	w = policy_where(&p, 1, index);
	assert_int_equal(w.node, want.node);
	assert_int_equal(w.first, want.first);
	assert_int_equal(w.rest, want.rest);
}

static void test_where(void **state)
{
	struct policy p;

	(void)state;
	expect_where(MPOL_DEFAULT, 0, 5, (struct where){ 1, ALL_NODES, 0 });
	expect_where(MPOL_LOCAL, 0, 5, (struct where){ 1, ALL_NODES, 0 });
	expect_where(MPOL_PREFERRED, 4, 5, (struct where){ 2, ALL_NODES, 0 });
	expect_where(MPOL_PREFERRED_MANY, 5, 5, (struct where){ 1, 5, ALL_NODES });
	expect_where(MPOL_BIND, 5, 5, (struct where){ 1, 5, 0 });
	expect_where(MPOL_INTERLEAVE, 5, 4, (struct where){ 0, ALL_NODES, 0 });
	expect_where(MPOL_INTERLEAVE, 5, 5, (struct where){ 2, ALL_NODES, 0 });
	assert_int_equal(make(&p, MPOL_BIND, 5, 7), 0);
	p.home = 2;
	assert_int_equal(policy_where(&p, 0, 0).node, 2);
}

static void test_remap(void **state)
{
	(void)state;
	assert_int_equal(policy_remap(0, 1, 2), 1);
	assert_int_equal(policy_remap(1, 1, 2), NO_NODE);
	assert_int_equal(policy_remap(0, 3, 3), NO_NODE);
	/* One to one: those in both sets move on. */
	assert_int_equal(policy_remap(1, 3, 6), 2);
	assert_int_equal(policy_remap(0, 3, 6), 1);
	/* Else they stay. */
	assert_int_equal(policy_remap(1, 3, 2), NO_NODE);
	assert_int_equal(policy_remap(2, 7, 3), 0);
	assert_int_equal(policy_remap(0, 1, 0), NO_NODE);
}

/* ---- under a space, in a world of two nodes ---- */

static struct space *start(u64 pages)
{
	struct space *s;

	world_start_nodes(64UL << 20, 2);
	s = world_space();
	assert_int_equal(map_anon(s, PAGE(0), pages * PAGE_SIZE, PROT_READ | PROT_WRITE), PAGE(0));
	return s;
}

static void stop(struct space *s)
{
	space_put(s);
	world_stop();
}

struct away {
	u32 from, to;
};

static bool pick_away(const struct region *r, u32 node, u64 va, int level, void *arg,
		      struct where *w)
{
	const struct away *a = arg;

	(void)r;
	(void)va;
	(void)level;
	*w = (struct where){ (int)a->to, 1U << a->to, 0 };
	return node == a->from;
}

static struct migration move_to(struct space *s, u32 to, u64 pages)
{
	struct away a = { 1 - to, to };
	struct migration m = { .pick = pick_away, .arg = &a };

	assert_int_equal(space_migrate(s, PAGE(0), PAGE(pages), &m), 0);
	return m;
}

static int bind_range(struct space *s, u64 start, u64 end, u32 mode, u32 nodes, bool strict,
		      bool move)
{
	struct away a = { nodes == 1 ? 1 : 0, nodes == 1 ? 0 : 1 };
	struct policy p;
	const struct binding b = { &p, pick_away, &a, strict, move };

	assert_int_equal(make(&p, mode, nodes, 3), 0);
	return space_bind(s, start, end, &b);
}

/* Regions get borders where policies differ, and lose them again. */
static void test_regions(void **state)
{
	struct space *s = start(16);
	struct policy p;

	(void)state;
	assert_int_equal(s->region_count, 1);
	assert_int_equal(bind_range(s, PAGE(4), PAGE(8), MPOL_BIND, 2, false, false), 0);
	assert_int_equal(s->region_count, 3);
	assert_int_equal(space_policy(s, PAGE(3), &p), 0);
	assert_int_equal(p.mode, MPOL_DEFAULT);
	assert_int_equal(space_policy(s, PAGE(7), &p), 0);
	assert_int_equal(p.mode, MPOL_BIND);
	assert_int_equal(bind_range(s, PAGE(8), PAGE(9), MPOL_BIND, 2, false, false), 0);
	assert_int_equal(s->region_count, 3);
	for (u32 i = 0; i < 16; i++) {
		user_write(s, PAGE(i), 1);
		assert_int_equal(space_node(s, PAGE(i)), i >= 4 && i < 9 ? 1 : 0);
	}
	/* A hole: nothing is changed, unless to nothing. */
	assert_int_equal(space_unmap(s, PAGE(12), PAGE(13)), 0);
	assert_int_equal(bind_range(s, PAGE(10), PAGE(14), MPOL_BIND, 2, false, false), -EFAULT);
	assert_int_equal(space_policy(s, PAGE(10), &p), 0);
	assert_int_equal(p.mode, MPOL_DEFAULT);
	assert_int_equal(bind_range(s, PAGE(0), PAGE(16), MPOL_DEFAULT, 0, false, false), 0);
	assert_int_equal(s->region_count, 2);
	assert_int_equal(bind_range(s, PAGE(12), PAGE(13), MPOL_DEFAULT, 0, false, false), -EFAULT);
	stop(s);
}

/* Bound to a node that is full, there is no memory, whatever others have. */
static void test_full(void **state)
{
	struct space *s = start(12288);
	u64 n = 0;

	(void)state;
	assert_int_equal(bind_range(s, PAGE(0), PAGE(12288), MPOL_BIND, 2, false, false), 0);
	while (user_write(s, PAGE(n), 1) == FR_OK)
		n++;
	assert_true(n > 6000 && n < 8192);
	assert_int_equal(boot_params->counters.pages_free_node[1], 0);
	assert_true(boot_params->counters.pages_free_node[0] > 6000);
	assert_int_equal(bind_range(s, PAGE(n), PAGE(n + 1), MPOL_PREFERRED, 2, false, false), 0);
	assert_int_equal(user_write(s, PAGE(n), 1), FR_OK);
	assert_int_equal(space_node(s, PAGE(n)), 0);
	stop(s);
}

static void test_migrate(void **state)
{
	struct space *s = start(1100);
	struct migration m;

	(void)state;
	for (u32 i = 0; i < 1100; i++)
		user_write(s, PAGE(i), (u8)i);
	/* Two large pages, the second of which is split, and small ones. */
	m = move_to(s, 1, 1000);
	assert_int_equal(m.moved, 1000);
	assert_int_equal(space_node(s, PAGE(1000)), 0);
	m = move_to(s, 1, 1100);
	assert_int_equal(m.moved, 100);
	assert_int_equal(m.failed + m.shared, 0);
	for (u32 i = 0; i < 1100; i++) {
		assert_int_equal(space_node(s, PAGE(i)), 1);
		expect_byte(s, PAGE(i), (u8)i);
	}
	check_shadow();
	stop(s);
}

/* What Linux shows is taken back first; what it holds, for a device that writes to it, stays. */
static void test_lent(void **state)
{
	struct space *s = start(8);
	struct migration m;
	u64 held;

	(void)state;
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(linux_write(s, PAGE(i), (u8)i), 0);
	held = linux_hold(s, PAGE(3), true);
	m = move_to(s, 1, 8);
	assert_int_equal(m.moved, 7);
	assert_int_equal(m.failed, 1);
	assert_int_equal(space_node(s, PAGE(3)), 0);
	*linux_page(held) = 77;
	expect_byte(s, PAGE(3), 77);
	check_shadow();
	for (u32 i = 4; i < 8; i++)
		expect_byte(s, PAGE(i), (u8)i);
	linux_release(held);
	m = move_to(s, 1, 8);
	assert_int_equal(m.moved, 1);
	expect_byte(s, PAGE(3), 77);
	stop(s);
}

/* Strictly: first it is looked, and then nothing or all is done. */
static void test_strict(void **state)
{
	struct space *s = start(8);
	struct policy p;
	u64 held;

	(void)state;
	user_write(s, PAGE(2), 9);
	assert_int_equal(bind_range(s, PAGE(0), PAGE(8), MPOL_BIND, 2, true, false), -EIO);
	assert_int_equal(space_policy(s, PAGE(0), &p), 0);
	assert_int_equal(p.mode, MPOL_DEFAULT);
	assert_int_equal(bind_range(s, PAGE(0), PAGE(8), MPOL_BIND, 2, true, true), 0);
	assert_int_equal(space_node(s, PAGE(2)), 1);
	expect_byte(s, PAGE(2), 9);
	held = linux_hold(s, PAGE(2), true);
	assert_int_equal(bind_range(s, PAGE(0), PAGE(8), MPOL_BIND, 1, true, true), -EIO);
	assert_int_equal(bind_range(s, PAGE(0), PAGE(8), MPOL_BIND, 1, false, true), 0);
	linux_release(held);
	stop(s);
}

/* As mbind() has it: where the region's policy leads, seen from a CPU of the node that is to be left. */
static bool pick_by_policy(const struct region *r, u32 node, u64 va, int level, void *arg,
			   struct where *w)
{
	(void)arg;
	*w = region_where(r, NULL, va, level);
	return !(r->policy.nodes >> node & 1);
}

static void test_from_here(void **state)
{
	struct space *s = start(1030);
	struct policy p;
	const struct binding b = { &p, pick_by_policy, NULL, true, true };

	(void)state;
	for (u32 i = 0; i < 1030; i++)
		user_write(s, PAGE(i), 1);
	assert_int_equal(make(&p, MPOL_BIND, 2, 3), 0);
	assert_int_equal(space_bind(s, PAGE(0), PAGE(1030), &b), 0);
	for (u32 i = 0; i < 1030; i++)
		assert_int_equal(space_node(s, PAGE(i)), 1);
	stop(s);
}

/* What a child has too stays where it is. */
static void test_shared(void **state)
{
	struct space *s = start(4), *child = space_create();
	struct migration m;

	(void)state;
	user_write(s, PAGE(0), 1);
	assert_int_equal(bind_range(s, PAGE(2), PAGE(3), MPOL_BIND, 2, false, false), 0);
	assert_int_equal(space_fork(s, child), 0);
	m = move_to(s, 1, 4);
	assert_int_equal(m.shared, 1);
	assert_int_equal(space_node(s, PAGE(0)), 0);
	/* Its areas have the policies of the parent's. */
	user_write(child, PAGE(2), 1);
	assert_int_equal(space_node(child, PAGE(2)), 1);
	space_put(child);
	stop(s);
}

/* A fault that Linux asks for is placed by who it is for. */
static void test_placer(void **state)
{
	struct space *s = start(4);
	struct placer by = { .node = 1 };
	struct fill_wanted fill;

	(void)state;
	assert_int_equal(space_fault(s, PAGE(0), ACCESS_WRITE, &fill, &by), FR_OK);
	assert_int_equal(space_node(s, PAGE(0)), 1);
	assert_int_equal(make(&by.policy, MPOL_BIND, 1, 3), 0);
	assert_int_equal(space_fault(s, PAGE(1), ACCESS_WRITE, &fill, &by), FR_OK);
	assert_int_equal(space_node(s, PAGE(1)), 0);
	stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),	cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_where),	cmocka_unit_test(test_remap),
		cmocka_unit_test(test_regions), cmocka_unit_test(test_full),
		cmocka_unit_test(test_migrate), cmocka_unit_test(test_lent),
		cmocka_unit_test(test_strict),	cmocka_unit_test(test_shared),
		cmocka_unit_test(test_placer),	cmocka_unit_test(test_from_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
