/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel stacks, each above a guard that nothing maps. */
#include "abi/abi.h"
#include "abi/pte.h"
#include "mck/objects.h"
#include "x86.h"

/*
 * A place holds a guard as large as a stack, and above it the stack. Places
 * are used in turn, the one that was freed first before the others: until its
 * turn comes every CPU has most likely flushed its TLB by itself, and nobody
 * has to be interrupted for it.
 *
 * Tables for some thousands are made at the start. More follow as more threads
 * live at once, a page for each 64, and are kept.
 */
#define KSTACK_BASE 0xffffff8000000000UL /* below the image, under the same top-level entry */
#define GUARD_SIZE KSTACK_SIZE
#define PLACE_SIZE (GUARD_SIZE + KSTACK_SIZE)
#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)
#define PLACES_MAX (2 * ABI_MAX_TWINS) /* of threads, prepared ones included */
#define READY_MAX 4096 /* made at the start, */
#define FREE_ENOUGH 1024 /* and beyond them so many free ones are worth an interrupt */
#define PLACES_OF_CPU (1 + IST_COUNT)
#define TABLE_SPAN (PT_ENTRIES * PAGE_SIZE)
#define PLACES_OF_TABLE (TABLE_SPAN / PLACE_SIZE)
#define CHUNK_ORDER 3
#define PLACES_OF_CHUNK ((PAGE_SIZE << CHUNK_ORDER) / sizeof(struct place))
#define NO_PLACE (~0U)

_Static_assert(KSTACK_BASE + (u64)PLACES_MAX * PLACE_SIZE <= LWK_LINK_BASE, "below the image");
_Static_assert(KSTACK_BASE % TABLE_SPAN == 0 && TABLE_SPAN % PLACE_SIZE == 0,
	       "a place lies in one table");
_Static_assert(KSTACK_SIZE % IST_STACK_SIZE == 0, "a masked stack pointer finds the stack's start");

struct place {
	u32 next; /* in the queue of free places */
	u32 stamp; /* of the unmapping: each CPU must have seen it before the next mapping */
};

/*
 * All but `untouched` is read and written under queue_lock. What is kept of
 * places is made by the chunk, before the first one of it is used.
 */
static struct spinlock queue_lock = SPINLOCK_INIT(RANK_KMAP);
static struct place *chunks[PLACES_MAX / PLACES_OF_CHUNK];
static u32 oldest = NO_PLACE, newest = NO_PLACE;
static u32 queued; /* free ones, from `oldest` on */
static u32 ready; /* places below have all that they need */
static u32 untouched; /* places from here on have never been used; read anywhere */
static u32 settled; /* stamps up to this one have been seen by all CPUs */
/* Atomic: raised behind each unmapping. What cpu->stacks_seen holds was read before a flush. */
static u32 stamps;

static u64 stack_of(u32 place)
{
	return KSTACK_BASE + (u64)place * PLACE_SIZE + GUARD_SIZE;
}

u32 kstack_stamp(void)
{
	return __atomic_load_n(&stamps, __ATOMIC_SEQ_CST);
}

static struct place *place_at(u32 place)
{
	return &chunks[place / PLACES_OF_CHUNK][place % PLACES_OF_CHUNK];
}

/* Where `place` is kept; false without memory. */
static bool chunk_make(u32 place)
{
	struct place **chunk = &chunks[place / PLACES_OF_CHUNK];
	u64 pa;

	if (*chunk)
		return true;
	pa = up_page_alloc_zero(CHUNK_ORDER, -1);
	if (pa)
		*chunk = pa_to_va(pa);
	return pa != 0;
}

/* By the first CPU, before there are others. No more than would fill all memory. */
void arch_kstacks_init(void)
{
	u64 size = 0;

	for (u32 i = 0; i < boot_params->chunk_count; i++)
		size += boot_params->chunks[i].size;
	ready = (u32)MIN(size / PLACE_SIZE, (u64)READY_MAX) + cpu_count * PLACES_OF_CPU;
	for (u32 i = 0; i < ready; i += PLACES_OF_TABLE)
		kassert(chunk_make(i) && kernel_pte(stack_of(i)));
}

