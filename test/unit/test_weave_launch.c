// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of a launch, by ihk/proc/launch.c: two threads tag their mm while
 * a third takes the tag away. References of the boot, of Linux's notifier and
 * of the module come out even.
 */
#include "linux_fake.h"

#include "object/object.h"
#include "proc/proc.h"

struct task_struct fake_current;
struct linux_binfmt ihk_binfmt;
static struct mm_struct mm;
static struct ihk_os os = { .cpu_count = 1 };
static struct ihk_procs procs;
static int module_refs, notifiers;

/* ---- Linux ---- */

/* As mm/mmu_notifier.c: one per mm and kind, under the mm's lock. */
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops, struct mm_struct *of)
{
	struct mmu_notifier *n;

	fake_lock(&of->taken, -1);
	n = of->notifier;
	if (!n) {
		n = ops->alloc_notifier(of);
		n->ops = ops;
		of->notifier = n;
		notifiers++;
	}
	n->users++;
	fake_unlock(&of->taken, -1);
	return n;
}

void mmu_notifier_put(struct mmu_notifier *n)
{
	bool last;

	fake_lock(&mm.taken, -1);
	if (n->users <= 0)
		weave_fail("a notifier is put that nobody has");
	last = --n->users == 0;
	if (last) {
		mm.notifier = NULL;
		notifiers--;
	}
	fake_unlock(&mm.taken, -1);
	if (last)
		n->ops->free_notifier(n);
}

/* As fs/exec.c, whose caller is alone with its mm. */
void set_binfmt(struct linux_binfmt *new)
{
	if (mm.binfmt == &ihk_binfmt)
		__atomic_sub_fetch(&module_refs, 1, __ATOMIC_SEQ_CST);
	mm.binfmt = new;
	__atomic_add_fetch(&module_refs, 1, __ATOMIC_SEQ_CST);
}

/* ---- the rest of the module ---- */

struct ihk_procs *ihk_procs_get(struct ihk_os *instance)
{
	(void)instance;
	kref_get(&procs.ref);
	return &procs;
}

static void procs_gone(struct kref *ref)
{
	(void)ref;
	weave_fail("a reference of the boot too many is put");
}

void ihk_procs_put(struct ihk_procs *p)
{
	kref_put(&p->ref, procs_gone);
}

/* ---- the case ---- */

static void setup(void)
{
	fake_current.mm = &mm;
	kref_init(&procs.ref);
}

static void tag(void)
{
	weave_assert(!ihk_proc_launch(&os, 0));
}

/* As an exec does: look, use, forget. */
static void untag(void)
{
	int lwk_cpu;
	struct ihk_procs *found = ihk_launch_find(&mm, &lwk_cpu);

	if (!found)
		return;
	weave_assert(found == &procs && lwk_cpu == 0);
	ihk_launch_drop(&mm);
	ihk_procs_put(found);
}

/* The mm ends. */
static void check(void)
{
	int lwk_cpu;
	struct ihk_procs *found = ihk_launch_find(&mm, &lwk_cpu);

	weave_assert(!found == !mm.notifier && module_refs == 1);
	if (found) {
		ihk_procs_put(found);
		weave_assert(mm.notifier->users == 1 && procs.ref.refs == 2);
		mm.notifier->ops->release(mm.notifier, &mm);
	}
	weave_assert(procs.ref.refs == 1 && !notifiers && !ihk_launch_find(&mm, &lwk_cpu));
}

static const struct weave_case cases[] = {
	{ "tags and an exec", NULL, setup, { tag, tag, untag }, check, 3 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
