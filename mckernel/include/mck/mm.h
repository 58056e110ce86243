/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory: frames, small objects, address spaces, lending to Linux, file pages. */
#ifndef MCK_MM_H
#define MCK_MM_H

#include "abi/pte.h"
#include "mck/arch.h"
#include "mck/lib.h"
#include "mck/list.h"
#include "mck/objects.h"
#include "mck/policy.h"
#include "mck/tree.h"

/* ---- frames (mm/phys.c): buddy per node, 4 KiB to 1 GiB ---- */

/* One per 4 KiB page of the instance. */
struct frame {
	u32 refs; /* atomic: mappings and other holders; 0: free or owned by the kernel */
	u8 order; /* of the block that starts here, while free */
	u8 flags; /* FRAME_*, atomic */
	u16 reserved;
	struct list link; /* free list of the buddy, or the file cache's list */
};
#define FRAME_FREE 1 /* head of a free block */
#define FRAME_LENT 2 /* Linux held it at its last zap: its last free goes through the module */
#define FRAME_USER 4 /* counted as a user page */
#define FRAME_CACHE \
	8 /* the file cache holds one of the references: counted in pages_cache while that is the only one */

#define FRAME_AWAY 16 /* in the module's quarantine */
#define FRAME_OFFERED \
	32 /* in a zap under way that lets the module quarantine it: it may be there already */
#define FRAME_BACK 64 /* offered, and come back before the zap's answer was looked at */
#define FRAME_OLD 128 /* FRAME_CACHE, of a file that has changed: leaves spaces and cache */

/*
 * Before phys_init(): take contiguous pages of the instance, not zeroed; 0 if
 * there is no such run. Needs nothing but boot_params. Never given back.
 */
u64 phys_early_alloc(u64 pages);
/* From boot_params: chunks minus image minus quarantine minus the frame table. */
void phys_init(void);
/* NULL if not the instance's memory. The frames of a block lie side by side. */
struct frame *frame_of(u64 pa);
u64 frame_pa(const struct frame *f);

/*
 * Block of 2^order pages, contents undefined; 0 if there is none. node -1:
 * near this CPU, then anywhere. Any context; without a lock held, clean file
 * pages are given up for it.
 */
u64 page_alloc(unsigned int order, int node);
/* The same as a policy has it: nothing from nodes that it does not name. */
u64 page_alloc_at(unsigned int order, const struct where *w);
u64 page_alloc_zero(unsigned int order, int node);
void page_free(u64 pa, unsigned int order);
void phys_publish(void); /* pages_kernel, from the other counters; before a CPU halts */
u64 pages_free_now(void); /* for admission and counters */
u64 phys_margin(void); /* the last free pages, which programs' memory does not get */
u32 frame_node(u64 pa); /* its NUMA node */
u32 phys_nodes(void); /* those on which the instance has memory */

/* A page of user memory (mm/upage.c): refs starts at 1. */
/* Not zeroed; counts pages_user; leaves the margin alone. Where `w` says; NULL: near this CPU. */
u64 upage_alloc(const struct where *w);
/* Half of the margin too: for a page of a file that somebody waits for, or under a lock. */
u64 upage_alloc_margin(const struct where *w);
void upage_get(u64 pa);
/* Drop one; true: it was the last, and the caller now owns the page and must free it by upage_free or through a zap. */
bool upage_put(u64 pa);
void upage_free(u64 pa); /* refs is 0 and Linux is known not to hold it */

/*
 * Mappings of a frame, counted page by page also under a large leaf.
 * upage_map adds one, upage_unmap drops one and answers as
 * upage_put does; both keep the books of the file cache's frames.
 */
void upage_map(u64 pa);
bool upage_unmap(u64 pa);
void upage_map_block(u64 pa); /* each of the 512 pages of a block */
/* 512 pages in one aligned block, each with one reference; 0 if there is none. */
u64 upage_alloc_block(const struct where *w);
/* Drop the last mapping of each of the 512, which are not marked, and free the block. */
void upage_end_block(u64 pa);

/*
 * The module answers that it has put a page without references into its
 * quarantine: it has left, unless phys_unquarantine() was quicker.
 */
void phys_quarantined(u64 pa);
/* The module gives a page back: it joins the free pages. False: it has none of that address. */
bool phys_unquarantine(u64 pa);

/* ---- when memory is short (mm/reclaim.c) ---- */

