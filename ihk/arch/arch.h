/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module needs of a machine: how its CPUs start and stop. */
#ifndef IHK_ARCH_H
#define IHK_ARCH_H

#include <linux/list.h>
#include <linux/types.h>

/* ---- tables.c: the page tables on which LWK CPUs start ---- */

struct ihk_tables {
	struct list_head pages; /* struct page.lru */
	u64 *root;
};
int ihk_tables_make(struct ihk_tables *tables); /* empty */
void ihk_tables_free(struct ihk_tables *tables);
/* Map what is not mapped yet, writable, in large pages (2 MiB) or small ones; size is rounded up. */
int ihk_tables_map_large(struct ihk_tables *tables, u64 va, u64 pa, u64 size);
int ihk_tables_map(struct ihk_tables *tables, u64 va, u64 pa, u64 size);

/* ---- wakeup.c ---- */

/*
 * The borrowed page below 1 MiB, one borrower at a time. Context: from begin
 * to end inside cpus_read_lock().
 */
struct ihk_wakeup {
	u64 page; /* physical; fixed by ihk_wakeup_page() */
	void *saved;
};
u64 ihk_wakeup_page(void); /* 0: there is none, or the module's parameter names none */
int ihk_wakeup_begin(struct ihk_wakeup *w, u64 root, u64 entry, u64 params);
/* Send INIT and SIPI; true when the CPU has left real mode. May sleep. */
bool ihk_wakeup_cpu(struct ihk_wakeup *w, int cpu, u32 place);
void ihk_wakeup_end(struct ihk_wakeup *w);
/* INIT to CPUs that run an image; they execute nothing any more when it returns. May sleep. */
void ihk_park_cpus(const int *cpu, int count);
/* For panic and reboot: INIT to every CPU that runs an image, from any context. */
void ihk_park_everything(void);

#endif
