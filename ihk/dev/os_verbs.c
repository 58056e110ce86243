// SPDX-License-Identifier: GPL-2.0-only
/* What the ioctls of an OS instance do, under its lock. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "abi/contract.h"
#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"
#include "proc/proc.h"
#include "dev/os_verbs.h"

/* ---- resources ---- */

static int list_verb(struct ihk_os *os, unsigned int cmd, struct ihk_list *list, const void *in)
{
	bool is_assign = cmd == IHK_OS_ASSIGN_CPU || cmd == IHK_OS_ASSIGN_MEM;
	int err;

	err = ihk_os_need_inactive(os, is_assign ? "assign" : "release", list->msg);
	if (err)
		return err;
	switch (cmd) {
	case IHK_OS_ASSIGN_CPU:
		return ihk_cpu_assign(os, in, list->count, list->msg);
	case IHK_OS_RELEASE_CPU:
		return ihk_cpu_unassign(os, in, list->count, list->msg);
	case IHK_OS_ASSIGN_MEM:
		return ihk_mem_assign(os, in, list->count, list->msg);
	default:
		return ihk_mem_unassign(os, in, list->count, list->msg);
	}
}

static int answer_room(struct cargo *cargo, u32 count, size_t element)
{
	cargo->out = kvcalloc(count, element, GFP_KERNEL);
	cargo->count = count;
	cargo->element = element;
	return cargo->out ? 0 : -ENOMEM;
}

static int query_cpu(struct ihk_os *os, struct cargo *cargo)
{
	int err = answer_room(cargo, os->cpu_count, sizeof(u32));

	BUILD_BUG_ON(sizeof(os->cpu[0]) != sizeof(u32));
	if (!err)
		memcpy(cargo->out, os->cpu, os->cpu_count * sizeof(u32));
	return err;
}

static int query_mem(struct ihk_os *os, struct cargo *cargo)
{
	int err = answer_room(cargo, IHK_LIST_MAX, sizeof(struct ihk_mem));

	if (!err)
		cargo->count =
			min_t(u32, ihk_mem_query_os(os, cargo->out, IHK_LIST_MAX), IHK_LIST_MAX);
	return err;
}

/* ---- IKC map ---- */

static int place_of(struct ihk_os *os, u32 cpu)
{
	int place;

	for (place = 0; place < os->cpu_count; place++)
		if (os->cpu[place] == cpu)
			return place;
	return -1;
}

static int map_check(struct ihk_os *os, const struct ihk_ikc_pair *pairs, u32 count, char *msg)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (place_of(os, pairs[i].lwk_cpu) < 0)
			return ihk_refuse(msg, -EINVAL, "CPU %u is not assigned to instance %d",
					  pairs[i].lwk_cpu, os->index);
		if (pairs[i].linux_cpu >= nr_cpu_ids || !cpu_online(pairs[i].linux_cpu))
			return ihk_refuse(msg, -EINVAL, "CPU %u is not an online CPU of Linux",
					  pairs[i].linux_cpu);
	}
	return 0;
}

static int set_map(struct ihk_os *os, struct ihk_list *list, const struct ihk_ikc_pair *pairs)
{
	int err;
	u32 i;

	err = ihk_os_need_inactive(os, "set ikc_map", list->msg);
	if (!err)
		err = map_check(os, pairs, list->count, list->msg);
	for (i = 0; i < list->count && !err; i++)
		os->ikc_cpu[place_of(os, pairs[i].lwk_cpu)] = pairs[i].linux_cpu;
	return err;
}

static int get_map(struct ihk_os *os, struct cargo *cargo)
{
	struct ihk_ikc_pair *pairs;
	int place, err;

	err = answer_room(cargo, os->cpu_count, sizeof(*pairs));
	if (err)
		return err;
	pairs = cargo->out;
	for (place = 0; place < os->cpu_count; place++)
		pairs[place] = (struct ihk_ikc_pair){ os->cpu[place], ihk_ikc_cpu(os, place) };
	return 0;
}

/* ---- kernel arguments, log, counters ---- */