#define RECLAIM_PAGES 64UL /* freed at once when a fault finds no memory */
#define RECLAIM_TRIES 8U /* of one allocation */

/*
 * Give up to `pages` clean file pages up, unless less than `keep` of files in
 * use would be left; how many are free now. Never waits. With a lock held, or
 * in itself, it does nothing.
 */
u64 mm_reclaim(u64 pages, u64 keep);
u64 reclaim_keep(void); /* what is kept for all but the readers of files */

/* ---- small objects (mm/kmalloc.c) ---- */
void kmalloc_init(void);
void *kmalloc(size_t size); /* up to 2 MiB; 16-byte aligned; NULL without memory */
void *kzalloc(size_t size);
void kfree(void *p);

/* ---- page tables (mm/pagetable.c): generic over abi/pte.h ---- */

/* Address of the entry of `level` (1..3) for va; tables are made if `create`. NULL: no memory or absent. Under the space's lock. */
u64 *pt_entry(u64 root_pa, u64 va, int level, bool create);
/* The leaf that maps va: its entry and level in *level, or NULL. */
u64 *pt_leaf(u64 root_pa, u64 va, int *level);

/* ---- address spaces (mm/aspace.c, fault.c, fork.c) ---- */

struct file; /* mm/filecache.c: a version of a file, cached */
struct shmobj; /* shared anonymous memory, by page index */

/* What a range of a space is. Under the space's lock. */
struct region {
	struct list
		link; /* in space->regions, ascending, not overlapping; or in a list of those taken out */
	struct tree_node node; /* in space->tree, in the same order */
	u64 start,
		end; /* page-aligned, half-open; in a space changed by region_resize() and its like only */
	u64 low, high, gap; /* of the node's subtree, see mm/place.c */
	u32 prot; /* PROT_READ|WRITE|EXEC */
	u32 flags; /* REGION_* */
	struct file *file; /* private file mapping, holds a reference; NULL: anonymous */
	struct shmobj *shm; /* shared anonymous memory, holds a reference */
	u64 pgoff; /* page index in file, shm or Linux's object of `start` */
	u32 max_prot;
	u32 segment; /* its number, with REGION_SEGMENT */
	u32 around; /* pages that the next fault in sequence maps at once */
	u64 next_fault; /* where it would be */
	struct policy policy; /* of its own, or all zeroes: the thread's */
};
#define REGION_SHARED 1
#define REGION_GROWSDOWN 2
#define REGION_STACK 4
#define REGION_HEAP 8
#define REGION_NORESERVE 16
#define REGION_DONTFORK 32
#define REGION_WIPEONFORK 64
#define REGION_VDSO 128
#define REGION_LOCKED 256 /* mlock: memory is always resident, so only the accounts care */
#define REGION_NOHUGE 512
#define REGION_COWED 1024 /* a file's region that may hold private copies of its pages */
#define REGION_MIRROR 2048 /* Linux's mapping, with REGION_SHARED: mm/mirror.c */
#define REGION_SEGMENT 4096 /* of a System V segment, with REGION_MIRROR */
#define REGION_ACCOUNT 8192 /* its pages are promised: private, and may be or has been written to */

/* A sleepable claim on a range, on its holder's stack (mm/claim.c). Under the space's lock. */
struct claim {
	struct claim *next;
	u64 start, end;
};

struct space *space_create(void); /* refs 1; NULL without memory */
void space_get(struct space *s);
/* The last one unmaps everything, takes lent pages back (waits), frees the tables. Wait allowed, no lock. */
void space_put(struct space *s);
/* Of the region that `va` lies in, or NULL. Under the space's lock. */
const struct region *space_region(struct space *s, u64 va);
struct space *space_find(u64 id); /* with a reference, or NULL: ids of dead spaces never match */

/*
 * The same without keeping the space: its end waits until it is unpinned.
 * For handlers, which may not wait as the last space_put() does.
 */
struct space *space_pin(u64 id);
/* The one that follows `id` in the table (0: the first), pinned, or NULL. */
struct space *space_pin_next(u64 id);
void space_unpin(struct space *s);
bool space_has_ended(const struct space *s); /* its end waits until it is unpinned */

