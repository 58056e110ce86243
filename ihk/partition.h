/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that partition the machine and run instances know of each other. */
#ifndef IHK_PARTITION_H
#define IHK_PARTITION_H

#include "abi/ioctl.h"
#include "ihk.h"

/*
 * Lock order: ihk_os.lock, ihk_machine_lock, Linux's CPU hotplug locks, the
 * lock of the page below 1 MiB (wakeup.c). The spinlocks of single files come
 * last and nest with nothing.
 *
 * Functions with a `msg` (IHK_MSG_SIZE bytes) leave a sentence there when they
 * refuse, and have changed nothing then.
 */

/* Who owns which CPU and which range, and which instances there are: the tables of cpu.c, mem.c, os.c. */
extern struct mutex ihk_machine_lock;

/* Write the sentence and return err, for `return ihk_refuse(...)`. */
int ihk_refuse(char *msg, int err, const char *fmt, ...) __printf(3, 4);

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

/* ---- object/os.c ---- */

u32 ihk_os_list(u32 *list, u32 max);
/* Context: ihk_machine_lock held. -ENOSPC: the table is full. */
int ihk_os_free_index(void);
void ihk_os_list_as(int index, struct ihk_os *os); /* NULL: free again */
bool ihk_os_is_listed(const struct ihk_os *os);
enum os_status ihk_os_status(struct ihk_os *os);
const char *ihk_status_name(enum os_status status);
/* -EBUSY with a sentence unless the instance is INACTIVE. Context: os->lock held. */
int ihk_os_need_inactive(struct ihk_os *os, const char *verb, char *msg);

/* ---- os/instance.c ---- */

int ihk_os_init(void);
void ihk_os_exit(void);
int ihk_os_create(char *msg); /* index or -errno */
int ihk_os_destroy(int index, char *msg);
/* Linux is about to sleep: 0, and no instance is made until the end of it; or how many there are. */
int ihk_os_sleep_begin(void);
void ihk_os_sleep_end(void);
/* For the table of base/up.h: the last reference has gone. */
void ihk_os_free(struct ihk_os *os);

/* ---- os_dev.c: /dev/mcosN, and machine_dev.c: /dev/mcd0 ---- */

/* Of a list of ioctls in abi/contract.h: the cases of a switch that answers who may. */
#define IHK_MAY_ANY false
#define IHK_MAY_WRITER false
#define IHK_MAY_ADMIN true
#define IHK_NEEDS_ADMIN(name, number, type, who, state, errors) \
	case name:                                              \
		return IHK_MAY_##who;

int ihk_os_dev_init(void);
void ihk_os_dev_exit(void);
/* For the table of base/up.h. */
struct device *ihk_os_dev_add(struct ihk_os *os);
void ihk_os_dev_remove(struct ihk_os *os);
int ihk_machine_dev_init(void);
void ihk_machine_dev_exit(void);
/* A copy of the caller's list, to be kvfree'd, or NULL when it is empty, or ERR_PTR. */
void *ihk_list_get(const struct ihk_list *list, size_t element, char *msg);
/* The answer to a query: give what fits of `count` elements and say how many there are. */
int ihk_list_put(struct ihk_list *list, const void *from, u32 count, size_t element);

/* ---- load.c: all but the first under os->lock ---- */

/* Read and check; image->file is the caller's then, to be vfree'd. Without a lock: files may take long. */
int ihk_image_read(int fd, struct ihk_image *image, char *msg);
/* Takes the image over, and clears the caller's, when it succeeds. */
int ihk_os_load(struct ihk_os *os, struct ihk_image *image, char *msg);
void ihk_os_unload(struct ihk_os *os);
/* Put the image into the instance's memory, clear of quarantined pages, and say so in params. */
int ihk_os_place_image(struct ihk_os *os, char *msg);

/* ---- boot.c: all under os->lock ---- */

int ihk_os_boot(struct ihk_os *os, char *msg);
/* Refused while programs run, unless by force: then they are ended, and what does not answer is stopped. */
int ihk_os_shutdown(struct ihk_os *os, bool force, char *msg);
/* Stop whatever runs there and leave the instance in state `next`. */
void ihk_os_stop(struct ihk_os *os, enum os_status next);

/* ---- params.c: memory shared with the LWK; all under os->lock ---- */

int ihk_params_fill(struct ihk_os *os, char *msg);
void ihk_params_free(struct ihk_os *os);
/* Call fn for every piece of Linux memory that the parameters name. */
int ihk_params_for_each(struct ihk_os *os, int (*fn)(void *arg, u64 pa, u64 size), void *arg);

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

/* ---- arch/x86_64/wakeup.c ---- */

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

/* ---- doorbell.c ---- */

int ihk_doorbell_init(void);
void ihk_doorbell_exit(void);
/* Interrupts for the instance's IKC map, published in its parameters. Context: os->lock. */
int ihk_doorbells_make(struct ihk_os *os, char *msg);
void ihk_doorbells_free(struct ihk_os *os);
/* The Linux CPU that place rings: as set, or as chosen. Context: os->lock. */
int ihk_ikc_cpu(struct ihk_os *os, int place);

/* ---- ikc.c ---- */

int ihk_ikc_make(struct ihk_os *os); /* with the instance */
void ihk_ikc_free(struct ihk_os *os);
void ihk_ikc_reset(struct ihk_os *os); /* before a boot */
/* Wake all who wait for the LWK: they look at `running`. */
void ihk_ikc_wake(struct ihk_os *os);
void ihk_ikc_flush(struct ihk_os *os); /* wait for the workers that serve lcalls */
void ihk_ikc_quiesce(struct ihk_os *os); /* wait until no task is in a call any more */
/* From the doorbell's interrupt. */
void ihk_ikc_drain(struct ihk_os *os, int place);
/* As ihk_call(), but -ETIMEDOUT after that many seconds. */
int ihk_call_bounded(struct ihk_os *os, int place, struct ihk_call *c, bool killable,
		     unsigned int seconds);
u64 ihk_ikc_bad(struct ihk_os *os);

/* ---- kmsg.c: under os->lock ---- */

/* A copy of the newest bytes of the log, at most `room`, to be kvfree'd; their number or -errno. */
ssize_t ihk_kmsg_read(struct ihk_os *os, size_t room, void **text);
void ihk_kmsg_clear(struct ihk_os *os);

/* ---- clock.c ---- */

int ihk_clock_init(void);
void ihk_clock_exit(void);
void ihk_clock_add(struct ihk_os *os); /* os->clock is current from now on */
void ihk_clock_remove(struct ihk_os *os);

#endif
