/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces of programs, and how Linux sees them. */
#ifndef IHK_SPACE_H
#define IHK_SPACE_H

#include <linux/fs.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include "abi/proxy.h"
#include "object/object.h"

/*
 * Lock order, outer first:
 *   ihk_space.lock
 *   mmap_lock of a proxy (may be held by whoever faults)
 *   ihk_space.insert
 *   the twin hash's lock: raw, innermost
 * ihk_procs.file_lock and box_lock nest with none of them; news_lock is held
 * around file_lock.
 * No call to the LWK is made with any of them held but mmap_lock and
 * news_lock.
 */

/* ---- space.c ---- */

/*
 * One address space of a program, and the mm that shows it to Linux. Known to
 * the LWK by `id` from its making until the CALL_THREAD_END of its last
 * thread has been answered.
 */
struct ihk_space {
	struct kref ref; /* twins, the file, the table of spaces */
	struct ihk_procs *procs;
	u64 id;

	/* fixed before the first twin runs */
	u64 lwk_id;
	u64 root; /* physical address of the top table */
	struct space_epoch *epoch; /* in LWK memory */
	unsigned long stack_top; /* where the first thread's stack ends; 0: unknown */

	/*
	 * Late inserts: a zap raises `seq` with `insert` held for writing, then
	 * unmaps; an insert holds it for reading and compares `seq` with what it
	 * was before the translation was looked up.
	 */
	struct rw_semaphore insert;
	u64 seq; /* written under `insert` held for writing; read with acquire anywhere */
	bool dead; /* likewise: nothing is inserted any more */
	atomic_t shown; /* pages inserted since all were last taken away: shadow.c */

	/*
	 * The shadow and the slots are mappings of this file, offset = address.
	 * NULL once retired. Under `insert`, not `lock`: a zap needs it, and who
	 * holds `lock` may wait for mmap_lock, whose holder may wait for the zap.
	 */
	struct file *file;

	/*
	 * Slots: pages by slot number; a zero entry is a number that is not free
	 * again while its last page may still be shown. They come under `lock`,
	 * they go under it and `insert` (write); read under either.
	 */
	struct mutex lock;
	struct xarray slots;
	unsigned int twins; /* under `lock` */
	unsigned int living; /* of these, whose ends have not begun; under `lock` */
	bool mapped; /* slots and shadow are; under `lock` */

	/*
	 * What is Linux's in the program's memory: mirror.c. The lock, which is
	 * innermost but for the twin hash's, is for the entries that the module has
	 * made in the LWK's tables.
	 */
	spinlock_t mirror_lock;
	struct xarray mirrors; /* one per GiB, added under `lock`, gone when the space is retired */
	unsigned int mirror_drops; /* who is taking entries out; under mirror_lock */
	bool mirror_closed; /* no entry is made any more; set under mirror_lock */
	struct maple_tree ranges; /* where there may be any: ranges.c */

	struct mm_struct *mm; /* to compare with, no reference; set when mapped */
	struct file *program; /* write-denied for the life of the space; dropped under `insert` */
};

struct ihk_space *ihk_space_new(struct ihk_procs *procs);
/* What the LWK said of it; -EIO if the addresses are not the instance's. */
int ihk_space_set_lwk(struct ihk_space *space, u64 lwk_id, u64 root, u64 epoch);
int ihk_space_deny_write(struct ihk_space *space, struct file *program);
void ihk_space_put(struct ihk_space *space);
/* The space with this id and a reference, or NULL. */
struct ihk_space *ihk_space_find(struct ihk_procs *procs, u64 id);
/* Its file, and its program's, with a reference, or NULL: retired. */
struct file *ihk_space_file(struct ihk_space *space);
struct file *ihk_space_program(struct ihk_space *space);
/*
 * Forget it: nothing is shown any more, the LWK will not name it again. False:
 * another is at it, or has been.
 */
bool ihk_space_retire(struct ihk_space *space);
/* The same of all, when the instance stops and makes no new ones; those that others are at, too. */
void ihk_space_retire_all(struct ihk_procs *procs);
/* Raise the sequence number, so that what was looked up before is not inserted any more. */
void ihk_space_bump(struct ihk_space *space, bool dead);
/* Take a slot number for a page: `want`, or any if want < 0. The number, or -errno. */
int ihk_space_add_slot(struct ihk_space *space, int want, struct page *page);
/*
 * A twin is about to end. Behind the last one's CALL_THREAD_END the LWK has freed
 * the tables: before it the space is dead, so that no foreign reader walks them.
 */
void ihk_space_leave(struct ihk_space *space);
void ihk_space_drop_slot(struct ihk_space *space, unsigned int number);

/* ---- window.c: what is mapped into a proxy ---- */

/* Everything, into the new mm of an exec: the proxy's text, its control mapping, slots, shadow. */
int ihk_window_map_exec(struct ihk_space *space, struct file *text, struct file *control);
/*
 * The shadow leaves a range of the current mm, a twin's, so that Linux can map there;
 * or it comes, in the place of whatever is mapped. As REQ_MIRROR_OPEN and _CLOSE.
 */
