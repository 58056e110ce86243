/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: the instance's memory in blocks of 4 KiB to 1 GiB, per NUMA node. */
#include "internal.h"

#define MAX_ORDER 18U
#define POISON 0xdb

/* A range of the instance's memory. Written until phys_init() is done, read only afterwards. */
struct chunk {
	u64 start, end;
	u64 taken; /* below it, phys_early_alloc() has been */
	struct frame *frames; /* one for each page */
	u32 node;
};
static struct chunk chunks[ABI_MAX_CHUNKS]; /* ascending */
static u32 chunk_count;
static const u64 *quarantine; /* Linux's: boot_params->quarantine_count pages, ascending */
static bool poison;

/*
 * The last free pages are not for everyone, so that who holds a lock, or may
 * not wait, finds some: programs' own memory leaves `margin` pages, file
 * pages, which can be had back, half of them. Written by phys_init().
 */
#define MARGIN_PART 128 /* of all memory */
#define MARGIN_MIN 64UL
#define MARGIN_MAX 1024UL
static u64 margin;
static u32 memory_nodes; /* those with chunks; as `chunks` */

/* Free blocks of one node, heads marked FRAME_FREE with their order. Under lock. */
struct node {
	struct spinlock lock;
	struct list free[MAX_ORDER + 1];
};
static struct node nodes[ABI_MAX_NODES];

/* ---- the start ---- */

static void chunks_sort(void)
{
	for (u32 i = 1; i < chunk_count; i++) {
		struct chunk c = chunks[i];
		u32 at = i;

		for (; at && chunks[at - 1].start > c.start; at--)
			chunks[at] = chunks[at - 1];
		chunks[at] = c;
	}
}

static void chunks_init(void)
{
	chunk_count = boot_params->chunk_count;
	for (u32 i = 0; i < chunk_count; i++) {
		const struct boot_chunk *b = &boot_params->chunks[i];

		chunks[i].start = chunks[i].taken = b->start;
		chunks[i].end = b->start + b->size;
		chunks[i].node = b->node < ABI_MAX_NODES ? b->node : 0;
		memory_nodes |= 1U << chunks[i].node;
	}
	chunks_sort();
	quarantine = arch_map_linux(boot_params->quarantine,
				    boot_params->quarantine_count * sizeof(u64));
}

