// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notes, by mckernel/task/notes.c and abi/note.h: whatever is changed for a thread
 * is seen by the CPU that has it then, on which a look is the only thing that sees
 * it; and a thread is freed once, when nobody has a note about it.
 */
#include "../../mckernel/arch/fake/fake.h"
#include "abi/note.h"
#include "mck/mm.h"
#include "task/runq.h"

#include "weave.h"

#define CPUS 2
#define THREADS 2

static struct runq rq[CPUS];
static struct boot_cpu *boot[CPUS];
static bool kicked[CPUS];
static struct thread *thread[THREADS];
static struct kpage *kpage[THREADS];
static u32 changed[THREADS], seen[THREADS];
static u32 freed;
static u32 place_of[WEAVE_ACTORS];

/* ---- what notes.c stands on ---- */

static u32 number_of(const struct thread *t)
{
	return t->twin_index;
}

void sched_look(struct runq *at, struct thread *t)
{
	weave_assert(at == &rq[this_cpu()->place] && t->at == at && t->cpu == this_cpu()->place);
	seen[number_of(t)] = __atomic_load_n(&changed[number_of(t)], __ATOMIC_SEQ_CST);
}

void thread_gone(struct thread *t)
{
	freed++;
	weave_free(t);
}

void wake_cpu(u32 place)
{
	__atomic_store_n(&kicked[place], true, __ATOMIC_SEQ_CST);
	weave_changed();
}

/* ---- the actors ---- */

static bool called(void *arg)
{
	return *(bool *)arg;
}

static void scan(u32 place)
{
	__atomic_store_n(&kicked[place], false, __ATOMIC_SEQ_CST);
	notes_take(&rq[place]);
}

/* Idle but for scans. */
static void serve(void)
{
	u32 place = this_cpu()->place;

	for (;;) {
		weave_wait(WEAVE_IDLE, called, &kicked[place]);
		scan(place);
	}
}

static void change(u32 i)
{
	__atomic_add_fetch(&changed[i], 1, __ATOMIC_SEQ_CST);
	wake_cpu(sched_note(thread[i]));
}

static void linux_change(u32 i)
{
	struct kpage *k = kpage[i];
	u32 place;

	__atomic_add_fetch(&changed[i], 1, __ATOMIC_SEQ_CST);
	place = __atomic_load_n(&k->cpu, __ATOMIC_SEQ_CST);
	note_add(&boot[place]->notes, &k->note_queued, &k->note_next, k->note);
	wake_cpu(place);
}

static void change_0(void)
{
	change(0);
}

static void change_both(void)
{
	change(1);
	change(0);
}

static void linux_0(void)
{
	linux_change(0);
}

static void linux_both(void)
{
	linux_change(1);
	linux_change(0);
}

/* The CPU of place 0 sends its first thread to the other one, as balance.c does. */
static void send(void)
{
	struct thread *t = thread[0];

	runq_leave(t);
	__atomic_store_n(&t->cpu, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->kpage->cpu, 1, __ATOMIC_SEQ_CST);
	spin_lock(&rq[1].lock);
	list_add_tail(&rq[1].incoming, &t->all);
	spin_unlock(&rq[1].lock);
	wake_cpu(1);
	serve();
}

static void receive(void)
{
	for (;;) {
		weave_wait(WEAVE_IDLE, called, &kicked[1]);
		__atomic_store_n(&kicked[1], false, __ATOMIC_SEQ_CST);
		spin_lock(&rq[1].lock);
		if (!list_empty(&rq[1].incoming)) {
			list_del(&thread[0]->all);
			spin_unlock(&rq[1].lock);
			runq_enter(&rq[1], thread[0]);
			sched_look(&rq[1], thread[0]);
		} else {
			spin_unlock(&rq[1].lock);
		}
		notes_take(&rq[1]);
	}
}

/* What it has waited for is changed by somebody who lets it go then, and it ends. */
static u32 let_go;

static void change_and_let_go(void)
{
	change(0);
	__atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
	weave_changed();
}

static bool is_let_go(void *arg)
{
	return *(u32 *)arg;
}

static void end(void)
{
	struct thread *t = thread[0];

	weave_wait(WEAVE_BLOCKED, is_let_go, &let_go);
	runq_leave(t);
	t->state = THREAD_DEAD;
	if (!note_keeps(t))
		thread_gone(t);
	serve();
}

/* ---- the cases ---- */

static void on_switch(int actor)
{
	fake_be_cpu(actor < 0 ? 0 : place_of[actor]);
}

static void relax(void)
{
	weave_wait_change(WEAVE_BLOCKED, weave_look());
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	fake_start(4UL << 20, 1, CPUS, "");
	fake_relax = relax;
}

static void setup(void)
{
	for (u32 i = 0; i < WEAVE_ACTORS; i++)
		place_of[i] = i == 1;
	for (u32 i = 0; i < CPUS; i++) {
		list_init(&rq[i].all);
		list_init(&rq[i].incoming);
		spin_init(&rq[i].lock, RANK_RUNQ);
		cpu_of(i)->runq = &rq[i];
		boot[i] = cpu_of(i)->boot;
	}
	for (u32 i = 0; i < THREADS; i++) {
		thread[i] = memset(weave_alloc(sizeof(*thread[i])), 0, sizeof(*thread[i]));
		kpage[i] = memset(weave_alloc(sizeof(*kpage[i])), 0, sizeof(*kpage[i]));
		list_init(&thread[i]->all);
		list_init(&thread[i]->posted);
		thread[i]->kpage = kpage[i];
		thread[i]->twin_index = i;
		thread[i]->state = THREAD_WAITING;
		kpage[i]->thread = (u64)thread[i];
		kpage[i]->note = (u64)kpage[i];
		runq_enter(&rq[0], thread[i]);
	}
}

static void check(void)
{
	for (u32 i = 0; i < THREADS; i++) {
		weave_assert(seen[i] == changed[i]);
		weave_assert(!thread[i]->note_queued && !kpage[i]->note_queued);
	}
}

static void check_freed(void)
{
	weave_assert(freed == 1);
}

static const struct weave_case cases[] = {
	{ "two changes", prepare, setup, { serve, change_0, change_0 }, check, 3 },
	{ "two threads", prepare, setup, { serve, change_both, change_0 }, check, 3 },
	{ "Linux changes two", prepare, setup, { serve, linux_both, linux_0 }, check, 3 },
	{ "a move", prepare, setup, { send, receive, change_0, change_0 }, check, 3 },
	{ "a move under Linux", prepare, setup, { send, receive, linux_0, linux_0 }, check, 3 },
	{ "an end", prepare, setup, { end, serve, change_and_let_go }, check_freed, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
