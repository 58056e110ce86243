// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells: interrupts by which LWK CPUs ring Linux, and the IPI by which Linux rings them. */
#include <linux/cpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "abi/note.h"
#include "base/base.h"
#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"

/* One interrupt of Linux, rung by the places of one instance that one Linux CPU serves. */
struct doorbell {
	struct list_head node; /* in ihk_os.doorbells, under ihk_os.lock */
	struct ihk_os *os;
	int cpu; /* of Linux, as the IKC map has it */
	struct ihk_line line;
	DECLARE_BITMAP(places, ABI_MAX_CPUS); /* fixed before the interrupt is requested */
};

static struct doorbell *doorbell_of(struct ihk_line *line)
{
	return container_of(line, struct doorbell, line);
}

/* Tell the LWK's CPUs where to ring. */
static void doorbell_moved(struct ihk_line *line, const struct ihk_line_target *to)
{
	struct doorbell *bell = doorbell_of(line);
	int place;

	for_each_set_bit(place, bell->places, ABI_MAX_CPUS) {
		struct boot_cpu *params = &bell->os->params->cpus[place];

		WRITE_ONCE(params->doorbell_cpu, to->cpu);
		WRITE_ONCE(params->doorbell_vector, to->vector);
	}
}

/* An LWK CPU rings. Raw context: everything here and below may run on PREEMPT_RT. */
static void doorbell_raised(struct ihk_line *line)
{
	struct doorbell *bell = doorbell_of(line);
	int place;

	for_each_set_bit(place, bell->places, ABI_MAX_CPUS)
		ihk_ikc_drain(bell->os, place);
}

/* ---- which Linux CPU serves a place ---- */

/* The n-th online CPU of the mask, counted around; nr_cpu_ids if there is none. */
static unsigned int online_nth(const struct cpumask *mask, unsigned int n)
{
	unsigned int cpu, count = 0;

	for_each_cpu_and(cpu, mask, cpu_online_mask)
		count++;
	if (!count)
		return nr_cpu_ids;
	n %= count;
	for_each_cpu_and(cpu, mask, cpu_online_mask)
		if (!n--)
			break;
	return cpu;
}

int ihk_ikc_cpu(struct ihk_os *os, int place)
{
	struct doorbell *bell;
	unsigned int cpu;
	int node = cpu_to_node(os->cpu[place]);

	lockdep_assert_held(&os->lock);
	list_for_each_entry(bell, &os->doorbells, node)
		if (test_bit(place, bell->places))
			return bell->cpu;
	if (os->ikc_cpu[place] >= 0)
		return os->ikc_cpu[place];
	/* Not set: spread over the node's CPUs, or over all. */
	cpu = node >= 0 ? online_nth(cpumask_of_node(node), place) : nr_cpu_ids;
	return cpu < nr_cpu_ids ? cpu : online_nth(cpu_online_mask, place);
}

/* ---- an instance's doorbells ---- */

static struct doorbell *doorbell_find(struct ihk_os *os, int cpu)
{
	struct doorbell *bell;

	list_for_each_entry(bell, &os->doorbells, node)
		if (bell->cpu == cpu)
			return bell;
	return NULL;
}

/* Give each place its doorbell, on paper. */
static int doorbells_plan(struct ihk_os *os)
{
	int cpus[ABI_MAX_CPUS];
	struct doorbell *bell;
	int place;

	/* All choices before the first doorbell, which ihk_ikc_cpu() would look at. */
	for (place = 0; place < os->cpu_count; place++)
		cpus[place] = ihk_ikc_cpu(os, place);
	for (place = 0; place < os->cpu_count; place++) {
		bell = doorbell_find(os, cpus[place]);
		if (!bell) {
			bell = kzalloc(sizeof(*bell), GFP_KERNEL);
			if (!bell)
				return -ENOMEM;
			bell->os = os;
			bell->cpu = cpus[place];
			bell->line.raised = doorbell_raised;
			bell->line.moved = doorbell_moved;
			list_add_tail(&bell->node, &os->doorbells);
		}
		set_bit(place, bell->places);
	}
	return 0;
}

static void doorbell_close(struct doorbell *bell)
{
	ihk_line_close(&bell->line);
	list_del(&bell->node);
	kfree(bell);
}

int ihk_doorbells_make(struct ihk_os *os, char *msg)
{
	struct doorbell *bell;
	int err;

	lockdep_assert_held(&os->lock);
	err = doorbells_plan(os);
	if (err)
		ihk_refuse(msg, err, "no memory for doorbells");
	list_for_each_entry(bell, &os->doorbells, node) {
		if (err)
			break;
		err = ihk_line_open(&bell->line, bell->cpu);
		if (err)
			ihk_refuse(msg, err, "no doorbell on Linux CPU %d, which is %s (error %d)",
				   bell->cpu, cpu_online(bell->cpu) ? "online" : "offline", -err);
	}
	if (err)
		ihk_doorbells_free(os);
	return err;
}

void ihk_doorbells_free(struct ihk_os *os)
{
	struct doorbell *bell, *next;

	lockdep_assert_held(&os->lock);
	list_for_each_entry_safe(bell, next, &os->doorbells, node)
		doorbell_close(bell);
}

/* ---- ringing the LWK ---- */

static void ring(struct ihk_os *os, int place, struct kpage *k)
{
	struct boot_cpu *cpu = &os->params->cpus[place];
	u64 note = k ? READ_ONCE(k->note) : 0;
	u32 state;

	if (note)
		note_add(&cpu->notes, &k->note_queued, &k->note_next, note);
	/* Also behind another's note: who adds it may not have come to this yet. */
	WRITE_ONCE(cpu->attention, 1);
	/*
	 * Attention before state, against the LWK's store of its state
	 * before its last look at attention: one of us sees the other.
	 */
	smp_mb();
	state = READ_ONCE(cpu->state);
	if (state == LWK_CPU_USER || state == LWK_CPU_IDLE)
		ihk_line_ring_lwk(os->cpu[place]);
}

void ihk_note_lwk(struct ihk_os *os, int place, struct kpage *k)
{
	/* ihk_os_stop() waits for readers after it has cleared `running`. */
	rcu_read_lock();
	if (ihk_os_alive(os) && place >= 0 && place < os->cpu_count)
		ring(os, place, k);
	rcu_read_unlock();
}

void ihk_ring_lwk(struct ihk_os *os, int place)
{
	ihk_note_lwk(os, place, NULL);
}