static int set_kargs(struct ihk_os *os, struct ihk_text *text, const char *in)
{
	int err = ihk_os_need_inactive(os, "kargs", text->msg);

	if (!err)
		err = ihk_overcommit_check(in, text->msg);
	if (!err)
		strscpy(os->kargs, in, sizeof(os->kargs));
	return err;
}

static int read_kmsg(struct ihk_os *os, struct ihk_text *text, struct cargo *cargo)
{
	ssize_t size = ihk_kmsg_read(os, text->size, &cargo->out);

	if (size < 0)
		return size;
	text->size = size;
	cargo->count = size;
	cargo->element = 1;
	return 0;
}

static void sum_cpus(struct ihk_os *os, struct ihk_os_counters *counters)
{
	int place;

	for (place = 0; place < os->cpu_count; place++) {
		const struct boot_cpu *cpu = &os->params->cpus[place];

		counters->calls_local += READ_ONCE(cpu->calls_local);
		counters->calls_offloaded += READ_ONCE(cpu->calls_offloaded);
		counters->faults += READ_ONCE(cpu->faults);
		counters->interrupts += READ_ONCE(cpu->interrupts);
		counters->doorbells_sent += READ_ONCE(cpu->doorbells_sent);
		counters->switches += READ_ONCE(cpu->switches);
	}
}

/* What the LWK last said stays readable after its end. */
static void get_counters(struct ihk_os *os, struct ihk_os_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	if (os->params) {
		counters->lwk = os->params->counters;
		sum_cpus(os, counters);
	}
	counters->pages_assigned = ihk_mem_size_os(os) >> PAGE_SHIFT;
	counters->pages_in_quarantine = ihk_quarantine_count(os);
	counters->proxies = ihk_proc_count(os);
	counters->refused_messages = ihk_ikc_bad(os);
	counters->boots = os->boot_gen;
}

/* An image is loaded only if it has the module's own ABI. */
static int get_build_id(struct ihk_os *os, struct ihk_build_id *id)
{
	if (!os->image.file)
		return ihk_refuse(id->msg, -ENOENT, "no image is loaded into instance %d",
				  os->index);
	id->abi_version = ABI_VERSION;
	id->abi_hash = ABI_HASH;
	return 0;
}

/* A later caller may know more ways than we do: none is taken for another. */
static int shut_down(struct ihk_os *os, struct ihk_verb *verb)
{
	if (verb->value != 0 && verb->value != IHK_SHUTDOWN_FORCE)
		return ihk_refuse(verb->msg, -EINVAL, "%d is no way to shut down", verb->value);
	return ihk_os_shutdown(os, verb->value == IHK_SHUTDOWN_FORCE, verb->msg);
}

/* ---- one of them ---- */

long ihk_os_do(struct ihk_os *os, unsigned int cmd, union os_arg *arg, struct cargo *cargo)
{
	switch (cmd) {
	case IHK_OS_ASSIGN_CPU:
	case IHK_OS_RELEASE_CPU:
	case IHK_OS_ASSIGN_MEM:
	case IHK_OS_RELEASE_MEM:
		return list_verb(os, cmd, &arg->list, cargo->in);
	case IHK_OS_QUERY_CPU:
		return query_cpu(os, cargo);
	case IHK_OS_QUERY_MEM:
		return query_mem(os, cargo);
	case IHK_OS_SET_IKC_MAP:
		return set_map(os, &arg->list, cargo->in);
	case IHK_OS_GET_IKC_MAP:
		return get_map(os, cargo);
	case IHK_OS_LOAD:
		return ihk_os_load(os, &cargo->image, arg->verb.msg);
	case IHK_OS_KARGS:
		return set_kargs(os, &arg->text, cargo->in);
	case IHK_OS_BOOT:
		return ihk_os_boot(os, &cargo->linux_has, arg->verb.msg);
	case IHK_OS_SHUTDOWN:
		return shut_down(os, &arg->verb);
	case IHK_OS_KMSG:
		return read_kmsg(os, &arg->text, cargo);
	case IHK_OS_CLEAR_KMSG:
		ihk_kmsg_clear(os);
		return 0;
	case IHK_OS_COUNTERS:
		get_counters(os, &arg->counters);
		return 0;
	case IHK_OS_BUILD_ID:
		return get_build_id(os, &arg->build_id);
	default:
		return -ENOTTY;
	}
}
