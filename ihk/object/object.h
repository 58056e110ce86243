/* SPDX-License-Identifier: GPL-2.0-only */
/* Instances, and the set of processes of one boot of an instance: what all others hold. */
#ifndef IHK_OBJECT_H
#define IHK_OBJECT_H

#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "abi/boot.h"
#include "abi/ikc.h"
#include "abi/layout.h"
#include "abi/pte.h"
#include "abi/slot.h"
#include "abi/contract.h"
#include "base/base.h"
#include "base/image.h"
#include "base/up.h"

struct device;
struct ihk_ikc;
struct ihk_os;
struct ihk_procs;
struct ihk_twin;
struct page;

/*
 * Lock order: ihk_os.lock, ihk_machine_lock, Linux's CPU hotplug locks, the
 * lock of the page below 1 MiB (wakeup.c). The spinlocks of single files come
 * last and nest with nothing.
 */

/*
 * Who owns which CPU and which range, and which instances there are: the tables
 * of cpu.c, mem.c, os.c. Held while Linux gives memory or a CPU up, which can take
 * long: who waits for it can be killed. A query answers nothing then, to nobody.
 */
extern struct mutex ihk_machine_lock;

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
	 * The process part's own (below): set by ihk_proc_os_init(), NULL after
	 * ihk_proc_os_stop(), read under RCU.
	 */
	struct ihk_procs __rcu *procs;

	/* ---- the rest is the rooms' partition/ and os/ alone ---- */

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
	struct clock_page
		*clock_programs; /* the same, in LWK memory, while RUNNING; or NULL. Under it */
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

/* ---- os.c ---- */

/* The instance with this index with a reference, or NULL. */
struct ihk_os *ihk_os_get(int index);
void ihk_os_put(struct ihk_os *os);

static inline bool ihk_os_alive(const struct ihk_os *os)
{
	return READ_ONCE(os->running);
}

/*
 * Kernel address of `size` bytes of the instance's memory at `pa`, or NULL
 * when they are not all inside one of its ranges. The check that every
 * physical address coming from the LWK passes. Any context, but inside (see
 * below) or before the stop ends: the next boot makes the list of ranges anew.
 */
void *ihk_os_mem(struct ihk_os *os, u64 pa, u64 size);

u32 ihk_os_list(u32 *list, u32 max);
/* Context: ihk_machine_lock held. -ENOSPC: the table is full. */
int ihk_os_free_index(void);
void ihk_os_list_as(int index, struct ihk_os *os); /* NULL: free again */
bool ihk_os_is_listed(const struct ihk_os *os);
enum os_status ihk_os_status(struct ihk_os *os);
const char *ihk_status_name(enum os_status status);
/* -EBUSY with a sentence unless the instance is INACTIVE. Context: os->lock held. */
int ihk_os_need_inactive(struct ihk_os *os, const char *verb, char *msg);

/* One call to the LWK, as its maker fills it and finds it answered. */
struct ihk_call {
	u32 op;
	u64 arg[IKC_CALL_ARGS];
	s64 ret;
	u64 out[IKC_CALL_OUTS];
};

/* ---- procs.c ---- */

/* The two pages of one thread; both are mapped in the LWK as long as the instance runs. */
struct ihk_box {
	struct list_head node; /* in ihk_procs.boxes while no twin has it */
	struct page *slot;
	struct page *kpage;
};

/*
 * All processes of one boot of an instance. Made before its first CPU starts;
 * after its stop it lives until the last twin, space and file of it are gone.
 */
struct ihk_procs {
	struct ihk_os *os; /* with a reference */
	u32 boot_gen; /* which boot of it; fixed */
	struct kref ref;

	/*
	 * Who touches memory of the instance, its page tables included, does so
	 * between ihk_enter() and ihk_leave(). `stopped` is set once, before the
	 * stop waits for all who are inside.
	 */
	struct srcu_struct inside;
	bool stopped;

	/*
	 * Twins by index. Written under its own lock, read under RCU (doorbell
	 * interrupt). An index passes on, so what the LWK sends names the
	 * generation too, which each owner gets before it is in the table.
	 */
	struct xarray twins;
	atomic_t twin_gen; /* the newest generation */
	atomic_t twin_count; /* of those in the table, and about to be */
	wait_queue_head_t gone; /* woken when twin_count becomes 0 */

	/* Mailboxes that no twin has; the pages are freed with this structure. */
	struct mutex box_lock;
	struct list_head boxes;
	unsigned int boxes_idle; /* of them */

	/* Spaces by the low half of their id; xa_lock pairs a look-up with its reference. */
	struct xarray spaces;
	u32 space_next; /* under xa_lock */
	u32 space_gen; /* under xa_lock */

	/* Files that the LWK maps or may have pages of: filepages.c. */
	struct mutex file_lock;
	struct xarray files; /* struct ihk_file by id */
	DECLARE_HASHTABLE(file_hash, 8); /* those that may be handed out again, by inode number */
	struct list_head files_idle; /* of these, who has no opens; oldest first */
	unsigned int files_idle_count;
	struct list_head files_open; /* who has opens */
	u64 file_next;

	/*
	 * What has changed of them: filenews.c. `news_told`: news up to this
	 * number have reached the LWK; written under news_lock, read anywhere.
	 */
	struct mutex news_lock;
	u64 news_told;
	struct delayed_work news_work;
	struct list_head news_node;

	/* Reads CPU time from the LWK while programs run there: twin/cputime.c. Started from inside only. */
	struct timer_list look;
};

/* Not known to anybody yet; keeps the instance. Or ERR_PTR. */
struct ihk_procs *ihk_procs_new(struct ihk_os *os);
struct ihk_procs *ihk_procs_get(struct ihk_os *os); /* NULL: none runs */
static inline struct ihk_procs *ihk_procs_ref(struct ihk_procs *procs)
{
	kref_get(&procs->ref);
	return procs;
}
void ihk_procs_put(struct ihk_procs *procs);

/*
 * A token of 0 or more, or -EIO: the instance has stopped, its memory must not be touched.
 * (Sparse knows no lock that is held on success only: to it, nobody ever is inside.)
 */
static inline int ihk_enter(struct ihk_procs *procs)
{
	int token = srcu_read_lock(&procs->inside);

	if (likely(!READ_ONCE(procs->stopped))) {
		__release(&procs->inside);
		return token;
	}
	srcu_read_unlock(&procs->inside, token);
	return -EIO;
}

static inline void ihk_leave(struct ihk_procs *procs, int token)
{
	__acquire(&procs->inside);
	srcu_read_unlock(&procs->inside, token);
}

/* This very boot of the instance runs: `running` alone may be that of a later one. */
static inline bool ihk_procs_alive(const struct ihk_procs *procs)
{
	return ihk_os_alive(procs->os) && !READ_ONCE(procs->stopped);
}

/*
 * Every call of the process part: ihk_call() from inside, so that it reaches
 * the boot that its ids are of, or none (-EIO). Not killable: the answers name
 * what has to be undone.
 */
int ihk_procs_call(struct ihk_procs *procs, int place, struct ihk_call *c);

#endif
