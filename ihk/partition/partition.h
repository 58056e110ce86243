/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs and memory: taken from Linux, given to instances, given back. */
#ifndef IHK_PARTITION_H
#define IHK_PARTITION_H

#include <linux/types.h>

#include "abi/ioctl.h"
#include "object/object.h"

/* ---- cpu.c ---- */

int ihk_cpu_init(void);
void ihk_cpu_exit(void);
int ihk_cpu_reserve(const u32 *list, u32 count, char *msg);
int ihk_cpu_release(const u32 *list, u32 count, char *msg);
/* Fill up to max numbers of CPUs that are reserved and unassigned; return how many there are. */
u32 ihk_cpu_query(u32 *list, u32 max);
u64 ihk_cpu_count(void);
/* Context: os->lock held, the instance is INACTIVE. */
int ihk_cpu_assign(struct ihk_os *os, const u32 *list, u32 count, char *msg);
int ihk_cpu_unassign(struct ihk_os *os, const u32 *list, u32 count, char *msg);
void ihk_cpu_unassign_all(struct ihk_os *os);

/*
 * Package and core of a CPU that an instance has, as they were when it was taken; one that
 * was offline then counts as a core of its own in the first package.
 */
void ihk_cpu_topology(int cpu, u32 *package, u32 *core);

/* ---- mem.c ---- */

int ihk_mem_reserve(const struct ihk_mem *list, u32 count, char *msg);
int ihk_mem_release(const struct ihk_mem *list, u32 count, char *msg);
u32 ihk_mem_query(struct ihk_mem *list, u32 max);
void ihk_mem_counters(struct ihk_machine_counters *counters);
/* Context: os->lock held, the instance is INACTIVE. */
int ihk_mem_assign(struct ihk_os *os, const struct ihk_mem *list, u32 count, char *msg);
int ihk_mem_unassign(struct ihk_os *os, const struct ihk_mem *list, u32 count, char *msg);
void ihk_mem_unassign_all(struct ihk_os *os);
/* Context: os->lock held. */
u32 ihk_mem_query_os(struct ihk_os *os, struct ihk_mem *list, u32 max);
u64 ihk_mem_size_os(struct ihk_os *os);

/* ---- quarantine.c: pages that Linux still references ---- */

/*
 * Take over one page of LWK memory whose count is raised. The first may fail with
 * -ENOMEM: a running LWK waits for it, which must not wait for the memory that a
 * dying program of its own could free. Both may sleep.
 */
int ihk_quarantine_try(struct ihk_os *os, u64 pa);
void ihk_quarantine_add(struct ihk_os *os, u64 pa);
/* The boot that begins was told of os->quarantine's pages: they come back to it. */
void ihk_quarantine_adopt(struct ihk_os *os);
/* True if the page is in quarantine: out of the memory map of a boot, out of the way at release. */
bool ihk_quarantine_has(u64 pa);
u64 ihk_quarantine_count(struct ihk_os *os);
/* Sorted copy of the quarantined pages inside [start, start + size); returns their number. */
u64 ihk_quarantine_list(u64 start, u64 size, u64 *list, u64 max);
/*
 * The range goes back to Linux: its quarantined pages are freed one by one by
 * the quarantine when their last reference goes; the caller frees the others.
 */
void ihk_quarantine_disown(u64 start, u64 size);

int ihk_quarantine_init(void);
void ihk_quarantine_exit(void);

#endif
