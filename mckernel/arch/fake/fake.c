/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs, physical memory, TLBs and user memory of a made-up machine, for the unit tests. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/task.h"

struct cpu *cpu_table[ABI_MAX_CPUS];
struct lwk_boot_params *boot_params;
u32 cpu_count;
struct fake_counts fake_counts;
void (*fake_relax)(void);
void (*fake_before_flush)(void);

static u8 *arena;
static u64 arena_size;
static struct cpu cpus[ABI_MAX_CPUS];
static struct thread idle[ABI_MAX_CPUS];
static _Thread_local struct cpu *me;

/* ---- the instance ---- */

void fake_be_cpu(u32 place)
{
	me = &cpus[place];
}

void fake_start(u64 size, u32 nodes, u32 count, const char *kargs)
{
	arena_size = size;
	/* Large leaves need an arena with their alignment; it is not zeroed on purpose. */
	arena = aligned_alloc(4UL << 20, size);
	boot_params = aligned_alloc(4096, ALIGN_UP(sizeof(*boot_params), 4096UL));
	if (!arena || !boot_params)
		abort();
	memset(boot_params, 0, sizeof(*boot_params));
	memset(arena, 0xa5, size);
	memset(&fake_counts, 0, sizeof(fake_counts));
	memset(cpus, 0, sizeof(cpus));
	boot_params->cpu_count = cpu_count = count;
	boot_params->node_count = nodes;
	boot_params->chunk_count = nodes;
	boot_params->cycles_khz = 1000000;
	strncpy(boot_params->kargs, kargs, sizeof(boot_params->kargs) - 1);
	for (u32 n = 0; n < nodes; n++) {
		boot_params->chunks[n].start = FAKE_ARENA_PA + n * (size / nodes);
		boot_params->chunks[n].size = size / nodes;
		boot_params->chunks[n].node = n;
		for (u32 m = 0; m < nodes; m++)
			boot_params->distance[n][m] = n == m ? 10 : 20;
	}
	for (u32 i = 0; i < count; i++) {
		struct cpu *c = &cpus[i];

		c->self = c;
		c->place = i;
		c->boot = &boot_params->cpus[i];
		c->boot->node = i % nodes;
		c->current = &idle[i];
		cpu_table[i] = c;
	}
	fake_be_cpu(0);
	kargs_init(boot_params->kargs);
}

void fake_stop(void)
{
	free(arena);
	free(boot_params);
	arena = NULL;
	boot_params = NULL;
}

struct cpu *this_cpu(void)
{
	return me;
}

void *pa_to_va(u64 pa)
{
	if (pa >= FAKE_ARENA_PA && pa < FAKE_ARENA_PA + arena_size)
		return arena + (pa - FAKE_ARENA_PA);
	return (void *)pa;
}

u64 va_to_pa(const void *va)
{
	const u8 *p = va;

	if (p >= arena && p < arena + arena_size)
		return FAKE_ARENA_PA + (u64)(p - arena);
	return (u64)va;
}

void *arch_map_linux(u64 pa, u64 size)
{
	(void)size;
	return (void *)pa;
}

/* ---- small things ---- */

void arch_relax(void)
{
	if (fake_relax)
		fake_relax();
	sched_yield();
}

void arch_kick(u32 place)
{
	(void)place;
	__atomic_add_fetch(&fake_counts.kicks, 1, __ATOMIC_RELAXED);
}

u64 arch_cycles(void)
{
	static u64 cycles;

	return __atomic_add_fetch(&cycles, 1000, __ATOMIC_RELAXED);
}

void log_printf(const char *fmt, ...)
{
	va_list ap;

	if (!getenv("FAKE_LOG"))
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* ---- translation ---- */

/*
 * One TLB for all CPUs: an entry per slot, small translations only. As real
 * ones do, it forgets at any time (another page takes the slot) but never
 * learns of a changed entry except by a flush.
 */
#define TLB_SLOTS 1024
static struct tlb_entry {
	struct space *space;
	u64 va;
	u64 entry;
} tlb[TLB_SLOTS];

static struct tlb_entry *tlb_slot(u64 va)
{
	return &tlb[(va >> PAGE_SHIFT) % TLB_SLOTS];
}

void arch_init_root(u64 root_pa)
{
	(void)root_pa;
}

void arch_load_space(struct space *space)
{
	me->space = space;
}

void fake_forget(struct space *space, u64 start, u64 end)
{
	for (u32 i = 0; i < TLB_SLOTS; i++)
		if (tlb[i].space == space && tlb[i].va >= start && tlb[i].va < end)
			tlb[i].space = NULL;
}

void arch_flush_space(struct space *space, u64 start, u64 end)
{
	void (*before)(void) = fake_before_flush;

	if (before) {
		fake_before_flush = NULL;
		before();
	}
	__atomic_add_fetch(&fake_counts.flushes, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fake_counts.flushed_pages, (end - start) >> PAGE_SHIFT,
			   __ATOMIC_RELAXED);
	fake_forget(space, start, end);
}

static bool walk(struct space *s, u64 va, u64 *entry)
{
	int level;
	u64 *leaf = pt_leaf(s->root_pa, va, &level);

	if (!leaf)
		return false;
	*entry = __atomic_load_n(leaf, __ATOMIC_ACQUIRE);
	if (!(*entry & PTE_PRESENT))
		return false;
	*entry += va & (pt_span(level) - 1) & PAGE_MASK;
	return true;
}

static u8 *translate(struct space *s, u64 va, bool write)
{
	u64 page = va & PAGE_MASK;
	struct tlb_entry *t = tlb_slot(page);

	/* A hit without the right is looked up again, as x86 does before it faults. */
	if (t->space != s || t->va != page || (write && !(t->entry & PTE_WRITE))) {
		u64 entry;

		t->space = NULL;
		if (!walk(s, page, &entry))
			return NULL;
		*t = (struct tlb_entry){ s, page, entry };
	}
	if (!(t->entry & PTE_USER) || (write && !(t->entry & PTE_WRITE)))
		return NULL;
	return (u8 *)pa_to_va(t->entry & PTE_ADDR_MASK) + (va & ~PAGE_MASK);
}

int fake_read(struct space *s, u64 va)
{
	u8 *p = translate(s, va, false);

	return p ? *p : -EFAULT;
}

int fake_write(struct space *s, u64 va, u8 byte)
{
	u8 *p = translate(s, va, true);

	if (!p)
		return -EFAULT;
	*p = byte;
	return 0;
}

int copy_to_user(u64 dst, const void *src, size_t size)
{
	const u8 *p = src;

	for (size_t i = 0; i < size; i++)
		while (fake_write(current_thread()->space, dst + i, p[i]))
			if (space_fault_wait(current_thread()->space, dst + i, ACCESS_WRITE) !=
			    FR_OK)
				return -EFAULT;
	return 0;
}
