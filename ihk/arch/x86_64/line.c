// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts between the kernels: vectors of Linux that LWK CPUs send to, and Linux's IPI to them. */
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>

#include "arch/arch.h"
#include "arch/x86_64/apic.h"

static struct fwnode_handle *line_fwnode;
static struct irq_domain *line_domain;
static DEFINE_IDA(line_ids);

/*
 * The vector's own destination is a logical id under the flat APIC driver;
 * LWK CPUs send to the physical id.
 */
static void tell_target(struct ihk_line *line, struct irq_data *data)
{
	unsigned int cpu = cpumask_first(irq_data_get_effective_affinity_mask(data));
	const struct irq_cfg *cfg = irqd_cfg(data);
	struct ihk_line_target to;

	if (!cfg || cpu >= nr_cpu_ids)
		return;
	to.cpu = apic_id_of(cpu);
	to.vector = cfg->vector;
	line->moved(line, &to);
}

/* Linux moves the interrupt: when its CPU goes offline, or when told to. */
static int chip_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	int ret = irq_chip_set_affinity_parent(data, mask, force);

	if (ret >= 0)
		tell_target(irq_data_get_irq_chip_data(data), data);
	return ret;
}

static struct irq_chip line_chip = {
	.name = "IHK",
	.irq_ack = irq_chip_ack_parent,
	.irq_set_affinity = chip_set_affinity,
	.irq_retrigger = irq_chip_retrigger_hierarchy,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int count, void *arg)
{
	struct ihk_line *line = arg;
	struct irq_alloc_info info;
	int err;

	memset(&info, 0, sizeof(info));
	info.mask = cpumask_of(line->cpu);
	err = irq_domain_alloc_irqs_parent(domain, virq, count, &info);
	if (err)
		return err;
	irq_domain_set_info(domain, virq, line->hwirq, &line_chip, line, handle_edge_irq, NULL,
			    "edge");
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = irq_domain_free_irqs_common,
};

int ihk_lines_init(void)
{
	line_fwnode = irq_domain_alloc_named_fwnode("IHK");
	if (!line_fwnode)
		return -ENOMEM;
	line_domain = irq_domain_create_hierarchy(x86_vector_domain, 0, 0, line_fwnode, &domain_ops,
						  NULL);
	if (!line_domain) {
		irq_domain_free_fwnode(line_fwnode);
		return -ENOMEM;
	}
	return 0;
}

void ihk_lines_exit(void)
{
	irq_domain_remove(line_domain);
	irq_domain_free_fwnode(line_fwnode);
	ida_destroy(&line_ids);
}

static irqreturn_t line_interrupt(int irq, void *data)
{
	struct ihk_line *line = data;

	line->raised(line);
	return IRQ_HANDLED;
}

/* Linux's number of a new interrupt for the line, or -errno. */
static int line_request(struct ihk_line *line)
{
	int virq, err;

	virq = __irq_domain_alloc_irqs(line_domain, -1, 1, NUMA_NO_NODE, line, false, NULL);
	if (virq < 0)
		return virq;
	err = request_irq(virq, line_interrupt, IRQF_NOBALANCING | IRQF_NO_THREAD, "ihk", line);
	if (!err)
		return virq;
	irq_dispose_mapping(virq);
	return err;
}

int ihk_line_open(struct ihk_line *line, int cpu)
{
	int ret;

	line->cpu = cpu;
	ret = ida_alloc(&line_ids, GFP_KERNEL);
	if (ret < 0)
		return ret;
	line->hwirq = ret;
	ret = line_request(line);
	if (ret < 0) {
		ida_free(&line_ids, line->hwirq);
		return ret;
	}
	line->virq = ret;
	tell_target(line, irq_get_irq_data(line->virq));
	return 0;
}

void ihk_line_close(struct ihk_line *line)
{
	if (!line->virq)
		return;
	free_irq(line->virq, line);
	irq_dispose_mapping(line->virq);
	ida_free(&line_ids, line->hwirq);
	line->virq = 0;
}

void ihk_line_ring_lwk(int cpu)
{
	unsigned long flags;

	/* Interrupts off: a handler's own IPI must not come between the wait and the write. */
	local_irq_save(flags);
	safe_apic_wait_icr_idle();
	apic_icr_write(APIC_DM_FIXED | LWK_DOORBELL_VECTOR, apic_id_of(cpu));
	local_irq_restore(flags);
}
