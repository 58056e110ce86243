/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of mm/ share: frames, entries, claims, regions, page indexes. */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include "abi/layout.h"
#include "mck/mm.h"
#include "mck/mman.h"

#define HUGE_SIZE (1UL << 21)
#define HUGE_PAGES 512U
#define STACK_GAP (256 * PAGE_SIZE) /* kept free below a growing region, as Linux does */
/* As Linux's vm.max_map_count by default, and at the same places: mmap may make one more. */
#define MAPPINGS_MAX 65530U
#define AROUND_MAX 16U /* pages that one fault maps at most, and the window they lie in */

/* ---- counters: boot_params->counters, changed atomically by whoever moves pages ---- */

static inline void count_add(abi_u64 *counter, u64 add)
{
	__atomic_add_fetch(counter, add, __ATOMIC_RELAXED);
}

/* One page. */
static inline void count_move(abi_u64 *from, abi_u64 *to)
{
	count_add(from, -1UL);
	count_add(to, 1);
}

/* ---- frames ---- */

static inline int node_here(void)
{
	return (int)this_cpu()->boot->node % ABI_MAX_NODES;
}

static inline u8 frame_flags(const struct frame *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_RELAXED);
}

/* Linux held the page when another mapping of it was taken back. */
static inline bool frame_is_marked(const struct frame *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & FRAME_LENT;
}

/* One reference is left: if it is ours, nobody can get another. */
static inline bool frame_is_single(const struct frame *f)
{
	return __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) == 1;
}

#define SPACE_END (1UL << 47) /* of what programs' page tables cover, the window included */

/* ---- entries (entry.c) ---- */

/*
 * What the LWK writes beside abi/pte.h. The module looks at none of it: it
 * stands in entries that are not present, which are all a miss to it.
 *
 * (PTE_OWN: a write fault needs no copy, whatever the counts say. Linux can
 * hold a page for writing only through an entry with it, so a page without it
 * may be replaced by a copy.)
 * PTE_HELD: the region allows no access, the frame stays.
 * PTE_BUSY entries keep their frame and bits too. With PTE_COPYING a fault
 * made it, else the holder of the claim on its address; who made it ends it.
 */
#define PTE_HELD (1UL << 11)
#define PTE_COPYING (1UL << 53)

static inline u64 pte_load(const u64 *pte)
{
	return __atomic_load_n(pte, __ATOMIC_ACQUIRE);
}

/* Pairs with the module's compare-and-swap of PTE_LENT: one of the two sees the other. */
static inline u64 pte_swap(u64 *pte, u64 value)
{
	return __atomic_exchange_n(pte, value, __ATOMIC_SEQ_CST);
}

static inline bool pte_cas(u64 *pte, u64 old, u64 value)
{
	return __atomic_compare_exchange_n(pte, &old, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_ACQUIRE);
}

static inline bool pte_is_table(u64 e, int level)
{
	return level > 1 && (e & PTE_PRESENT) && !(e & PTE_HUGE);
}

static inline bool pte_is_busy(u64 e)
{
	return !(e & PTE_PRESENT) && (e & PTE_BUSY);
}

static inline bool pte_is_mirror(u64 e)
{
	return (e & PTE_PRESENT) && (e & PTE_MIRROR);
}

static inline u64 pte_pa(u64 e)
{
	return e & PTE_ADDR_MASK;
}

/* Zap and copy decisions: Linux may hold the frame, through this entry or an earlier one. */
bool pte_lent(u64 e, int level);
/* The entry for a frame under a region; NULL: under no access at all. `own`: writable where the region is. */
u64 pte_make(const struct region *r, u64 pa, int level, bool own);
/* The same frame and mark under the region as it is now. */
u64 pte_remake(const struct region *r, u64 old, int level);

/*
 * `new` with the rights that `old` has already. A fault takes no right away,
 * which would need a flush and perhaps a zap: a change that the region has
 * seen but the entry has not comes by and does it.
 */
