// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twin indices, by ihk/twin/twin.c: a twin ends and another gets its index,
 * while the doorbell's interrupt looks for the first. It wakes no stranger, and
 * nobody whose memory is gone. Who gets no index leaves nothing behind.
 */
#include "linux_fake.h"

#include "object/object.h"
#include "os/os.h"
#include "space/space.h"
#include "twin/twin.h"

struct task_struct fake_current;
static struct task_struct old_task = { .refs = 1 }, new_task = { .refs = 1 };
static struct ihk_os os;
static struct ihk_procs procs;
static struct ihk_space space;
static struct ihk_twin *old;
static u32 old_index, gen; /* of the old one, as the LWK has them */
static unsigned int made, refused;
static struct kpage *old_page;

static bool page_returned(void)
{
	return procs.boxes_idle || procs.twin_count.value != 1;
}

/* ---- Linux ---- */

int wake_up_process(struct task_struct *task)
{
	weave_step(task, true);
	weave_assert(task->refs > 0);
	weave_assert(task == &old_task);
	return 1;
}

/* ---- the rest of the module ---- */

int ihk_space_add_slot(struct ihk_space *s, int want, struct page *page)
{
	return 0;
}

void ihk_space_leave(struct ihk_space *s)
{
}

void ihk_space_drop_slot(struct ihk_space *s, unsigned int number)
{
}

void ihk_space_put(struct ihk_space *s)
{
	weave_assert(__atomic_sub_fetch(&s->ref.refs, 1, __ATOMIC_SEQ_CST) > 0);
}

void ihk_procs_put(struct ihk_procs *p)
{
	weave_assert(__atomic_sub_fetch(&p->ref.refs, 1, __ATOMIC_SEQ_CST) > 0);
}

int ihk_procs_call(struct ihk_procs *p, int place, struct ihk_call *c)
{
	return 0;
}

int ihk_call_error(struct ihk_os *instance, const struct ihk_call *c)
{
	return 0;
}

void ihk_note_lwk(struct ihk_os *instance, int place, struct kpage *k)
{
}

void ihk_life_forget(struct ihk_twin *twin)
{
}

void ihk_cputime_attach(struct ihk_twin *twin)
{
}

void ihk_cputime_end(struct ihk_twin *twin)
{
}

u32 ihk_sched_word(struct task_struct *task)
{
	return task == &old_task;
}

/* By others: it finds the page of this task's twin, or none. */
bool ihk_sched_publish(struct kpage *k, struct task_struct *task)
{
	weave_assert(k == old_page && task == &old_task && !page_returned());
	WRITE_ONCE(k->sched, 1);
	return false;
}

/* ---- the case ---- */

static struct ihk_twin *make(struct task_struct *task)
{
	struct ihk_twin *twin = ihk_twin_new(&space, -1);

	weave_assert(!IS_ERR(twin));
	ihk_twin_bind(twin, task);
	WRITE_ONCE(twin->waiting, true);
	return twin;
}

static void setup(void)
{
	os.procs = &procs;
	procs.os = &os;
	space.procs = &procs;
	kref_init(&procs.ref);
	kref_init(&space.ref);
	INIT_LIST_HEAD(&procs.boxes);
	weave_assert(!ihk_twin_init());
	old = make(&old_task);
	old_page = old->k;
	old_index = old->index;
	gen = old->gen;
}

static void end(void)
{
	ihk_twin_end(old, THREAD_EXITED);
}

static void birth(void)
{
	make(&new_task);
}

/* What the LWK sent for the old one, the second time late. */
static void doorbell(void)
{
	ihk_twin_request(&os, old_index, gen);
	ihk_twin_request(&os, old_index, gen);
}

/* Somebody has changed its scheduling. */
static void changed(void)
{
	rcu_read_lock();
	ihk_twin_sched(&old_task);
	rcu_read_unlock();
}

static void check_ended(void)
{
	weave_assert(procs.boxes_idle == 1);
}

static void check(void)
{
	weave_assert(old_task.refs == 1 && new_task.refs == 2);
	weave_assert(procs.twin_count.value == 1 && procs.ref.refs == 2 && space.ref.refs == 2);
}

/* One index is left, for two. */
static void setup_full(void)
{
	setup();
	made = refused = 0;
	for (unsigned int i = 1; i < XA_MAX - 1; i++)
		procs.twins.entry[i] = &procs;
}

static void try_birth(void)
{
	struct ihk_twin *twin = ihk_twin_new(&space, -1);

	weave_assert(!IS_ERR(twin) || PTR_ERR(twin) == -EAGAIN);
	__atomic_add_fetch(IS_ERR(twin) ? &refused : &made, 1, __ATOMIC_RELAXED);
}

static void check_full(void)
{
	weave_assert(made == 1 && refused == 1);
	weave_assert(procs.twin_count.value == 2);
	weave_assert(procs.ref.refs == 3 && space.ref.refs == 3);
	weave_assert(!list_empty(&procs.boxes));
}

static const struct weave_case cases[] = {
	{ "an index passes on", NULL, setup, { end, birth, doorbell, fake_worker }, check, 3 },
	{ "an end, and news for it", NULL, setup, { end, changed, fake_worker }, check_ended, 3 },
	{ "no index is left", NULL, setup_full, { try_birth, try_birth }, check_full, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