/* mmap's work after the system call has checked its arguments. May wait. -errno or the address. */
struct map_args {
	u64 addr, length; /* page-aligned length */
	u32 prot, max_prot;
	u32 region_flags;
	bool fixed, noreplace, low32, populate;
	struct file *file; /* a reference that is taken over on success */
	struct shmobj *shm; /* likewise */
	bool reserve; /* `shm` is new, and all of it is to be promised, not what is touched alone */
	u64 pgoff;
	u32 segment; /* of System V, with REGION_SEGMENT */
};
s64 space_map(struct space *s, const struct map_args *args);
/* RLIMIT_MEMLOCK allows so many pages more. Under the space's lock or by its only thread. */
bool space_may_lock(const struct space *s, u64 pages);
int space_unmap(struct space *s, u64 start, u64 end);
int space_protect(struct space *s, u64 start, u64 end, u32 prot);
s64 space_remap(struct space *s, u64 old_addr, u64 old_size, u64 new_size, u32 flags, u64 new_addr);
/* Shared memory alone: from `start` on pages `pgoff`, pgoff + 1... of the same object. 0 or -errno. */
int space_reorder(struct space *s, u64 start, u64 end, u64 pgoff, bool nonblock);
u64 space_brk(struct space *s, u64 new_end, u64 data_limit); /* Linux's brk: the end in force */
int space_discard(struct space *s, u64 start, u64 end); /* MADV_DONTNEED */
/* MADV_REMOVE in shared memory of ours, inside of one region: nobody finds these pages any more. */
void space_punch(struct space *s, u64 start, u64 end);
bool space_mapped(struct space *s, u64 start, u64 end); /* every page lies in some region */
struct shmobj *shmobj_create(u64 pages);
void shmobj_get(struct shmobj *o);
/* One of a single page, the kernel's own, at *pa, which stays as long as the object. NULL: no memory. */
struct shmobj *shmobj_create_kernel(u64 *pa);
u64 shmobj_id(const struct shmobj *o); /* no other one ever has it */
void shmobj_put(struct shmobj *o);

/* A page of zeroes that can be read at an address of the window (mm/window.c). 0, -EINVAL or -ENOMEM. */
int window_show(struct space *s, u64 va);
void window_hide(struct space *s, u64 va); /* may wait */

/* What syscall/memory.c needs besides. All take page-aligned ranges. */
int space_set_flags(struct space *s, u64 start, u64 end, u32 set,
		    u32 clear); /* of regions; -ENOMEM for holes, the rest is done */
int space_populate(struct space *s, u64 start,
		   u64 end); /* of the current thread: fault in what is missing */
/* One byte per page into `vec`: resident or not. -ENOMEM if a page is not mapped. */
int space_resident(struct space *s, u64 start, u64 end, u8 *vec);
/* How long a piece from `start` on lies in one region; its description in *copy (references not taken). 0: not mapped. */
u64 space_piece(struct space *s, u64 start, struct region *copy);
/* Bytes from `start`, which is not mapped, to the next region or the end. */
u64 space_hole(struct space *s, u64 start);
/*
 * The regions that end above `from`, as CALL_REGIONS tells them (mm/describe.c): how many
 * there are in `info`, as far as one hold of the lock may go; 0: there is none. Any
 * context, no lock held.
 */
struct region_info;
u32 space_describe(struct space *s, u64 from, struct region_info *info, u32 max, bool count);

/* ---- promises (mm/commit.c) ---- */

void commit_init(void); /* after phys_init() */
bool commit_is_strict(void); /* MAP_NORESERVE changes nothing */
/*
 * May `pages` more be promised to who changes this space? False: ENOMEM. Those of a
 * region count by themselves as long as it is in a space; until it is, and in the
 * strict mode alone, they count by this, to be ended by commit_drop(). Any context.
 */
bool commit_take(const struct space *s, u64 pages);
void commit_drop(u64 pages);

/* ---- NUMA (mm/numa.c, migrate.c); policies themselves are in mck/policy.h ---- */

/* Where the page of `level` at va belongs, under its region's policy or its placer's; NULL: nobody's. */
struct where region_where(const struct region *r, const struct placer *by, u64 va, int level);
/* Of the region at va: 0, or 1 if it is Linux's mapping; -EFAULT: none. */
int space_policy(struct space *s, u64 va, struct policy *p);
/* The node of the page at va; -EFAULT: not mapped, -ENOENT: no page yet, -EXDEV: Linux's. */
int space_node(struct space *s, u64 va);
/* Of each region of a range that is not Linux's; what it returns ends the change. */
typedef int policy_change(struct policy *p, void *arg);
int space_change_policy(struct space *s, u64 start, u64 end, policy_change *change, void *arg);