static u64 first_quarantined(u64 start)
{
	u64 low = 0, high = boot_params->quarantine_count;

	while (low < high) {
		u64 middle = low + (high - low) / 2;

		if (quarantine[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first place in [start, end) that is not ours to use, or `end`; *next: where it ends. */
static u64 first_obstacle(u64 start, u64 end, u64 *next)
{
	u64 image = boot_params->image_start;
	u64 image_end = image + boot_params->image_size;
	u64 at = end;
	u64 q = first_quarantined(start);

	*next = end;
	if (image < end && start < image_end) {
		at = MAX(image, start);
		*next = image_end;
	}
	if (q < boot_params->quarantine_count && quarantine[q] < at) {
		at = quarantine[q];
		*next = at + PAGE_SIZE;
	}
	return at;
}

static u64 chunk_take(struct chunk *c, u64 size)
{
	u64 at = c->taken, next;

	while (at + size <= c->end) {
		if (first_obstacle(at, at + size, &next) == at + size) {
			c->taken = at + size;
			return at;
		}
		at = next;
	}
	return 0;
}

u64 phys_early_alloc(u64 pages)
{
	u64 pa = 0;

	if (!chunk_count)
		chunks_init();
	for (u32 i = 0; i < chunk_count && !pa; i++)
		pa = chunk_take(&chunks[i], pages * PAGE_SIZE);
	return pa;
}

/* The frame table of a chunk lies in the chunk itself if there is room. */
static void make_frames(struct chunk *c)
{
	u64 pages = (c->end - c->start) / PAGE_SIZE;
	u64 size = ALIGN_UP(pages * sizeof(struct frame), PAGE_SIZE);
	u64 pa = chunk_take(c, size);

	if (!pa)
		pa = phys_early_alloc(size / PAGE_SIZE);
	if (!pa)
		panic("no room for the frame table of %016lx", c->start);
	c->frames = pa_to_va(pa);
	memset(c->frames, 0, size);
}

static void block_insert(struct node *n, struct frame *f, unsigned int order)
{
	f->order = (u8)order;
	f->flags = FRAME_FREE;
	list_add(&n->free[order], &f->link);
}

/* Under the node's lock, or before there is a second CPU. */
static void count_free(struct node *n, u64 pages)
{
	u64 *free = &boot_params->counters.pages_free_node[n - nodes];

	WRITE_ONCE(*free, *free + pages);
}

static void insert_range(struct chunk *c, u64 start, u64 end)
{
	count_add(&boot_params->counters.pages_free, (end - start) / PAGE_SIZE);
	count_free(&nodes[c->node], (end - start) / PAGE_SIZE);
	while (start < end) {
		unsigned int order = MAX_ORDER;

		while (start % (PAGE_SIZE << order) || start + (PAGE_SIZE << order) > end)
			order--;
		block_insert(&nodes[c->node], &c->frames[(start - c->start) / PAGE_SIZE], order);
		start += PAGE_SIZE << order;
	}
}

static void insert_chunk(struct chunk *c)
{
	u64 at = c->taken, next;

	while (at < c->end) {
		u64 obstacle = first_obstacle(at, c->end, &next);

		insert_range(c, at, obstacle);
		at = next;
	}
}

static void count_start(void)
{
	struct lwk_counters *counters = &boot_params->counters;
	u64 pages = 0, away = 0;

	for (u32 i = 0; i < chunk_count; i++) {
		pages += (chunks[i].end - chunks[i].start) / PAGE_SIZE;
		away += first_quarantined(chunks[i].end) - first_quarantined(chunks[i].start);
	}
	counters->pages_total = pages - away;
	margin = MIN(MAX((pages - away) / MARGIN_PART, MARGIN_MIN), MARGIN_MAX);
	counters->pages_quarantined = away;
}

void phys_init(void)
{
	poison = karg_get("poison", NULL, 0);
	if (!chunk_count)
		chunks_init();
	quarantine = arch_map_linux(boot_params->quarantine,
				    boot_params->quarantine_count * sizeof(u64));
	for (u32 i = 0; i < ABI_MAX_NODES; i++) {
		spin_init(&nodes[i].lock, RANK_PHYS);
		for (u32 order = 0; order <= MAX_ORDER; order++)
			list_init(&nodes[i].free[order]);
	}
	/* All tables first: they may lie in another's chunk. */
	for (u32 i = 0; i < chunk_count; i++)
		make_frames(&chunks[i]);
	for (u32 i = 0; i < chunk_count; i++)
		insert_chunk(&chunks[i]);
	count_start();
	log_info("memory: %lu MiB in %u chunks, %lu MiB free%s\n",
		 boot_params->counters.pages_total >> 8, chunk_count, pages_free_now() >> 8,
		 poison ? ", freed pages poisoned" : "");
}

/* ---- frames ---- */

static __attribute__((noinline)) struct chunk *chunk_search(u64 pa)
{
	u32 low = 0, high = chunk_count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (chunks[middle].end <= pa)
			low = middle + 1;
		else
			high = middle;
	}
	return low < chunk_count && chunks[low].start <= pa ? &chunks[low] : NULL;
}

/* Mostly it is the one where this CPU has looked last. */
static inline struct chunk *chunk_of(u64 pa)
{
	struct cpu *cpu = this_cpu();
	struct chunk *c = &chunks[cpu->chunk];

	if (pa - c->start < c->end - c->start)
		return c;
	c = chunk_search(pa);
	if (c)
		cpu->chunk = (u32)(c - chunks);
	return c;
}

static struct frame *frame_at(const struct chunk *c, u64 pa)
{
	return &c->frames[(pa - c->start) / PAGE_SIZE];
}

struct frame *frame_of(u64 pa)
{
	struct chunk *c = chunk_of(pa);

	return c ? frame_at(c, pa) : NULL;
}

static bool frame_in(const struct frame *f, const struct chunk *c)
{
	return c && f >= c->frames && f < c->frames + (c->end - c->start) / PAGE_SIZE;
}

u64 frame_pa(const struct frame *f)
{
	/* Nearly always, the table lies in its own chunk. */
	const struct chunk *c = chunk_of(va_to_pa(f));

	if (!frame_in(f, c))
		for (c = chunks; !frame_in(f, c); c++)
			kassert(c < chunks + chunk_count);
	return c->start + (u64)(f - c->frames) * PAGE_SIZE;
}

/* ---- blocks ---- */

static u64 node_alloc(struct node *n, unsigned int order)
{
	unsigned int from = order;
	struct frame *f;
	u64 pa;

	spin_lock(&n->lock);
	while (from <= MAX_ORDER && list_empty(&n->free[from]))
		from++;
	if (from > MAX_ORDER) {
		spin_unlock(&n->lock);
		return 0;
	}
	f = list_entry(n->free[from].next, struct frame, link);
	list_del(&f->link);
	f->flags = 0;
	pa = frame_pa(f);
	/* The upper halves go back. */
	while (from > order) {
		from--;
		block_insert(n, f + (1UL << from), from);
	}
	count_free(n, -(1UL << order));
	spin_unlock(&n->lock);
	return pa;
}

/* The nearest to `node` of a set that is not empty. */
static int nearest(int node, u32 set)
{
	int best = -1;

	if (set & 1U << node)
		return node;
	for (int n = 0; n < ABI_MAX_NODES; n++) {
		if (!(set & 1U << n))
			continue;
		if (best < 0 || boot_params->distance[node][n] < boot_params->distance[node][best])
			best = n;
	}
	return best;
}

static u64 alloc_among(unsigned int order, int node, u32 set)
{
	u64 pa = 0;

	for (set &= memory_nodes; set && !pa;) {
		int n = nearest(node, set);

		pa = node_alloc(&nodes[n], order);
		set &= ~(1U << n);
	}
	return pa;
}

static u64 alloc_where(unsigned int order, const struct where *w)
{
	u64 pa = alloc_among(order, w->node, w->first);

	if (!pa)
		pa = alloc_among(order, w->node, w->rest & ~w->first);
	if (pa)
		count_add(&boot_params->counters.pages_free, -(1UL << order));
	return pa;
}

/* Pages of files lie where memory is wanted: else to give them up would be for nothing. */
static bool reclaim_helps(const struct where *w)
{
	for (u32 n = 0; n < ABI_MAX_NODES; n++)
		if (((w->first | w->rest) & 1U << n) &&
		    READ_ONCE(boot_params->counters.pages_clean_node[n]))
			return true;
	return false;
}

u64 page_alloc_at(unsigned int order, const struct where *where)
{
	u64 want = MAX(RECLAIM_PAGES, 2UL << order);
	struct where w = *where;
	u64 pa;

	kassert(order <= MAX_ORDER);
	if (w.node < 0 || w.node >= ABI_MAX_NODES)
		w.node = node_here();
	/* Who holds a lock has what is there; others have the file cache too. */
	pa = alloc_where(order, &w);
	for (u32 i = 0;
	     !pa && i < RECLAIM_TRIES && reclaim_helps(&w) && mm_reclaim(want, reclaim_keep()); i++)
		pa = alloc_where(order, &w);
	return pa;
}

u64 page_alloc(unsigned int order, int node)
{
	const struct where w = { node, ALL_NODES, 0 };

	return page_alloc_at(order, &w);
}

u64 page_alloc_zero(unsigned int order, int node)
{
	u64 pa = page_alloc(order, node);

	if (pa)
		memset(pa_to_va(pa), 0, PAGE_SIZE << order);
	return pa;
}

/* Join the block with its free buddies inside of the chunk. Under the node's lock. */
static void node_free(struct node *n, struct chunk *c, u64 pa, unsigned int order)
{
	for (; order < MAX_ORDER; order++) {
		u64 buddy = pa ^ (PAGE_SIZE << order);
		struct frame *f;

		if (buddy < c->start || buddy + (PAGE_SIZE << order) > c->end)
			break;
		f = frame_at(c, buddy);
		if (!(frame_flags(f) & FRAME_FREE) || f->order != order)
			break;
		list_del(&f->link);
		f->flags = 0;
		pa = MIN(pa, buddy);
	}
	block_insert(n, frame_at(c, pa), order);
}

void page_free(u64 pa, unsigned int order)
{
	struct chunk *c = chunk_of(pa);
	struct frame *f;
	struct node *n;

	kassert(c && pa % (PAGE_SIZE << order) == 0);
	f = frame_at(c, pa);
	kassert(f->refs == 0 && !(frame_flags(f) & FRAME_FREE));
	if (poison)
		memset(pa_to_va(pa), POISON, PAGE_SIZE << order);
	n = &nodes[c->node];
	spin_lock(&n->lock);
	node_free(n, c, pa, order);
	count_free(n, 1UL << order);
	spin_unlock(&n->lock);
	count_add(&boot_params->counters.pages_free, 1UL << order);
}

u64 phys_margin(void)
{
	return margin;
}

u32 phys_nodes(void)
{
	return memory_nodes;
}

u32 frame_node(u64 pa)
{
	return chunk_of(pa)->node;
}

u64 pages_free_now(void)
{
	return __atomic_load_n(&boot_params->counters.pages_free, __ATOMIC_RELAXED);
}

static u64 kernel_pages(void)
{
	const struct lwk_counters *c = &boot_params->counters;

	return READ_ONCE(c->pages_total) - pages_free_now() - READ_ONCE(c->pages_user) -
	       READ_ONCE(c->pages_cache);
}

void phys_publish(void)
{
	u64 pages;

	/* Another CPU may have stored an older sum meanwhile. */
	do {
		pages = kernel_pages();
		WRITE_ONCE(boot_params->counters.pages_kernel, pages);
	} while (pages != kernel_pages());
}

/* ---- the quarantine ---- */

static void page_leaves(void)
{
	count_add(&boot_params->counters.pages_total, -1UL);
	count_add(&boot_params->counters.pages_quarantined, 1);
}

static void page_returns(u64 pa)
{
	count_add(&boot_params->counters.pages_total, 1);
	count_add(&boot_params->counters.pages_quarantined, -1UL);
	page_free(pa, 0);
}

void phys_quarantined(u64 pa)
{
	struct frame *f = frame_of(pa);
	u8 old;

	kassert(f && f->refs == 0);
	page_leaves();
	old = __atomic_exchange_n(&f->flags, FRAME_AWAY, __ATOMIC_ACQ_REL);
	if (old & FRAME_USER)
		count_add(&boot_params->counters.pages_user, -1UL);
	if (old & FRAME_BACK)
		phys_unquarantine(pa);
}

/* Only what went there comes back, and once. */
bool phys_unquarantine(u64 pa)
{
	struct frame *f = pa & ~PAGE_MASK ? NULL : frame_of(pa);
	u8 old = f ? frame_flags(f) : 0;

	/* The module may be done with a page before its zap's answer is looked at. */
	while (old & (FRAME_AWAY | FRAME_OFFERED)) {
		u8 new = (old & FRAME_AWAY) ? 0 : old | FRAME_BACK;

		if (!__atomic_compare_exchange_n(&f->flags, &old, new, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		if (old & FRAME_AWAY)
			page_returns(pa);
		return true;
	}
	return false;
}