/* ---- the queue ---- */

static bool seen_by_all(u32 stamp)
{
	u32 least = kstack_stamp();

	if ((s32)(settled - stamp) >= 0)
		return true;
	for (u32 i = 0; i < cpu_count; i++) {
		u32 seen = __atomic_load_n(&cpu_of(i)->stacks_seen, __ATOMIC_ACQUIRE);

		if ((s32)(seen - least) < 0)
			least = seen;
	}
	settled = least;
	return (s32)(settled - stamp) >= 0;
}

/* Rather one that was never used than one that CPUs have to be interrupted for. */
static bool take_untouched(void)
{
	assert_held(&queue_lock);
	if (untouched < ready)
		return true;
	if (oldest != NO_PLACE && (queued > FREE_ENOUGH || seen_by_all(place_at(oldest)->stamp)))
		return false;
	return untouched < PLACES_MAX && chunk_make(untouched);
}

/* A place for a new stack, which no TLB shows any more; NO_PLACE without memory. */
static u32 place_take(void)
{
	bool seen = true;
	u32 place, stamp = 0;

	spin_lock(&queue_lock);
	if (take_untouched()) {
		place = untouched;
		WRITE_ONCE(untouched, place + 1);
	} else {
		place = oldest;
		if (place != NO_PLACE) {
			oldest = place_at(place)->next;
			queued--;
			stamp = place_at(place)->stamp;
			seen = seen_by_all(stamp);
		}
	}
	spin_unlock(&queue_lock);
	if (!seen)
		flush_stacks(stamp);
	return place;
}

static void place_give(u32 place)
{
	spin_lock(&queue_lock);
	place_at(place)->next = NO_PLACE;
	if (oldest == NO_PLACE)
		oldest = place;
	else
		place_at(newest)->next = place;
	newest = place;
	queued++;
	/* The entries' change before the stamp; pairs with the CPUs' look before their flush. */
	place_at(place)->stamp = __atomic_add_fetch(&stamps, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&queue_lock);
}

/* ---- stacks ---- */

static bool pages_take(u64 pa[STACK_PAGES], int node)
{
	for (u32 i = 0; i < STACK_PAGES; i++) {
		pa[i] = up_page_alloc(0, node);
		if (pa[i])
			continue;
		while (i--)
			up_page_free(pa[i], 0);
		return false;
	}
	return true;
}

void *arch_kstack_alloc(int node)
{
	u64 pa[STACK_PAGES];
	u64 *entry;
	u32 place;

	if (!pages_take(pa, node))
		return NULL;
	place = place_take();
	entry = place == NO_PLACE ? NULL : kernel_pte(stack_of(place));
	for (u32 i = 0; i < STACK_PAGES; i++) {
		if (!entry)
			up_page_free(pa[i], 0);
		else /* not global: a switch between spaces flushes it */
			__atomic_store_n(&entry[i], pa[i] | PTE_PRESENT | PTE_WRITE | PTE_NX,
					 __ATOMIC_RELEASE);
	}
	if (entry)
		return (void *)stack_of(place);
	if (place != NO_PLACE)
		place_give(place); /* without a table yet */
	return NULL;
}

/* Its pages go at once: whoever's TLB still shows them has no reason to look there. */
void arch_kstack_free(void *stack)
{
	u64 start = (u64)stack;
	u64 *entry = kernel_pte(start);

	for (u32 i = 0; i < STACK_PAGES; i++) {
		u64 old = __atomic_exchange_n(&entry[i], 0, __ATOMIC_SEQ_CST);

		up_page_free(old & PTE_ADDR_MASK, 0);
	}
	place_give((u32)((start - KSTACK_BASE) / PLACE_SIZE));
}

bool kstack_overflown(u64 address, u64 *stack)
{
	u64 place = (address - KSTACK_BASE) / PLACE_SIZE;

	if (address < KSTACK_BASE || place >= READ_ONCE(untouched))
		return false;
	*stack = stack_of((u32)place);
	return address < *stack;
}
