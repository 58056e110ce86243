/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes and signal dispositions as objects that threads share. */
#include "mck/mm.h"
#include "mck/task.h"

static u32 processes; /* atomic: alive */

struct process *process_create(const char *comm)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	list_init(&p->threads);
	memcpy(p->comm, comm, strnlen(comm, sizeof(p->comm) - 1));
	__atomic_add_fetch(&processes, 1, __ATOMIC_RELAXED);
	return p;
}

void process_put(struct process *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (p->born)
		__atomic_add_fetch(&boot_params->counters.processes_ended, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&processes, 1, __ATOMIC_RELAXED);
	kfree(p);
}

u32 process_count(void)
{
	return __atomic_load_n(&processes, __ATOMIC_RELAXED);
}

struct sighand *sighand_create(void)
{
	struct sighand *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	spin_init(&s->lock, RANK_PROCESS);
	return s;
}

void sighand_put(struct sighand *s)
{
	if (!__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		kfree(s);
}