/* Should a page (of `level`) leave its node, and for where? Under the space's lock. */
typedef bool page_pick(const struct region *r, u32 node, u64 va, int level, void *arg,
		       struct where *w);
struct migration {
	page_pick *pick;
	void *arg;
	/* out, in pages of 4 KiB: moved; held by Linux or without memory there; not one mapping's alone */
	u64 moved, failed, shared;
};
/* Move what `pick` wants moved. 0, -EINTR: the thread must end, or -ESRCH: the space has ended. May wait. */
int space_migrate(struct space *s, u64 start, u64 end, struct migration *m);

/* mbind()'s work. `pick`: which pages lie wrong. */
struct binding {
	const struct policy *policy;
	page_pick *pick;
	void *arg;
	bool strict, move;
};
int space_bind(struct space *s, u64 start, u64 end, const struct binding *b);

/* Why a fault could not be served, or how it has to go on. */
enum fault_result {
	FR_OK = 0,
	FR_NOMAP, /* SIGSEGV, SEGV_MAPERR */
	FR_ACCESS, /* SIGSEGV, SEGV_ACCERR */
	FR_BUS, /* SIGBUS, BUS_ADRERR */
	FR_OOM,
	FR_BUSY, /* a change is under way: wait for it and ask again */
	FR_FILL, /* a file page must be read first: struct fill_wanted tells which */
	FR_FILLING, /* as FR_BUSY, for a file page that somebody else reads: as long as its server takes */
	FR_MIRROR, /* Linux's memory: the thread's twin must enter the page */
};
struct fill_wanted {
	struct file *file; /* referenced for the asker */
	u64 index;
	u64 frame_pa;
};
/*
 * Serve one fault on behalf of anybody, without waiting. Never called with a
 * lock held. The caller reads the file (its own twin, or the Linux task that
 * faulted) and calls file_filled(), then asks again.
 */
enum fault_result space_fault(struct space *s, u64 addr, enum access access,
			      struct fill_wanted *fill, const struct placer *by);
/* The same for the current thread: waits for changes and has pages read or entered by its own twin. Never FR_BUSY, FR_FILL, FR_FILLING or FR_MIRROR. */
enum fault_result space_fault_wait(struct space *s, u64 addr, enum access access);

/*
 * Copy regions and tables to a fresh space, copy-on-write. May wait. 0 or -ENOMEM (then child is untouched but for what space_put cleans).
 * After success the parent's mappings of Linux's stay as they are until space_cloned(): Linux copies them next.
 */
int space_fork(struct space *parent, struct space *child);

/* ---- mappings that are Linux's (mm/mirror.c) ---- */

/* Linux's system call that makes one: argument number `place` is the address. */
struct mirror_call {
	u64 nr;
	u64 arg[6];
	u32 place;
};
/*
 * As space_map(), with what Linux itself maps there: by the current thread's twin,
 * all signals blocked. Where no address is given it is a multiple of `align`, if it can be.
 */
s64 space_mirror(struct space *s, const struct map_args *args, struct mirror_call *call, u64 align);
void space_cloned(struct space *s);
bool space_is_mirror(struct space *s, u64 va);
int space_detach(struct space *s,
		 u64 base); /* what shmdt() takes away. -EINVAL: no segment is attached there */

/* ---- lending (mm/lend.c) ---- */

/*
 * Collects pages whose entries were taken out of a space's tables, and gives
 * them back when it is safe: after the TLB flush and, where the module may
 * show them, after LCALL_ZAP.
 */
#define LEND_INLINE 32
#define LEND_MAX 512

/*
 * Use: lend_begin; then rounds of { lock; while (!lend_full) exchange an
 * entry and lend_note it; unlock; lend_flush; read lend_result if wanted;
 * lend_again }; lend_end. Memory is never short: without a page for the list
 * the rounds are shorter, and there are spare pages for the words for the module.
 * Owned by the thread on whose stack it lies.
 */
