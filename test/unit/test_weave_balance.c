// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work goes from a CPU that has too much to one that has none, by
 * mckernel/task/balance.c: whichever of the two looks first, and two that send
 * do not send to one.
 */
#include "../../mckernel/arch/fake/fake.h"
#include "mck/mm.h"
#include "task/runq.h"

#include "weave.h"

#define IDLE 0 /* its place */

static struct runq rq[3];
static struct thread thread[3]; /* queued on the CPU of that place */
static u32 delivered[3]; /* threads sent to a place */
static bool kicked[3];
static u32 place_of[2]; /* the actors' */

void thread_set_cpu(struct thread *t, u32 place)
{
	t->cpu = place;
}

void sched_deliver(struct thread *t)
{
	delivered[t->cpu]++;
}

void wake_cpu(u32 place)
{
	kicked[place] = true;
}

static void on_switch(int actor)
{
	fake_be_cpu(actor < 0 ? 0 : place_of[actor]);
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	fake_start(8UL << 20, 1, 3, "");
	boot_params->cycles_khz = 1000000;
}

static void setup_places(u32 first, u32 second)
{
	place_of[0] = first;
	place_of[1] = second;
	memset(rq, 0, sizeof(rq));
	memset(thread, 0, sizeof(thread));
	for (u32 i = 0; i < ARRAY_SIZE(rq); i++) {
		list_init(&rq[i].all);
		fake_be_cpu(i);
		this_cpu()->runq = &rq[i];
		delivered[i] = 0;
		kicked[i] = false;
		if (i == IDLE)
			continue;
		thread[i].cpu = i;
		memset(thread[i].affinity, 0xff, sizeof(thread[i].affinity));
		list_init(&thread[i].posted);
		list_add_tail(&rq[i].all, &thread[i].all);
		thread[i].state = THREAD_RUNNABLE;
		order_arrive(&rq[i], &thread[i]);
	}
}

static void setup_one(void)
{
	setup_places(IDLE, 1);
}

static void idle(void)
{
	balance_idle(&rq[IDLE]);
}

static void push_1(void)
{
	balance_push(&rq[1]);
}

static void push_2(void)
{
	balance_push(&rq[2]);
}

/* It was sent, or its CPU is asked for it. */
static void check_one(void)
{
	weave_assert(delivered[IDLE] == 1 || kicked[1]);
}

static void setup_two(void)
{
	setup_places(1, 2);
	fake_be_cpu(IDLE);
	balance_idle(&rq[IDLE]);
}

static void check_two(void)
{
	weave_assert(delivered[IDLE] == 1);
	weave_assert(delivered[1] + delivered[2] == 0);
	/* Who keeps his says so, for the next that has nothing to run. */
	weave_assert(rq[1].surplus != rq[2].surplus);
}

static const struct weave_case cases[] = {
	{ "idle and surplus", prepare, setup_one, { idle, push_1 }, check_one, 4 },
	{ "two send", prepare, setup_two, { push_1, push_2 }, check_two, 4 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
