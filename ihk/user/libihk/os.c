// SPDX-License-Identifier: GPL-2.0-only
/* libihk's half for one OS instance: /dev/mcosN. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

#define KMSG_SIZE (1 << 20) /* the log ring's text */

static int min_zero(int ret)
{
	return ret < 0 ? ret : 0;
}

/* A verb without an argument, or with one number. */
static int verb_call(int os, unsigned int cmd, int value)
{
	struct ihk_verb verb = { .value = value };

	return device_call(DEVICE_OS, os, cmd, &verb, verb.msg);
}

int ihk_os_assign_cpu(int os, const int *cpus, int count)
{
	return device_list(DEVICE_OS, os, IHK_OS_ASSIGN_CPU, cpus, count);
}

int ihk_os_release_cpu(int os, const int *cpus, int count)
{
	return device_list(DEVICE_OS, os, IHK_OS_RELEASE_CPU, cpus, count);
}

int ihk_os_get_num_assigned_cpus(int os)
{
	return device_query(DEVICE_OS, os, IHK_OS_QUERY_CPU, NULL, 0);
}

int ihk_os_query_cpu(int os, int *cpus, int count)
{
	return min_zero(device_int_query(DEVICE_OS, os, IHK_OS_QUERY_CPU, cpus, count));
}

int ihk_os_assign_mem(int os, const struct ihk_mem_chunk *chunks, int count)
{
	return device_mem_list(DEVICE_OS, os, IHK_OS_ASSIGN_MEM, chunks, count);
}

int ihk_os_release_mem(int os, const struct ihk_mem_chunk *chunks, int count)
{
	return device_mem_list(DEVICE_OS, os, IHK_OS_RELEASE_MEM, chunks, count);
}

int ihk_os_get_num_assigned_mem_chunks(int os)
{
	return device_mem_query(DEVICE_OS, os, IHK_OS_QUERY_MEM, NULL, 0);
}

int ihk_os_query_mem(int os, struct ihk_mem_chunk *chunks, int count)
{
	return min_zero(device_mem_query(DEVICE_OS, os, IHK_OS_QUERY_MEM, chunks, count));
}

/* struct ihk_ikc_cpu_map is struct ihk_ikc_pair with IHK's names. */
_Static_assert(sizeof(struct ihk_ikc_cpu_map) == sizeof(struct ihk_ikc_pair), "same layout");

int ihk_os_set_ikc_map(int os, const struct ihk_ikc_cpu_map *map, int count)
{
	return device_list(DEVICE_OS, os, IHK_OS_SET_IKC_MAP, map, count);
}

int ihk_os_get_num_ikc_map(int os)
{
	return device_query(DEVICE_OS, os, IHK_OS_GET_IKC_MAP, NULL, 0);
}

int ihk_os_get_ikc_map(int os, struct ihk_ikc_cpu_map *map, int count)
{
	if (map && count > 0)
		memset(map, 0xff, count * sizeof(*map));
	return min_zero(device_query(DEVICE_OS, os, IHK_OS_GET_IKC_MAP, map, count));
}

int ihk_os_load(int os, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return refuse_errno("");
	err = verb_call(os, IHK_OS_LOAD, fd);
	close(fd);
	return err;
}

int ihk_os_kargs(int os, const char *kargs)
{
	struct ihk_text text = {
		.address = (abi_u64)(unsigned long)kargs,
		.size = kargs ? strlen(kargs) : 1,
	};

	return device_call(DEVICE_OS, os, IHK_OS_KARGS, &text, text.msg);
}

int ihk_os_boot(int os)
{
	return verb_call(os, IHK_OS_BOOT, 0);
}

int ihk_os_shutdown(int os)
{
	return verb_call(os, IHK_OS_SHUTDOWN, 0);
}

int ihk_os_shutdown_force(int os)
{
	return verb_call(os, IHK_OS_SHUTDOWN, IHK_SHUTDOWN_FORCE);
}

int ihk_os_get_status(int os)
{
	struct ihk_verb verb = { .value = 0 };
	int err = device_call(DEVICE_OS, os, IHK_OS_STATUS, &verb, verb.msg);

	return err ? err : verb.value;
}

const char *ihk_os_status_name(int status)
{
	static const char *const names[] = { "INACTIVE", "BOOTING", "RUNNING",	"SHUTDOWN",
					     "PANIC",	 "HUNGUP",  "FREEZING", "FROZEN" };

	return status >= 0 && status < (int)(sizeof(names) / sizeof(*names)) ? names[status]
									     : "unknown";
}

ssize_t ihk_os_get_kmsg_size(int os)
{
	int status = ihk_os_get_status(os);

	return status < 0 ? status : KMSG_SIZE;
}

ssize_t ihk_os_kmsg(int os, char *text, size_t size)
{
	struct ihk_text arg = { .address = (abi_u64)(unsigned long)text, .size = size };
	int err = device_call(DEVICE_OS, os, IHK_OS_KMSG, &arg, arg.msg);

	return err ? err : (ssize_t)arg.size;
}

int ihk_os_clear_kmsg(int os)
{
	return verb_call(os, IHK_OS_CLEAR_KMSG, 0);
}

int ihk_os_get_counters(int os, struct ihk_os_counters *counters)
{
	return device_call(DEVICE_OS, os, IHK_OS_COUNTERS, counters,
			   counters ? counters->msg : NULL);
}

int ihk_os_get_build_id(int os, struct ihk_build_id *id)
{
	return device_call(DEVICE_OS, os, IHK_OS_BUILD_ID, id, id ? id->msg : NULL);
}

/* The nodes on which the instance has memory, as bits. */
static int memory_nodes(int os, unsigned int *nodes)
{
	int i, count = ihk_os_get_num_assigned_mem_chunks(os);
	struct ihk_mem_chunk *chunks;
	int err;

	if (count < 0)
		return count;
	chunks = calloc(count + 1, sizeof(*chunks));
	if (!chunks)
		return refuse_errno("");
	err = ihk_os_query_mem(os, chunks, count);
	*nodes = 0;
	for (i = 0; i < count && !err; i++)
		if (chunks[i].numa_node_number >= 0 && chunks[i].numa_node_number < ABI_MAX_NODES)
			*nodes |= 1u << chunks[i].numa_node_number;
	free(chunks);
	return err;
}

int ihk_os_get_num_free_mem_chunks(int os)
{
	unsigned int nodes;
	int err = memory_nodes(os, &nodes);

	return err ? err : __builtin_popcount(nodes);
}

int ihk_os_query_free_mem(int os, struct ihk_mem_chunk *chunks, int count)
{
	struct ihk_os_counters counters;
	unsigned int nodes;
	int node, filled = 0, err = device_check_list(chunks, count);

	if (!err)
		err = memory_nodes(os, &nodes);
	if (!err)
		err = ihk_os_get_counters(os, &counters);
	if (err)
		return err;
	for (node = 0; node < ABI_MAX_NODES && filled < count; node++) {
		if (!(nodes & 1u << node))
			continue;
		/* Clean pages of files are as good as free: they go when memory is asked for. */
		chunks[filled].size =
			(counters.lwk.pages_free_node[node] + counters.lwk.pages_clean_node[node]) *
			ABI_PAGE_SIZE;
		chunks[filled++].numa_node_number = node;
	}
	return 0;
}
