/* SPDX-License-Identifier: GPL-2.0-only */
/* libihk: partition the machine and run OS instances, from C. */
#ifndef IHK_IHKLIB_H
#define IHK_IHKLIB_H

#include <stddef.h>
#include <sys/types.h>

#include "abi/ioctl.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All functions return 0 or more, or -errno. After a failure ihk_refusal()
 * gives, for the calling thread, the sentence that says what was refused and
 * by which rule. `dev` is 0: there is one machine. `os` is the index of an
 * instance. Functions may be called by any thread at any time.
 *
 * The IHK names have IHK's meanings. ihk_..._query_...() fill at most `count`
 * elements; the number there is comes from ihk_..._get_num_...(). If it has
 * fallen since, the elements behind the last are -1, or chunks of node -1.
 */

const char *ihk_refusal(void);

struct ihk_mem_chunk {
	size_t size; /* bytes; IHK_MEM_ALL when reserving, assigning or releasing: all */
	int numa_node_number;
};

struct ihk_ikc_cpu_map {
	int src_cpu; /* of the LWK, by Linux's number */
	int dst_cpu; /* of Linux */
};

/* ---- the machine ---- */

int ihk_reserve_cpu(int dev, const int *cpus, int count);
int ihk_release_cpu(int dev, const int *cpus, int count);
int ihk_get_num_reserved_cpus(int dev);
int ihk_query_cpu(int dev, int *cpus, int count);

int ihk_reserve_mem(int dev, const struct ihk_mem_chunk *chunks, int count);
int ihk_release_mem(int dev, const struct ihk_mem_chunk *chunks, int count);
int ihk_get_num_reserved_mem_chunks(int dev);
int ihk_query_mem(int dev, struct ihk_mem_chunk *chunks, int count);

int ihk_create_os(int dev); /* index of the new instance */
int ihk_destroy_os(int dev, int os);
int ihk_get_num_os_instances(int dev);
int ihk_get_os_instances(int dev, int *indices, int count);

int ihk_get_machine_counters(int dev, struct ihk_machine_counters *counters);
int ihk_get_build_id(int dev, struct ihk_build_id *id); /* the module's */

/* ---- one instance ---- */

int ihk_os_assign_cpu(int os, const int *cpus, int count);
int ihk_os_release_cpu(int os, const int *cpus, int count);
int ihk_os_get_num_assigned_cpus(int os);
int ihk_os_query_cpu(int os, int *cpus, int count);

int ihk_os_assign_mem(int os, const struct ihk_mem_chunk *chunks, int count);
int ihk_os_release_mem(int os, const struct ihk_mem_chunk *chunks, int count);
int ihk_os_get_num_assigned_mem_chunks(int os);
int ihk_os_query_mem(int os, struct ihk_mem_chunk *chunks, int count);

/* What a running instance has free, one element per NUMA node on which it has memory. */
int ihk_os_get_num_free_mem_chunks(int os);
int ihk_os_query_free_mem(int os, struct ihk_mem_chunk *chunks, int count);

int ihk_os_set_ikc_map(int os, const struct ihk_ikc_cpu_map *map, int count);
int ihk_os_get_num_ikc_map(int os);
int ihk_os_get_ikc_map(int os, struct ihk_ikc_cpu_map *map, int count);

int ihk_os_load(int os, const char *path);
int ihk_os_kargs(int os, const char *kargs);
int ihk_os_boot(int os);
int ihk_os_shutdown(int os); /* refused while programs run */
int ihk_os_shutdown_force(int os); /* ends them, and whatever does not answer */
int ihk_os_get_status(int os); /* enum os_status */
const char *ihk_os_status_name(int status);

ssize_t ihk_os_get_kmsg_size(int os); /* bytes that a buffer for ihk_os_kmsg() needs */
ssize_t ihk_os_kmsg(int os, char *text, size_t size); /* bytes of text, without a NUL */
int ihk_os_clear_kmsg(int os);

int ihk_os_get_counters(int os, struct ihk_os_counters *counters);
int ihk_os_get_build_id(int os, struct ihk_build_id *id); /* of the image that is loaded */

#ifdef __cplusplus
}
#endif

#endif
