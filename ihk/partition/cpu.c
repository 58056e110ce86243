// SPDX-License-Identifier: GPL-2.0-only
/* CPUs: taken from Linux, given to instances, and given back. */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"

/* What is known of each possible CPU. Under ihk_machine_lock. */
struct cpu_entry {
	struct ihk_os *os; /* owner, or NULL */
	bool was_online; /* when it was reserved: the state to give it back in */
	/* Where it is in the machine: Linux forgets that of a CPU that is offline. */
	int package, core;
};

static struct cpu_entry *cpu_table;

/*
 * The reserved CPUs. Written under ihk_machine_lock; the hotplug callback reads
 * it inside Linux's hotplug lock, where ours may not be taken.
 */
static struct cpumask reserved;

static enum cpuhp_state hotplug_state;

/* Refuses to online a CPU that is not Linux's at the moment. */
static int cpu_prepare(unsigned int cpu)
{
	if (!cpumask_test_cpu(cpu, &reserved))
		return 0;
	pr_notice("ihk: CPU %u is reserved and stays offline\n", cpu);
	return -EBUSY;
}

int ihk_cpu_init(void)
{
	int ret;

	cpu_table = kcalloc(nr_cpu_ids, sizeof(*cpu_table), GFP_KERNEL);
	if (!cpu_table)
		return -ENOMEM;
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "ihk:reserved", cpu_prepare, NULL);
	if (ret < 0) {
		kfree(cpu_table);
		return ret;
	}
	hotplug_state = ret;
	return 0;
}

void ihk_cpu_exit(void)
{
	cpuhp_remove_state_nocalls(hotplug_state);
	kfree(cpu_table);
}

/*
 * Check that the list is of existing CPUs, each once. The checks come before
 * the first change, so that most refusals have nothing to undo.
 */
static int list_check(const u32 *list, u32 count, char *msg)
{
	cpumask_var_t seen;
	int err = 0;
	u32 i;

	if (!count)
		return ihk_refuse(msg, -EINVAL, "the list of CPUs is empty");
	if (!zalloc_cpumask_var(&seen, GFP_KERNEL))
		return ihk_refuse(msg, -ENOMEM, "out of memory");
	for (i = 0; i < count && !err; i++) {
		if (list[i] >= nr_cpu_ids || !cpu_present(list[i]) || !get_cpu_device(list[i]))
			err = ihk_refuse(msg, -EINVAL,
					 "CPU %u does not exist (this machine has CPUs %*pbl)",
					 list[i], cpumask_pr_args(cpu_present_mask));
		else if (cpumask_test_and_set_cpu(list[i], seen))
			err = ihk_refuse(msg, -EINVAL, "CPU %u is listed twice", list[i]);
	}
	free_cpumask_var(seen);
	return err;
}

/* Take one CPU away from Linux. The mask first: nobody can online it in between. */
static int cpu_take(u32 cpu)
{
	int ret;

	cpumask_set_cpu(cpu, &reserved);
	/* Whoever passed cpu_prepare() before the mask was set has onlined it when the lock is ours. */
	cpus_read_lock();
	cpu_table[cpu].was_online = cpu_online(cpu);
	cpu_table[cpu].package = cpu_table[cpu].was_online ? topology_physical_package_id(cpu) : 0;
	cpu_table[cpu].core = cpu_table[cpu].was_online ? topology_core_id(cpu) : cpu;
	cpus_read_unlock();
	if (!cpu_table[cpu].was_online)
		return 0;
	ret = remove_cpu(cpu);
	if (ret < 0)
		cpumask_clear_cpu(cpu, &reserved);
	/* 1: somebody else has just offlined it, so that is its state to be given back in. */
	if (ret > 0)
		cpu_table[cpu].was_online = false;
	return min(ret, 0);
}

void ihk_cpu_topology(int cpu, u32 *package, u32 *core)
{
	*package = cpu_table[cpu].package;
	*core = cpu_table[cpu].core;
}

/* Give one CPU back as it was found. */
static int cpu_return(u32 cpu)
{
	int ret;

	cpumask_clear_cpu(cpu, &reserved);
	if (!cpu_table[cpu].was_online)
		return 0;
	/* 1: somebody else has just onlined it. */
	ret = add_cpu(cpu);
	if (ret < 0)
		cpumask_set_cpu(cpu, &reserved);
	return min(ret, 0);
}

static int reserve_check(const u32 *list, u32 count, char *msg)
{
	int err = list_check(list, count, msg);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (list[i] == 0)
			return ihk_refuse(msg, -EINVAL, "CPU 0 always stays with Linux");
		if (cpumask_test_cpu(list[i], &reserved))
			return ihk_refuse(msg, -EBUSY, "CPU %u is reserved already", list[i]);
		if (cpu_to_node(list[i]) >= ABI_MAX_NODES)
			return ihk_refuse(msg, -EINVAL,
					  "CPU %u is on node %d, an LWK knows nodes below %d",
					  list[i], cpu_to_node(list[i]), ABI_MAX_NODES);
	}
	return 0;
}