static inline u64 pte_grow(u64 old, u64 new)
{
	if (!(old & PTE_PRESENT))
		return new;
	new |= old &(PTE_WRITE | PTE_DIRTY);
	return old & PTE_NX ? new : new & ~PTE_NX;
}

/* All under the space's lock. */
u64 *entry_at(struct space *s, u64 va, int *level); /* the deepest that exists, whatever it holds */
/*
 * The next that holds anything in [*va, end); *va becomes its address, or stays
 * inside of a large one. NULL: nothing lies before *va, which is below `end`
 * if the way is so long that others should have their turn before it goes on.
 */
u64 *entry_next(struct space *s, u64 *va, u64 end, int *level);
/* The entry for a leaf of `level`; the tables are made. NULL: no memory. Nothing large may be in the way. */
u64 *entry_make(struct space *s, u64 va, int level);
/*
 * The entry of level 2 for a large leaf, empty; an empty table is taken away,
 * for tables_release(). NULL: no memory, or small pages lie there.
 */
u64 *entry_large(struct space *s, u64 va);
/* A large leaf becomes 512 small ones, which inherit its mark. 0 or -ENOMEM. */
int entry_split(struct space *s, u64 *pte, u64 va);
/* No large leaf lies across `va`. 0, -ENOMEM, or -EBUSY: wait for it. */
int entry_edge(struct space *s, u64 va);
/*
 * Unlink level-1 tables that lie wholly in [*va, end) and are empty, except
 * those that a change other than that of [own_start, own_end) may need. False:
 * some are done, up to *va.
 */
bool tables_prune(struct space *s, u64 *va, u64 end, u64 own_start, u64 own_end);
/* Free what tables_prune() unlinked. No lock held. */
void tables_release(struct space *s);
void tables_free_all(struct space *s); /* nobody else has the space */

/* ---- waiting and claims (claim.c) ---- */

/*
 * Waits among threads inside mm/: who changes what a condition looks at calls
 * mm_wake() afterwards, which costs nothing when no one waits.
 */
int mm_wait(bool (*cond)(void *arg), void *arg, bool interruptible);
void mm_wake(void);
/*
 * One turn of a loop that a program can make long, every LOOP_TURN steps or
 * so: others on this CPU, other CPUs' requests and Linux's are served. False:
 * the current thread must end, and the work is given up if it can be. May
 * wait; no lock held.
 */
bool mm_turn(void);
#define LOOP_TURN 256U /* steps of such a loop under one lock */
int claim_take(struct space *s, struct claim *c, u64 start,
	       u64 end); /* 0 or -EINTR; no lock held */
void claim_add(struct space *s, struct claim *c, u64 start,
	       u64 end); /* of what is free; under the space's lock */
void claim_drop(struct space *s, struct claim *c); /* merges regions; no lock held */
void claim_end(struct space *s, struct claim *c); /* nothing was changed under it */
bool claim_overlaps(struct space *s, u64 start, u64 end); /* under the space's lock */
/* Wait until the entry at va is not busy. 0 or -EINTR. No lock held. */
int entry_wait(struct space *s, u64 va, bool interruptible);

/* ---- regions (region.c), under the space's lock ---- */

struct region *region_at(struct space *s, u64 va);
struct region *region_after(struct space *s, u64 va); /* the first that ends above va */
struct region *region_before(struct space *s, u64 va); /* the last that begins below va */
bool region_overlaps(struct space *s, u64 start, u64 end);
struct region *region_next(struct space *s, const struct region *r); /* NULL: it is the last */
/* A border at va. `counted`: not beyond MAPPINGS_MAX. 0 or -ENOMEM. */
int region_split(struct space *s, u64 va, bool counted);
void region_insert(struct space *s, struct region *r);
/*
 * As region_insert(); but where neighbours are alike, one of them takes its
 * range over. False: the region itself is not in the space, to be freed.
 */
bool region_add(struct space *s, struct region *r);
/*
 * `change` of each region that begins in a claimed range, or lies across its start, under
 * the space's lock, which is let go of after a while; to the first that it refuses. 0 or
 * what that one gave. No lock held.
 */
