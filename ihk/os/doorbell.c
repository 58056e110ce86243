// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells: interrupts by which LWK CPUs ring Linux, and the IPI by which Linux rings them. */
#include <linux/cpu.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>

#include "base/base.h"
#include "object/object.h"
#include "os/os.h"

/* One interrupt of Linux, rung by the places of one instance that one Linux CPU serves. */
struct doorbell {
	struct list_head node; /* in ihk_os.doorbells, under ihk_os.lock */
	struct ihk_os *os;
	int cpu; /* of Linux, as the IKC map has it */
	int virq;
	int hwirq; /* a number of ours, from doorbell_ids */
	DECLARE_BITMAP(places, ABI_MAX_CPUS); /* fixed before the interrupt is requested */
};

static struct fwnode_handle *doorbell_fwnode;
static struct irq_domain *doorbell_domain;
static DEFINE_IDA(doorbell_ids);

/*
 * Tell the LWK's CPUs where to ring. The vector's own destination is a
 * logical id under the flat APIC driver; they ring by the physical id.
 * Context: at boot, or under the interrupt descriptor's lock.
 */
static void doorbell_publish(const struct doorbell *bell, struct irq_data *data)
{
	unsigned int cpu = cpumask_first(irq_data_get_effective_affinity_mask(data));
	const struct irq_cfg *cfg = irqd_cfg(data);
	int place;

	if (!cfg || cpu >= nr_cpu_ids)
		return;
	for_each_set_bit(place, bell->places, ABI_MAX_CPUS) {
		struct boot_cpu *params = &bell->os->params->cpus[place];

		WRITE_ONCE(params->doorbell_apic, per_cpu(x86_cpu_to_apicid, cpu));
		WRITE_ONCE(params->doorbell_vector, cfg->vector);
	}
}

/* Linux moves the interrupt: when its CPU goes offline, or when told to. */
static int chip_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	int ret = irq_chip_set_affinity_parent(data, mask, force);

	if (ret >= 0)
		doorbell_publish(irq_data_get_irq_chip_data(data), data);
	return ret;
}

static struct irq_chip doorbell_chip = {
	.name = "IHK",
	.irq_ack = irq_chip_ack_parent,
	.irq_set_affinity = chip_set_affinity,
	.irq_retrigger = irq_chip_retrigger_hierarchy,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int count, void *arg)
{
	struct doorbell *bell = arg;
	struct irq_alloc_info info;
	int err;

	memset(&info, 0, sizeof(info));
	info.mask = cpumask_of(bell->cpu);
	err = irq_domain_alloc_irqs_parent(domain, virq, count, &info);
	if (err)
		return err;
	irq_domain_set_info(domain, virq, bell->hwirq, &doorbell_chip, bell, handle_edge_irq, NULL,
			    "edge");
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = irq_domain_free_irqs_common,
};

int ihk_doorbell_init(void)
{
	doorbell_fwnode = irq_domain_alloc_named_fwnode("IHK");
	if (!doorbell_fwnode)
		return -ENOMEM;
	doorbell_domain = irq_domain_create_hierarchy(x86_vector_domain, 0, 0, doorbell_fwnode,
						      &domain_ops, NULL);
	if (!doorbell_domain) {
		irq_domain_free_fwnode(doorbell_fwnode);
		return -ENOMEM;
	}
	return 0;
}

void ihk_doorbell_exit(void)
{
	irq_domain_remove(doorbell_domain);
	irq_domain_free_fwnode(doorbell_fwnode);
	ida_destroy(&doorbell_ids);
}

/* An LWK CPU rings. Raw context: everything here and below may run on PREEMPT_RT. */
static irqreturn_t doorbell_interrupt(int irq, void *data)
{
	struct doorbell *bell = data;
	int place;

	for_each_set_bit(place, bell->places, ABI_MAX_CPUS)
		ihk_ikc_drain(bell->os, place);
	return IRQ_HANDLED;
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
			bell->hwirq = -1;
			list_add_tail(&bell->node, &os->doorbells);
		}
		set_bit(place, bell->places);
	}
	return 0;
}

static int doorbell_open(struct doorbell *bell)
{
	int ret;

	ret = ida_alloc(&doorbell_ids, GFP_KERNEL);
	if (ret < 0)
		return ret;
	bell->hwirq = ret;
	ret = __irq_domain_alloc_irqs(doorbell_domain, -1, 1, NUMA_NO_NODE, bell, false, NULL);
	if (ret < 0)
		return ret;
	bell->virq = ret;
	ret = request_irq(bell->virq, doorbell_interrupt, IRQF_NOBALANCING | IRQF_NO_THREAD, "ihk",
			  bell);
	if (ret) {
		irq_dispose_mapping(bell->virq);
		bell->virq = 0;
		return ret;
	}
	doorbell_publish(bell, irq_get_irq_data(bell->virq));
	return 0;
}

static void doorbell_close(struct doorbell *bell)
{
	if (bell->virq) {
		free_irq(bell->virq, bell);
		irq_dispose_mapping(bell->virq);
	}
	if (bell->hwirq >= 0)
		ida_free(&doorbell_ids, bell->hwirq);
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
		err = doorbell_open(bell);
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

static void send_doorbell(int cpu)
{
	unsigned long flags;

	/* Interrupts off: a handler's own IPI must not come between the wait and the write. */
	local_irq_save(flags);
	safe_apic_wait_icr_idle();
	apic_icr_write(APIC_DM_FIXED | LWK_DOORBELL_VECTOR, per_cpu(x86_cpu_to_apicid, cpu));
	local_irq_restore(flags);
}

void ihk_ring_lwk(struct ihk_os *os, int place)
{
	struct boot_cpu *cpu;
	u32 state;

	/* ihk_os_stop() waits for readers after it has cleared `running`. */
	rcu_read_lock();
	if (ihk_os_alive(os) && place >= 0 && place < os->cpu_count) {
		cpu = &os->params->cpus[place];
		WRITE_ONCE(cpu->attention, 1);
		/*
		 * Attention before state, against the LWK's store of its state
		 * before its last look at attention: one of us sees the other.
		 */
		smp_mb();
		state = READ_ONCE(cpu->state);
		if (state == LWK_CPU_USER || state == LWK_CPU_IDLE)
			send_doorbell(os->cpu[place]);
	}
	rcu_read_unlock();
}