int ihk_cpu_reserve(const u32 *list, u32 count, char *msg)
{
	int err;
	u32 i;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = reserve_check(list, count, msg);
	if (err)
		goto out;
	for (i = 0; i < count; i++) {
		err = cpu_take(list[i]);
		if (err)
			break;
		__module_get(THIS_MODULE);
	}
	if (err) {
		ihk_refuse(msg, err, "Linux does not let go of CPU %u (error %d)", list[i], -err);
		while (i--) {
			if (cpu_return(list[i]))
				pr_err("ihk: CPU %u cannot be given back, it stays reserved\n",
				       list[i]);
			else
				module_put(THIS_MODULE);
		}
	}
out:
	mutex_unlock(&ihk_machine_lock);
	return err;
}

/* Each listed CPU is reserved and belongs to `os` (NULL: to no instance). */
static int owner_check(struct ihk_os *os, const u32 *list, u32 count, char *msg)
{
	int err = list_check(list, count, msg);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < count; i++) {
		struct ihk_os *owner = cpu_table[list[i]].os;

		if (!cpumask_test_cpu(list[i], &reserved))
			return ihk_refuse(msg, -EINVAL, "CPU %u is not reserved", list[i]);
		if (owner == os)
			continue;
		if (owner)
			return ihk_refuse(msg, -EBUSY, "CPU %u is assigned to instance %d", list[i],
					  owner->index);
		return ihk_refuse(msg, -EINVAL, "CPU %u is not assigned to instance %d", list[i],
				  os->index);
	}
	return 0;
}

int ihk_cpu_release(const u32 *list, u32 count, char *msg)
{
	int err;
	u32 i;

	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = owner_check(NULL, list, count, msg);
	if (err)
		goto out;
	for (i = 0; i < count; i++) {
		err = cpu_return(list[i]);
		if (err)
			break;
		module_put(THIS_MODULE);
	}
	if (err) {
		ihk_refuse(msg, err, "Linux does not take CPU %u back (error %d)", list[i], -err);
		while (i--) {
			if (cpu_take(list[i]))
				pr_err("ihk: CPU %u stays with Linux\n", list[i]);
			else
				__module_get(THIS_MODULE);
		}
	}
out:
	mutex_unlock(&ihk_machine_lock);
	return err;
}

u32 ihk_cpu_query(u32 *list, u32 max)
{
	u32 count = 0;
	int cpu;

	if (mutex_lock_killable(&ihk_machine_lock))
		return 0;
	for_each_cpu(cpu, &reserved) {
		if (cpu_table[cpu].os)
			continue;
		if (count < max)
			list[count] = cpu;
		count++;
	}
	mutex_unlock(&ihk_machine_lock);
	return count;
}

u64 ihk_cpu_count(void)
{
	return cpumask_weight(&reserved);
}

int ihk_cpu_assign(struct ihk_os *os, const u32 *list, u32 count, char *msg)
{
	int err;
	u32 i;

	lockdep_assert_held(&os->lock);
	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = owner_check(NULL, list, count, msg);
	if (!err && count > ABI_MAX_CPUS - os->cpu_count)
		err = ihk_refuse(msg, -EINVAL, "an instance has at most %d CPUs", ABI_MAX_CPUS);
	for (i = 0; i < count && !err; i++) {
		cpu_table[list[i]].os = os;
		os->cpu[os->cpu_count] = list[i];
		os->ikc_cpu[os->cpu_count] = -1;
		os->cpu_count++;
	}
	mutex_unlock(&ihk_machine_lock);
	return err;
}

/* Take the CPU out of its place; those behind it move up. */
static void place_remove(struct ihk_os *os, int cpu)
{
	int place = 0;

	while (os->cpu[place] != cpu)
		place++;
	for (os->cpu_count--; place < os->cpu_count; place++) {
		os->cpu[place] = os->cpu[place + 1];
		os->ikc_cpu[place] = os->ikc_cpu[place + 1];
	}
	cpu_table[cpu].os = NULL;
}

int ihk_cpu_unassign(struct ihk_os *os, const u32 *list, u32 count, char *msg)
{
	int err;
	u32 i;

	lockdep_assert_held(&os->lock);
	if (mutex_lock_killable(&ihk_machine_lock))
		return -EINTR;
	err = owner_check(os, list, count, msg);
	for (i = 0; i < count && !err; i++)
		place_remove(os, list[i]);
	mutex_unlock(&ihk_machine_lock);
	return err;
}

void ihk_cpu_unassign_all(struct ihk_os *os)
{
	lockdep_assert_held(&os->lock);
	mutex_lock(&ihk_machine_lock);
	while (os->cpu_count)
		place_remove(os, os->cpu[os->cpu_count - 1]);
	mutex_unlock(&ihk_machine_lock);
}