typedef int region_change(struct space *s, struct region *r, void *arg);
int regions_change(struct space *s, u64 start, u64 end, region_change *change, void *arg);
/*
 * No region lies across `start` or `end` any more. Of memory without a file or
 * the like, what lies in between may be in no region then, and *any is set.
 * 0 or -ENOMEM.
 */
int region_open(struct space *s, u64 start, u64 end, bool *any);
/*
 * Of region_merge() and region_cut(), as much as one hold of the lock may do.
 * False: that was all.
 */
bool region_merge_round(struct space *s, u64 *start, u64 end);
bool region_cut_round(struct space *s, u64 start, u64 end, struct list *gone);
void region_resize(struct space *s, struct region *r, u64 start,
		   u64 end); /* between its neighbours */
/* References of what a region shows; NULL is none. */
void backing_get(struct file *file, struct shmobj *shm);
void backing_put(struct file *file, struct shmobj *shm);
struct region *region_copy(const struct region *r); /* with its references; NULL without memory */
void region_free(struct region *r); /* no lock above RANK_FILE */
/* In the accounts of the space; what is promised counts apart (commit_count). */
void region_account(struct space *s, const struct region *r, bool add);
/*
 * Those that many regions make long: no lock is held, and others have their
 * turn meanwhile. What keeps the regions as they are is the caller's claim.
 */
/* Neighbours in [start, end] that have become alike, at borders that no claim touches. */
void region_merge(struct space *s, u64 start, u64 end);
/* Move all regions of [start, end) (borders are there) to `gone`, out of the accounts. */
void region_cut(struct space *s, u64 start, u64 end, struct list *gone);
void region_free_all(struct list *gone);

/* ---- free places (place.c), under the space's lock ---- */

bool region_summary(struct tree_node *node); /* space->tree.update */
/* Where `length` bytes fit, claims and gaps minded; 0: nowhere. */
u64 region_place(struct space *s, u64 length, u64 hint, bool low32, u64 align);

/* What begins below a region that may not be used by others. */
static inline u64 region_floor(const struct region *r)
{
	return r->start - ((r->flags & REGION_GROWSDOWN) ? MIN(STACK_GAP, r->start) : 0);
}

static inline bool region_writable_private(const struct region *r)
{
	return !(r->flags & REGION_SHARED) && (r->prot & PROT_WRITE);
}

/* Memory of no object: its pages need nothing of the region that they were in. */
static inline bool region_is_plain(const struct region *r)
{
	return !r->file && !r->shm && !(r->flags & REGION_MIRROR);
}

/*
 * What is promised: counters.pages_committed. Every region's pages with REGION_ACCOUNT,
 * by whoever links, unlinks or resizes it, under its space's lock; those of shared
 * memory, by its object; in the strict mode, what commit_take() and commit_keep() hold.
 * Changed atomically, so the sum is right whenever nothing is under way.
 */
static inline void commit_count(u64 pages)
{
	if (pages)
		count_add(&boot_params->counters.pages_committed, pages);
}

/* As commit_take(), of what was promised before: for a region that is out of its space for a while. */
void commit_keep(u64 pages);

static inline u64 region_committed(const struct region *r)
{
	return r->flags & REGION_ACCOUNT ? (r->end - r->start) >> PAGE_SHIFT : 0;
}

/* Will its pages be promised, if they are not already? */
static inline bool region_to_commit(const struct region *r, u32 prot)
{
	return (prot & PROT_WRITE) &&
	       !(r->flags & (REGION_SHARED | REGION_NORESERVE | REGION_VDSO | REGION_ACCOUNT));
}

/* For RLIMIT_DATA: whatever grows down is a stack. */
static inline bool region_is_data(const struct region *r)
{
	return region_writable_private(r) && !(r->flags & (REGION_STACK | REGION_GROWSDOWN));
}

/* ---- NUMA (numa.c, migrate.c), under a claim, no lock held ---- */

int range_policy(struct space *s, u64 start, u64 end, policy_change *change, void *arg);
int range_migrate(struct space *s, u64 start, u64 end, struct migration *m);
bool range_misplaced(struct space *s, u64 start, u64 end, const struct migration *m);