struct lend_batch {
	struct space *space;
	u64 flush_start, flush_end; /* of all entries noted */
	u64 zap_start, zap_end; /* of those that were lent; empty: start >= end */
	bool any_word; /* some page has to be looked at by the module */
	u32 count, room;
	u64 *record; /* here, or the page at list_pa */
	u64 list_pa;
	u64 here[LEND_INLINE];
};
void lend_begin(struct lend_batch *b, struct space *s);
/* No room for one more: flush first. Any lock may be held. */
bool lend_full(struct lend_batch *b);
/* Under the space's lock: the leaf `old` (level 1 or 2) of va was exchanged away. `put`: the mapping's reference goes too. */
void lend_note(struct lend_batch *b, u64 va, u64 old, int level, bool put);
/* A range that was lent, without pages: only unmapped from the shadow. */
void lend_note_range(struct lend_batch *b, u64 start, u64 end, bool lent);
/* No lock held. Flush, zap, wait for the answer, free what is free. Referenced pages are marked FRAME_LENT. */
void lend_flush(struct lend_batch *b);
/* After lend_flush: Linux holds a page of record i (in the order noted). */
bool lend_referenced(const struct lend_batch *b, u32 i);
void lend_again(struct lend_batch *b); /* empty, for the next round */
void lend_end(struct lend_batch *b);
void lend_finish(struct lend_batch *b); /* lend_flush and lend_end */

/*
 * The last reference to a page went where nobody may wait: freed at once, or,
 * if it is marked FRAME_LENT, put aside until the module has looked at it.
 */
void lend_free(u64 pa);
/* Have the module look at all pages put aside. May wait. */
void lend_drain(void);

/* ---- file pages (mm/filecache.c) ---- */

/* The version `id` of a file, with a reference; made at its first open. NULL without memory. */
struct file *file_open(u64 id, u64 size, u32 flags);
void file_get(struct file *f);
/* Never waits; the last one sends LCALL_FILE_IDLE, at once or by a thread of its own. */
void file_put(struct file *f);
u64 file_id(const struct file *f);
u64 file_size(const struct file *f);
/* Report of a reader: frame holds page `index` (err 0) or does not (err < 0). */
void file_filled(u64 id, u64 index, u64 frame_pa, int err);
/* Linux's reader found no such page, or could not read it: who asks for Linux next is told, once. */
void file_refused(u64 id, u64 index);
/* Drop up to `pages` cached pages that nobody maps; how many are free now. Never waits; no lock at or above RANK_FILE is held. */
u64 file_shrink(u64 pages);

/*
 * Linux says that the file has changed: pages that were read before leave the
 * cache and all spaces, but for the programs' own copies. The next touch reads
 * afresh. Waits, until nobody sees an old page any more.
 */
void file_changed(u64 id);

/* ---- mckernel/main/join_memory.c, above mm/ ---- */

/* Handlers of CALL_FAULT, CALL_FILL_DONE, CALL_PAGES_BACK, CALL_FILE_CHANGED and CALL_REGIONS. */
void fault_service_init(void);

/* What mm/ asks of the rooms above it. */
int up_wait(bool (*cond)(void *arg), void *arg, bool interruptible); /* wait_for */
void up_wake(u32 place); /* wake_cpu */
bool up_defer(void (*fn)(void *arg), void *arg); /* ikc_defer */
s64 up_lcall(u32 op, const u64 *arg); /* ikc_lcall */
bool up_lcall_async(u32 op, const u64 *arg); /* ikc_lcall_async */
struct mm_limits {
	u64 as, data, stack; /* ~0: none */
	u64 memlock; /* ~0 also for who may lock more than RLIMIT_MEMLOCK */
	bool admin; /* gets what is kept for CAP_SYS_ADMIN */
	u64 lowest; /* address that may be mapped: vm.mmap_min_addr's default, or 0 for who may */
};
/* Of the current thread, if it runs in this space. */
bool up_limits(const struct space *s, struct mm_limits *l);
enum read_end {
	READ_DONE, /* behind what is filled the file ends, or a page cannot be read */
	READ_AWAY, /* the twin was called away: of what is not filled nothing is known */
	READ_ENDED, /* the thread has to end, and would ask for ever */
};
/* Read pages first, first + 1... of a file by the current thread's twin; *filled of them are there. */
enum read_end up_read_file(u64 id, u64 first, const u64 *frames, u32 count, u32 *filled);
/* A REQ_MIRROR_* request to the current thread's twin: kresult, -EINTR also if the thread must end. */
s64 up_mirror(u32 kind, u64 arg0, u64 arg1, u64 arg2);
/* A system call of Linux's by the current thread's twin, which no signal but a fatal one interrupts. */
s64 up_linux_call(u64 nr, const u64 arg[6]);
/* The current thread's twin is away: it may not come back for long, unless it owes an answer. */
bool up_is_held(void);
/* The current thread is not on hold, or must end. */
void up_hold_over(void);
bool up_turn(void); /* sched_turn */

#endif
