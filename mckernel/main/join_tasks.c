/* SPDX-License-Identifier: GPL-2.0-only */
/* Joins task/ with the rooms above it: what it asks of them, and the calls of Linux that it serves. */
#include "mck/tasks.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/task.h"

/* ---- what task/ asks (mck/task.h) ---- */

void up_poll(void)
{
	ikc_poll();
}

bool up_untaken(void)
{
	return ikc_pending();
}

void up_ring_again(void)
{
	ikc_ring_again();
}

void up_call_twin(const struct thread *t)
{
	ikc_send(IKC_WORD(IKC_REQUEST, t->twin_index, t->twin_gen), true);
}

void up_ended(u32 end_call)
{
	ikc_answer(end_call - 1, 0, NULL, 0);
}

/* ---- what Linux asks ---- */

void tasks_serve_attach(u32 index, const struct ikc_call *call)
{
	const struct attachment a = {
		.slot_pa = call->arg[1],
		.kpage_pa = call->arg[2],
		.twin_index = (u32)call->arg[3],
		.twin_gen = (u32)call->arg[4],
		.slot_number = (u32)call->arg[5],
		.linux_space = call->arg[6],
	};

	ikc_answer(index, thread_attach(call->arg[0], &a), NULL, 0);
}

static void serve_end(u32 index, const struct ikc_call *call)
{
	u32 reason = (u32)call->arg[1];

	if (reason < THREAD_EXITED || reason > THREAD_UNBORN)
		ikc_answer(index, -EINVAL, NULL, 0);
	else if (!thread_end(call->arg[0], reason, index + 1))
		ikc_answer(index, 0, NULL, 0); /* it has ended already */
}

/* Under the lock of the table of threads. Places that are not there are in every new mask. */
static void copy_cpus(struct thread *t, void *arg)
{
	u64 *cpus = arg;

	memset(cpus, 0, sizeof(t->affinity));
	for (u32 place = 0; place < cpu_count; place++)
		cpus[place / 64] |= t->affinity[place / 64] & (1UL << (place % 64));
}

static void serve_cpus(u32 index, const struct ikc_call *call)
{
	u64 cpus[ABI_MAX_CPUS / 64];

	_Static_assert(ARRAY_SIZE(cpus) <= IKC_CALL_OUTS, "an answer holds all places");
	if (thread_with(READ_ONCE(call->arg[0]), copy_cpus, cpus))
		ikc_answer(index, 0, cpus, ARRAY_SIZE(cpus));
	else
		ikc_answer(index, -ESRCH, NULL, 0);
}

void tasks_init(void)
{
	ikc_set_handler(CALL_THREAD_ATTACH, tasks_serve_attach);
	ikc_set_handler(CALL_THREAD_END, serve_end);
	ikc_set_handler(CALL_THREAD_CPUS, serve_cpus);
}