/* ---- changes under a claim (map.c) ---- */

/* Take all pages out of [start, end) and give them back. Waits. */
void range_take(struct space *s, u64 start, u64 end);
/* Borders of regions and leaves at both ends, `counted` or for a while. 0, -ENOMEM or -EINTR. */
int range_borders(struct space *s, u64 start, u64 end, bool counted);
/* Free the tables that the range leaves empty, as far as no region and no other change needs them. */
void range_prune(struct space *s, u64 start, u64 end);
int unmap_claimed(struct space *s, u64 start, u64 end);
/* Are length and address such as can be mapped? 0, -ENOMEM or -EPERM. */
int map_check(const struct space *s, const struct map_args *a);
struct region *region_new(const struct space *s,
			  const struct map_args *a); /* in no space yet; NULL without memory */
/* Under the claim: may the region be put there? What it replaces does not count. */
int fixed_check(struct space *s, struct region *r, const struct map_args *a);
/* A place for `r` as `a` wants it, claimed. 0, -ENOMEM, -EAGAIN (what is locked) or -EINTR. */
int claim_place(struct space *s, const struct region *r, const struct map_args *a, u64 align,
		struct claim *claim, u64 *at);
u64 lowest_address(const struct space *s); /* that the current thread may map */
/* Limits of the current thread on growth of the space. 0, -ENOMEM, or -EAGAIN for what is locked. */
int limit_check(struct space *s, const struct region *r, u64 pages);
int data_limit_check(struct space *s, u64 pages); /* RLIMIT_DATA alone */

/* ---- mappings that are Linux's (mirror.c); all with a claim on what is changed, no lock held ---- */

/* Of regions that have left the space: Linux's mappings. On an error they come back from the list into the space. */
int mirror_close(struct space *s, struct list *gone);
/* mprotect in Linux of what is Linux's in [start, *end); *end is lowered to where it fails. */
int mirror_protect(struct space *s, u64 start, u64 *end, u32 prot);
/* remap_file_pages of what is Linux's, between borders of regions. */
int mirror_reorder(struct space *s, u64 start, u64 end, u64 pgoff, bool nonblock);
/* mremap in place: nothing else lies in what is added, which is claimed too. */
int mirror_grow(struct space *s, u64 old, u64 old_size, u64 new_size);
struct mirror_move {
	u64 from, size, to, new_size; /* page-aligned; borders of regions are at both ends */
	u64 flags; /* MREMAP_DONTUNMAP */
	struct region *
		moved; /* the region for the new place; NULL afterwards if it has been taken over */
};
int mirror_move(struct space *s, struct mirror_move *m);
/* What was cut out comes back; as what is left behind, with nothing in it and not locked. */
void region_put_back(struct space *s, struct list *gone, bool left_behind);

/* ---- page indexes (pageindex.c): sparse arrays of words by page number ---- */

struct page_index {
	u64 root_pa;
	u32 height; /* levels of tables; 0: empty */
};
u64 *index_word(struct page_index *x, u64 index, bool create); /* NULL: absent, or no memory */
u64 *index_next(struct page_index *x, u64 *index); /* the next word that is not 0, from *index on */
void index_trim(struct page_index *x,
		u64 index); /* the tables on the way to it that hold nothing */
void index_free(struct page_index *x); /* the tables, not what the words name */

/* ---- faults (fault.c, cow.c) ---- */

struct fault {
	struct space *space;
	u64 va; /* of the page */
	enum access access;
	struct fill_wanted *fill;
	/* out: an entry was made busy to be copied; finish it by cow_finish() */
	bool copying;
	u64 copy_pa; /* the frame of the copy */
	bool ours; /* a thread of ours, which reads files by its twin */
	bool forked; /* out: FR_BUSY, because a fork is under way */
	u64 mirror_turn; /* out, with FR_MIRROR: the space's */
	bool file_short; /* FR_OOM: for a page of a file, which is soon to be had back */
	u32 nodes; /* FR_OOM: of which of them none was free */
	const struct placer *by; /* whose fault it is */
};
enum fault_result fault_locked(struct fault *f);
/* The present, read-only entry of a writable region, at a write. */
enum fault_result cow_break(struct fault *f, struct region *r, u64 *pte, int level);
void cow_finish(struct space *s, u64 va, u64 copy_pa); /* may wait */
u64 anon_page(const struct where *w); /* zeroed, one reference; 0: no memory */
void placer_self(struct placer *p); /* the current thread, on this CPU */