int ihk_window_open(struct ihk_space *space, unsigned long start, unsigned long end);
int ihk_window_close(struct ihk_space *space, unsigned long start, unsigned long end);
/* What the current task may map. */
unsigned long ihk_lowest_address(void);
/* Slots and shadow, into the mm of a fork's child, unless they are there; by the child. */
int ihk_window_map_child(struct ihk_space *space);
unsigned long ihk_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
				    unsigned long pgoff, unsigned long flags);
extern const struct file_operations ihk_space_fops;

/* ---- shadow.c ---- */

extern const struct vm_operations_struct ihk_shadow_ops;
/* Insert pages into a mapping with VM_MIXEDMAP, all writable or all read-only; as vm_insert_pages(). */
int ihk_insert_pages(struct vm_area_struct *vma, unsigned long addr, struct page **pages,
		     unsigned long *count, bool write);

/* ---- lend.c: the LWK's page tables ---- */

/*
 * Between the two, tables stay what they were; with preemption off. Context: inside,
 * and the space is not dead.
 */
unsigned int ihk_walk_begin(struct ihk_space *space);
void ihk_walk_end(struct ihk_space *space, unsigned int epoch);
/* The table of level 1 for va, or NULL: there is none in the instance's memory. */
u64 *ihk_walk_table(struct ihk_space *space, u64 va);

/*
 * Translate va and what follows it, up to `max` pages that are present with
 * the same permission in the same table, and mark each as lent. Returns the
 * number, 0 for a miss (absent, read-only for FAULT_WRITE, not the program's
 * own for FAULT_FORCE). Context: inside.
 */
unsigned int ihk_lend(struct ihk_space *space, u64 va, enum fault_access access,
		      struct page **pages, unsigned int max, bool *writable);
/* The page at va, not marked: only while nothing of the space can run. Context: inside. */
struct page *ihk_translate(struct ihk_space *space, u64 va, bool write);

/* ---- mirror.c: the other way round, what is Linux's in the LWK's tables ---- */

void ihk_mirror_init(struct ihk_space *space);
/*
 * Have Linux serve a fault of the program in a mapping of Linux's, and enter the page
 * into the LWK's tables. By a twin of the space, no lock held. As REQ_MIRROR_FAULT.
 */
int ihk_mirror_fault(struct ihk_space *space, u64 va, bool write, bool exec);
/* Take all entries out, for good: before the LWK frees its tables. May sleep. */
void ihk_mirror_close(struct ihk_space *space);
/* Close, and let go of the mm. No lock held that a fault or the end of the mm needs. */
void ihk_mirror_end(struct ihk_space *space);

/* ---- ranges.c ---- */

void ihk_ranges_init(struct ihk_space *space);
void ihk_ranges_free(struct ihk_space *space);
int ihk_ranges_open(struct ihk_space *space, u64 start,
		    u64 end); /* 0 or -ENOMEM, as the next two */
int ihk_ranges_close(struct ihk_space *space, u64 start, u64 end);
/* A fork's child begins with its parent's. Nobody changes those meanwhile: the LWK sees to it. */
int ihk_ranges_inherit(struct ihk_space *child, struct ihk_space *parent);
/* The range of one opening, or what is left of it, that va lies in. */
bool ihk_ranges_at(struct ihk_space *space, u64 va, u64 *start, u64 *end);

/* ---- fault.c: asking the LWK for pages ---- */

/* One question, as CALL_FAULT answers it, and the fill that FAULT_FILL asks for. */
struct ihk_fault {
	struct ihk_space *space;
	u64 va;
	enum fault_access access;
	/*
	 * Asked under a lock that others need: what a file server has to bring, which
	 * may be the program's own and never answer, is not waited for.
	 */
	bool briefly;
	abi_u64 fill[3]; /* of FAULT_FILL */
	unsigned int pause; /* us, before the next question; grows */
};
/* enum fault_answer, or -EIO when the instance is dead. */
int ihk_fault_ask(struct ihk_fault *fault);
/*
 * Do what FAULT_FILL, FAULT_FILLING or FAULT_WAIT ask the caller to do. False: it
 * cannot be done briefly. Context, from here on: not inside.
 */
bool ihk_fault_serve(struct ihk_fault *fault, int answer);
/* Ask and serve until there is an answer of another kind, a fatal signal, or -EAGAIN: not briefly. */
int ihk_fault_resolve(struct ihk_fault *fault);
/* Copy to or from a space in which nothing runs yet; breaks copy-on-write. */
int ihk_space_copy_from_user(struct ihk_space *space, u64 va, const void __user *from, size_t len);
int ihk_space_read(struct ihk_space *space, u64 va, void *to, size_t len);

/* ---- zap.c ---- */

s64 ihk_zap(struct ihk_procs *procs, const u64 *arg);
/* The instance is stopped: quarantine every page that Linux still references. */
void ihk_zap_instance(struct ihk_procs *procs);

#endif
