/* SPDX-License-Identifier: GPL-2.0-only */
/* The module's inner interfaces: what its files know of each other. */
#ifndef IHK_IHK_H
#define IHK_IHK_H

#include <linux/cpumask.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "abi/boot.h"
#include "abi/ikc.h"
#include "abi/layout.h"
#include "abi/pte.h"
#include "abi/slot.h"
#include "abi/contract.h"
#include "os/image.h"
#include "base/patience.h"
#include "base/up.h"

struct device;
struct ihk_ikc;
struct ihk_os;
struct ihk_procs;
struct page;

/* A contiguous piece of reserved memory. Immutable while an instance owns it. */
struct ihk_range {
	struct list_head node;
	u64 start, size; /* multiples of 4 MiB */
	int nid;
	struct ihk_os *os; /* owner, or NULL: reserved, not assigned */
	u64 whole; /* start of the range as it was taken from Linux; pieces join again by it */
};

/*
 * One OS instance.
 */
struct ihk_os {
	int index;
	struct kref ref; /* held by the table, open files, and everything of processes */

	/* under `lock` (sleeping; life cycle and resources) */
	struct mutex lock;
	struct list_head ranges; /* struct ihk_range.node, ascending */
	int cpu_count;
	int cpu[ABI_MAX_CPUS]; /* Linux numbers by place */
	int ikc_cpu[ABI_MAX_CPUS]; /* the Linux CPU that each place rings */

	/* set at boot, freed at the next boot or destroy; valid while `running` */
	struct lwk_boot_params *params;
	struct ikc_call *calls;
	struct ikc_lcall *lcalls;
	void *bulks;

	/*
	 * True from the moment the LWK takes doorbells until it is stopped or
	 * found dead. Every wait for the LWK ends when it turns false
	 * (ihk_os_alive() false, wait queues woken). Written under `lock` or by
	 * the doorbell's work, read anywhere.
	 */
	bool running;
	/* counts boots; a message about an object of an earlier boot is dropped */
	u32 boot_gen;

	/*
	 * The process part's own (proc.h): set by ihk_proc_os_init(), NULL after
	 * ihk_proc_os_stop(), read under RCU.
	 */
	struct ihk_procs __rcu *procs;

	/* ---- private to the partition part (partition.h) ---- */

	enum os_status status; /* written under `lock`, read anywhere */
	enum os_status verdict; /* PANIC or HUNGUP: why `running` ended; atomic, first one wins */
	struct work_struct death; /* carries the verdict out */
	bool destroyed; /* no longer in the table: open files are good for nothing. Under `lock` */
	struct device *device; /* set at create, before the instance is in the table */

	/* under `lock` */
	struct ihk_image image;
	char kargs[2048];

	/*
	 * Memory shared with the LWK. Allocated at the first boot that needs
	 * it, under `lock`; cleared by later boots; freed with the instance.
	 */
	struct log_ring *log;
	u64 log_cleared; /* bytes of the log not to be shown any more; under `lock` */
	struct clock_page *clock; /* written by the timekeeper, under clock.c's lock */
	struct list_head clock_node; /* under clock.c's lock */
	struct ring *to_lwk[ABI_MAX_CPUS]; /* producers: ikc.c, under a lock per ring */
	struct ring *to_linux[ABI_MAX_CPUS]; /* consumer: the doorbell's interrupt alone */
	u64 *quarantine; /* list handed over at boot */
	u64 quarantine_size;

	/*
	 * The ranges, neighbours joined, sorted: what the LWK is told, and what
	 * its addresses are checked by. Made before a boot under `lock`, fixed
	 * until the next.
	 */
	struct boot_chunk *chunks;
	u32 chunk_count;

	struct ihk_ikc *ikc; /* ikc.c's state, as old as the instance */
	struct list_head doorbells; /* from boot to stop; changed under `lock` */
};

/* ---- object/os.c, but condemn: os/instance.c ---- */

/* The instance with this index with a reference, or NULL. */
struct ihk_os *ihk_os_get(int index);
void ihk_os_put(struct ihk_os *os);

/*
 * The instance is found dead: end every wait for it now, and let a worker
 * stop its CPUs and its processes. Any context but NMI.
 */
void ihk_os_condemn(struct ihk_os *os, enum os_status verdict);

static inline bool ihk_os_alive(const struct ihk_os *os)
{
	return READ_ONCE(os->running);
}

/*
 * Kernel address of `size` bytes of the instance's memory at `pa`, or NULL
 * when they are not all inside one of its ranges. The check that every
 * physical address coming from the LWK passes. Any context, but inside (proc.h)
 * or before the stop ends: the next boot makes the list of ranges anew.
 */
void *ihk_os_mem(struct ihk_os *os, u64 pa, u64 size);

/* ---- ikc.c ---- */

/* One call to the LWK, as its maker fills it and finds it answered. */
struct ihk_call {
	u32 op;
	u64 arg[IKC_CALL_ARGS];
	s64 ret;
	u64 out[IKC_CALL_OUTS];
};

/*
 * Make a call to the LWK on CPU place `place` (-1: any) and wait for the answer.
 * Killable if asked: -EINTR then, and the answer is dropped. -EIO when the
 * instance dies. 0: answered, c->ret and c->out are filled. May sleep.
 */
int ihk_call(struct ihk_os *os, int place, struct ihk_call *c, bool killable);

/*
 * The answer of a call that answers by 0 or -errno, fit to be returned to Linux:
 * anything else, which a caller would take for an address, a success or an order
 * to restart, is -EIO, and counts as a refused message.
 */
int ihk_call_error(struct ihk_os *os, const struct ihk_call *c);

/*
 * The LWK's time: a look at what it owes (in jiffies); true if that is late by
 * more than the limit. ihk_hang_ticks() is the limit for what is done at once,
 * 0: none is set.
 */
bool ihk_owed_too_long(struct ihk_patience *p, bool is_owed, unsigned long limit);
unsigned long ihk_hang_ticks(void);

/* A bulk buffer (waits for a free one; NULL when the instance dies or on a fatal signal). */
void *ihk_bulk_get(struct ihk_os *os, int *index);
void ihk_bulk_put(struct ihk_os *os, int index);

/* Ring LWK CPU `place` if it needs it: stores attention, fences, looks at its state. Any context. */
void ihk_ring_lwk(struct ihk_os *os, int place);

/* ---- process part: proc.c and its neighbours ---- */

int ihk_proc_init(void); /* at module load: binary format, tracepoints, proxy image */
void ihk_proc_exit(void);
/* ioctl IHK_OS_LAUNCH: tag current as a launcher for this instance. */
long ihk_proc_launch(struct ihk_os *os, int lwk_cpu);
/* For the table of base/up.h. */
int ihk_proc_os_init(struct ihk_os *os);
void ihk_proc_os_stop(struct ihk_os *os);
unsigned int ihk_proc_end_all(struct ihk_os *os, unsigned int seconds);
unsigned int ihk_proc_count(struct ihk_os *os);
void ihk_proc_boot_params(struct lwk_boot_params *params);
s64 ihk_lcall(struct ihk_os *os, u32 op, const u64 *arg);
void ihk_twin_request(struct ihk_os *os, u32 index, u32 gen);
int ihk_place_of_current(struct ihk_os *os);

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

#endif