/* ---- when memory is short (reclaim.c) ---- */

#define RECLAIM_MOST 4096UL /* that leave spaces for one call */

/* As mm_reclaim(), also what Linux must be asked for. Whether there is more memory now. Waits. */
bool mm_make_room(u64 pages, u64 keep);
/* The same by a thread: true: ask again in a moment; false: there is none. Never waits. No lock held. */
bool mm_make_room_later(void);
/* Before a lock under which the margin may be needed. Never waits. */
void mm_refill(void);
/* Pages of `f` with FRAME_OLD leave all spaces, once. Waits. */
void spaces_take_old(const struct file *f);
/*
 * What the object has no more of its pages [first, end) leaves all spaces; or, of all
 * its pages, this one, for who has carried entries past that scan. Waits.
 */
void spaces_take_dropped(struct shmobj *o, u64 first, u64 end);
void space_take_dropped(struct space *s, struct shmobj *o);
/*
 * A mark for who is about to carry entries of the object from place to place, where no
 * scan finds them; and whether pages have left the object at any time since, so that he
 * has to look at them once more. The regions are in their places then.
 */
u64 shmobj_holes(struct shmobj *o);
bool shmobj_holes_since(struct shmobj *o, u64 mark);
/* Its pages, which commit_take() has allowed, before anyone maps it. */
void shmobj_reserve(struct shmobj *o);
bool shmobj_has(struct shmobj *o, u64 index, u64 pa); /* it is the page of that index */

/* ---- file pages (filecache.c, filedrop.c, fileread.c) and shared memory (shmobj.c) ---- */

/* As file_shrink(): only pages of files that nobody has open; or of others, as far as not used of late. */
u64 file_shrink_idle(u64 pages);
u64 file_shrink_old(u64 pages);
/*
 * The version `id`, held, or NULL: what it has cached is FRAME_OLD, and what is being
 * read will not be taken. No lock held.
 */
struct file *file_age(u64 id);
bool file_drop_old(struct file *f); /* as far as nobody maps it; whether that was all */
u64 file_pages_clean(void); /* all in the cache, mapped or not */
u64 file_pages_idle(void); /* of these, those of files that nobody has open */

enum page_state { PAGE_READY, PAGE_FILLING, PAGE_TO_FILL, PAGE_BEYOND, PAGE_NOMEM };
/*
 * READY: *pa has a mapping's reference more. TO_FILL: the caller must read into
 * *pa; `ours`: by itself. BEYOND: Linux's reader has found no such page. Below RANK_FILE.
 */
enum page_state file_page(struct file *f, u64 index, bool ours, u64 *pa);
/* Pages that are there of [first, first + count): pa[i] with a reference, or 0. */
void file_pages_ready(struct file *f, u64 first, u32 count, u64 *pa);
bool file_page_filling(struct file *f, u64 index);
bool file_page_cached(struct file *f, u64 index);
/* Begin to fill up to `max` absent pages in a row that contain `index` (begun already, in `pa`). Returns the first index; *count. */
u64 file_fill_around(struct file *f, u64 index, u64 pa, u64 *list, u32 *count);
/* Read it by the current thread's twin. False: the page at `index` cannot be had, or the thread must end. */
bool file_read_around(struct file *f, u64 index, u64 pa);

/* READY with a reference, BEYOND or NOMEM. `w`: where an absent page is made; NULL: near this CPU. */
enum page_state shmobj_page(struct shmobj *o, u64 index, const struct where *w, u64 *pa);

#endif
