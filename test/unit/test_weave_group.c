// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a thread group, by ihk/twin/group.c: however its twins come, the LWK is
 * told once, and none of them goes before it has answered.
 */
#include "linux_fake.h"

#include "object/object.h"
#include "os/os.h"
#include "space/space.h"
#include "twin/twin.h"

#define TWINS 3

struct task_struct fake_current;
static struct signal_struct signal_;
static struct task_struct executor;
static struct ihk_procs procs;
static struct ihk_space space;
static struct ihk_twin twin[TWINS + 1]; /* the last one is the executor's */
static struct kpage kpage[TWINS + 1];
static unsigned int told, answered;
static u64 stays;
static bool broken; /* the instance is dead: no call is answered */

struct ihk_twin *ihk_twin_of(struct task_struct *task)
{
	return task == &executor ? &twin[TWINS] : NULL;
}

int ihk_twin_place(struct ihk_twin *t)
{
	return 0;
}

/* The LWK: what it marks can be seen before it has answered. */
int ihk_procs_call(struct ihk_procs *p, int place, struct ihk_call *c)
{
	int i;

	weave_assert(c->op == CALL_GROUP_END && READ_ONCE(space.kept));
	told++;
	stays = c->arg[1];
	if (broken)
		return -EIO;
	for (i = 0; i <= TWINS; i++)
		if (twin[i].thread != stays)
			WRITE_ONCE(kpage[i].end_state, END_BEGUN);
	weave_step(&answered, true);
	__atomic_store_n(&answered, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void setup(void)
{
	int i;

	memset(kpage, 0, sizeof(kpage));
	memset(&space, 0, sizeof(space));
	mutex_init(&space.group);
	told = answered = 0;
	broken = false;
	signal_ = (struct signal_struct){ .flags = SIGNAL_GROUP_EXIT };
	fake_current.signal = &signal_;
	for (i = 0; i <= TWINS; i++)
		twin[i] = (struct ihk_twin){
			.procs = &procs, .space = &space, .k = &kpage[i], .thread = 100 + i
		};
}

static void setup_exec(void)
{
	setup();
	signal_ = (struct signal_struct){ .group_exec_task = &executor };
}

static void setup_dead(void)
{
	setup();
	broken = true;
}

static void go(int i)
{
	bool stopped = ihk_group_stop(&twin[i]);

	weave_assert(stopped == !broken);
	weave_assert(!stopped || __atomic_load_n(&answered, __ATOMIC_SEQ_CST));
}

static void first(void)
{
	go(0);
}

static void second(void)
{
	go(1);
}

static void third(void)
{
	go(2);
}

static void check(void)
{
	weave_assert(told == 1 && stays == 0);
}

static void check_exec(void)
{
	weave_assert(told == 1 && stays == 100 + TWINS);
	weave_assert(kpage[TWINS].end_state == END_NOT);
}

/* Each is on its own then. */
static void check_dead(void)
{
	weave_assert(told == TWINS);
}

static const struct weave_case cases[] = {
	{ "all die", NULL, setup, { first, second, third }, check, 3 },
	{ "one executes", NULL, setup_exec, { first, second, third }, check_exec, 3 },
	{ "the instance is dead", NULL, setup_dead, { first, second, third }, check_dead, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
