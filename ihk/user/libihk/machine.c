// SPDX-License-Identifier: GPL-2.0-only
/* libihk's half for the machine: /dev/mcd0. */
#include <stddef.h>

#include "device.h"

static int min_zero(int ret)
{
	return ret < 0 ? ret : 0;
}

int ihk_reserve_cpu(int dev, const int *cpus, int count)
{
	return device_list(DEVICE_MACHINE, dev, IHK_RESERVE_CPU, cpus, count);
}

int ihk_release_cpu(int dev, const int *cpus, int count)
{
	return device_list(DEVICE_MACHINE, dev, IHK_RELEASE_CPU, cpus, count);
}

int ihk_get_num_reserved_cpus(int dev)
{
	return device_query(DEVICE_MACHINE, dev, IHK_QUERY_CPU, NULL, 0);
}

int ihk_query_cpu(int dev, int *cpus, int count)
{
	return min_zero(device_int_query(DEVICE_MACHINE, dev, IHK_QUERY_CPU, cpus, count));
}

int ihk_reserve_mem(int dev, const struct ihk_mem_chunk *chunks, int count)
{
	return device_mem_list(DEVICE_MACHINE, dev, IHK_RESERVE_MEM, chunks, count);
}

int ihk_release_mem(int dev, const struct ihk_mem_chunk *chunks, int count)
{
	return device_mem_list(DEVICE_MACHINE, dev, IHK_RELEASE_MEM, chunks, count);
}

int ihk_get_num_reserved_mem_chunks(int dev)
{
	return device_mem_query(DEVICE_MACHINE, dev, IHK_QUERY_MEM, NULL, 0);
}

int ihk_query_mem(int dev, struct ihk_mem_chunk *chunks, int count)
{
	return min_zero(device_mem_query(DEVICE_MACHINE, dev, IHK_QUERY_MEM, chunks, count));
}

int ihk_create_os(int dev)
{
	struct ihk_verb verb = { .value = 0 };
	int err = device_call(DEVICE_MACHINE, dev, IHK_CREATE, &verb, verb.msg);

	return err ? err : verb.value;
}

int ihk_destroy_os(int dev, int os)
{
	struct ihk_verb verb = { .value = os };

	return device_call(DEVICE_MACHINE, dev, IHK_DESTROY, &verb, verb.msg);
}

int ihk_get_num_os_instances(int dev)
{
	return device_query(DEVICE_MACHINE, dev, IHK_GET_INSTANCES, NULL, 0);
}

int ihk_get_os_instances(int dev, int *indices, int count)
{
	return min_zero(device_int_query(DEVICE_MACHINE, dev, IHK_GET_INSTANCES, indices, count));
}

int ihk_get_machine_counters(int dev, struct ihk_machine_counters *counters)
{
	return device_call(DEVICE_MACHINE, dev, IHK_GET_COUNTERS, counters,
			   counters ? counters->msg : NULL);
}

int ihk_get_build_id(int dev, struct ihk_build_id *id)
{
	return device_call(DEVICE_MACHINE, dev, IHK_GET_BUILD_ID, id, id ? id->msg : NULL);
}
