/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module asks of an architecture: all that it does which another machine does otherwise. */
#ifndef IHK_ARCH_H
#define IHK_ARCH_H

#include <linux/list.h>
#include <linux/types.h>

#include "abi/boot.h"

struct clocksource;

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

/* ---- line.c: the interrupts between the kernels ---- */

/* How an LWK CPU raises it: boot_cpu.doorbell_*. */
struct ihk_line_target {
	u32 cpu; /* as ihk_machine_cpu_id() */
	u32 vector;
};

/*
 * An interrupt of Linux that LWK CPUs raise. Its owner fills the functions and
 * zeroes the rest, which is line.c's then.
 */
struct ihk_line {
	void (*raised)(struct ihk_line *line); /* raw interrupt context, on PREEMPT_RT too */
	/*
	 * Where it is to be raised from now on. From open, and when Linux moves
	 * it, under the interrupt descriptor's lock.
	 */
	void (*moved)(struct ihk_line *line, const struct ihk_line_target *to);
	int cpu; /* of Linux: asked for when it is opened */
	int virq; /* Linux's number of it; 0: not open */
	int hwirq; /* a number of ours */
};
int ihk_lines_init(void);
void ihk_lines_exit(void);
int ihk_line_open(struct ihk_line *line, int cpu); /* 0 or -errno */
void ihk_line_close(struct ihk_line *line); /* also one that is not open */

/* Interrupt a CPU of an LWK, by Linux's number. Any context. */
void ihk_line_ring_lwk(int cpu);

/* ---- machine.c: what images are told of the machine ---- */

/* By what name an LWK's CPUs address each other. */
u32 ihk_machine_cpu_id(int cpu);
/* Rate of its cycle counter, memory types, mitigations in force. */
void ihk_machine_describe(struct lwk_boot_params *params);

/* What /proc/cpuinfo tells of each CPU alone. */
struct ihk_cpu_numbers {
	u32 place, package, core;
	u32 siblings, cores; /* of the package */
	u32 machine_id;
};
/* A line of Linux's /proc/cpuinfo as it is for such a CPU; false: the same as for any other. */
bool ihk_cpuinfo_line(const char *line, const struct ihk_cpu_numbers *n, char *out, size_t size);

/* The LWK's entry of level 1 (abi/pte.h) for a page, with the memory type of `entry`, Linux's own. */
u64 ihk_leaf(unsigned long pfn, unsigned long entry, bool write, bool exec);

/* ---- counter.c: counters that both kernels can read ---- */

void ihk_counters_find(void); /* once, before the other */
/* Which counter Linux reads, and where; CLOCK_SOURCE_NONE if an LWK cannot read it. Any context. */
enum clock_source ihk_counter_of(const struct clocksource *clock, u64 *where);

/* ---- program.c: the current task becomes a program of another kind ---- */

/* In an execve between begin_new_exec() and setup_new_exec(). */
void ihk_program_native(void);
/* No register of the old program remains; the first argument (slot number) is 0. */
void ihk_program_start(u64 entry, u64 sp);
/* AT_HWCAP and AT_HWCAP2 as Linux has them. */
void ihk_program_hwcap(abi_u64 *hwcap, abi_u64 *hwcap2);

#endif
