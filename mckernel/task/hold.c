/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hold: an odd kpage->hold says that the twin is about to leave its wait, or has
 * left it, and that the program must not run. It is obeyed in two places: by the
 * scan for the threads of its CPU, which are in the kernel and look again before
 * they leave it, and by a thread on its way to user mode. An even one is answered
 * too, or the twin would ring all the time.
 *
 * hold: by the module alone. held: by the CPU that the thread belongs to; it is
 * out behind all that the thread did before. test/unit/test_model_hold.c walks
 * these steps and the twin's.
 */
#include "mck/task.h"

static u32 hold_of(const struct thread *t)
{
	return __atomic_load_n(&t->kpage->hold, __ATOMIC_ACQUIRE);
}

/* False: it has been answered before. */
static bool answer(struct kpage *k, u32 hold)
{
	if (k->held == hold)
		return false;
	__atomic_store_n(&k->held, hold, __ATOMIC_RELEASE);
	return true;
}

static bool hold_over(void *arg)
{
	const struct thread *t = arg;

	return !(READ_ONCE(t->kpage->hold) & 1);
}

bool hold_answer(struct thread *t)
{
	u32 hold = hold_of(t);

	return answer(t->kpage, hold) && (hold & 1);
}

bool hold_obey(struct thread *t)
{
	u32 hold = hold_of(t);

	answer(t->kpage, hold);
	if (!(hold & 1))
		return false;
	/* Meanwhile the scan answers later ones for it. */
	wait_told(hold_over, t, true);
	return true;
}

bool hold_is_on(void)
{
	struct thread *t = current_thread();

	return t && t->kpage && !hold_over(t);
}

void hold_wait(void)
{
	if (hold_is_on())
		wait_told(hold_over, current_thread(), true);
}
