/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's half of the address space, TLB flushes, the switch between spaces. */
#include "abi/pte.h"
#include "mck/objects.h"
#include "x86.h"

#define KERNEL_DATA (PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_GLOBAL)
#define KERNEL_RODATA (PTE_PRESENT | PTE_NX | PTE_GLOBAL)
#define KERNEL_TEXT (PTE_PRESENT | PTE_GLOBAL)
#define DEVICE (KERNEL_DATA | PTE_PCD | PTE_PWT) /* entry 3 of Linux's PAT: uncached */
#define TABLE (PTE_PRESENT | PTE_WRITE)

#define KERNEL_HALF (PT_ENTRIES / 2)

extern const char image_start[], text_end[], rodata_end[], image_end[]; /* mckernel.lds */

/*
 * The kernel's root table, whose upper half every root shares. All its
 * top-level entries are made before the first space is; below them, entries
 * are added under map_lock and never change.
 */
static u64 kernel_root;
static struct spinlock map_lock = SPINLOCK_INIT(RANK_KMAP);
/* Where physical memory is seen: identically on the module's tables, at DMAP_BASE on our own. */
static u64 window;

u64 va_to_pa(const void *va)
{
	u64 address = (u64)va;

	if (address >= LWK_LINK_BASE)
		return address - LWK_LINK_BASE + boot_params->image_start;
	return address - (address >= LINUXMAP_BASE ? LINUXMAP_BASE : DMAP_BASE);
}

/* ---- the tables ---- */

static u64 *table_at(u64 pa)
{
	return (u64 *)(window + (pa & PTE_ADDR_MASK));
}

static u64 table_alloc(void)
{
	u64 pa;

	if (window)
		return up_page_alloc_zero(0, -1);
	pa = up_early_pages(1);
	kassert(pa);
	memset(table_at(pa), 0, PAGE_SIZE);
	return pa;
}

/* The entry of `level` for va, made if need be; NULL without memory. */
static u64 *kernel_entry(u64 va, int level)
{
	u64 *entry = table_at(kernel_root) + pt_index(va, PT_LEVELS);

	for (int l = PT_LEVELS; l > level; l--) {
		if (!(*entry & PTE_PRESENT)) {
			u64 pa = table_alloc();

			if (!pa)
				return NULL;
			__atomic_store_n(entry, pa | TABLE, __ATOMIC_RELEASE);
		}
		entry = table_at(*entry) + pt_index(va, l - 1);
	}
	return entry;
}

u64 *kernel_pte(u64 va)
{
	u64 *entry;

	spin_lock(&map_lock);
	entry = kernel_entry(va, 1);
	spin_unlock(&map_lock);
	return entry;
}

static int largest_level(u64 va, u64 pa, u64 size, int level)
{
	while (level > 1 && ((va | pa) % pt_span(level) || size < pt_span(level)))
		level--;
	return level;
}

/* By pages of level `most`, and smaller ones. */
static bool map_range(u64 va, u64 pa, u64 size, u64 flags, int most)
{
	u64 *entry = NULL;
	int last = 0;

	while (size) {
		int level = largest_level(va, pa, size, most);
		u64 span = pt_span(level);

		/* Within a table the next one is beside it. */
		entry = level == last && pt_index(va, level) ? entry + 1 : kernel_entry(va, level);
		last = level;
		if (!entry)
			return false;
		if (!*entry)
			__atomic_store_n(entry, pa | flags | (level > 1 ? PTE_HUGE : 0),
					 __ATOMIC_RELEASE);
		va += span;
		pa += span;
		size -= span;
	}
	return true;
}

static void *map_linux(u64 pa, u64 size, u64 flags)
{
	u64 start = ALIGN_DOWN(pa, PAGE_SIZE), end = ALIGN_UP(pa + size, PAGE_SIZE);
	bool ok;

	if (!kernel_root)
		return (void *)pa; /* still on the module's tables */
	if (end < start || end > WINDOW_SIZE)
		return NULL;
	spin_lock(&map_lock);
	/* Page by page: a large page would show what nobody named. */
	ok = map_range(LINUXMAP_BASE + start, start, end - start, flags, 1);
	spin_unlock(&map_lock);
	return ok ? (void *)(LINUXMAP_BASE + pa) : NULL;
}

void *arch_map_linux(u64 pa, u64 size)
{
	return map_linux(pa, size, KERNEL_DATA);
}

void *arch_map_device(u64 pa, u64 size)
{
	return map_linux(pa, size, DEVICE);
}

/* ---- the start ---- */

static void map_image(void)
{
	u64 text = (u64)image_start, rodata = (u64)text_end, data = (u64)rodata_end;
	u64 end = (u64)image_end;

	map_range(text, va_to_pa(image_start), rodata - text, KERNEL_TEXT, 2);
	map_range(rodata, va_to_pa(text_end), data - rodata, KERNEL_RODATA, 2);
	map_range(data, va_to_pa(rodata_end), end - data, KERNEL_DATA, 2);
}

/* All of the instance's memory but the image: its text must not be writable anywhere. */
static void map_memory(void)
{
	u64 hole = boot_params->image_start;
	u64 hole_end = hole + boot_params->image_size;
	int most = x86.gib_pages ? 3 : 2;

	for (u32 i = 0; i < boot_params->chunk_count; i++) {
		u64 start = boot_params->chunks[i].start;
		u64 end = start + boot_params->chunks[i].size;

		kassert(end <= WINDOW_SIZE);
		if (start < hole_end && hole < end) {
			map_range(DMAP_BASE + start, start, hole - start, KERNEL_DATA, most);
			start = hole_end;
		}
		map_range(DMAP_BASE + start, start, end - start, KERNEL_DATA, most);
	}
}

/* Linux's pages may lie anywhere: the top-level entries of that window are all made now. */
static void prepare_window(void)
{
	u64 size = MIN(1UL << x86.pa_bits, WINDOW_SIZE);

	for (u64 at = 0; at < size; at += pt_span(PT_LEVELS))
		kassert(kernel_entry(LINUXMAP_BASE + at, PT_LEVELS - 1));
}

/*
 * What is used from the first moment on, and what phys_init() looks at, when
 * there are no pages for tables yet. The rest is mapped by its owners, as
 * arch_map_linux() is asked.
 */
static void map_boot_params(u64 pa)
{
	u64 quarantine_size = boot_params->quarantine_count * sizeof(u64);

	kassert(arch_map_linux(pa, boot_params->size));
	kassert(arch_map_linux(boot_params->log, boot_params->log_size));
	kassert(!quarantine_size || arch_map_linux(boot_params->quarantine, quarantine_size));
}

static void build(u64 boot_pa)
{
	cpu_detect();
	kernel_root = table_alloc();
	map_image();
	map_memory();
	prepare_window();
	map_boot_params(boot_pa);
}

void arch_memory_init(void)
{
	u64 boot_pa = (u64)boot_params;
	bool first = !kernel_root;

	/* Entries with NX are valid from here on. */
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	if (first)
		build(boot_pa);
	/* From the second CPU on, boot_params is an address on our own tables only. */
	write_cr3(kernel_root);
	if (first) {
		window = DMAP_BASE;
		boot_params = (struct lwk_boot_params *)(LINUXMAP_BASE + boot_pa);
		log_init((struct log_ring *)(LINUXMAP_BASE + boot_params->log));
	}
	if (boot_params->memory_types)
		wrmsr(MSR_PAT, boot_params->memory_types);
}

/* ---- spaces ---- */

void arch_init_root(u64 root_pa)
{
	memcpy(table_at(root_pa) + KERNEL_HALF, table_at(kernel_root) + KERNEL_HALF,
	       KERNEL_HALF * sizeof(u64));
}

/* The tables take effect, and the TLB forgets all but global entries. */
static void load_root(u64 root_pa)
{
	u32 stamp = kstack_stamp();

	write_cr3(root_pa);
	__atomic_store_n(&this_cpu()->stacks_seen, stamp, __ATOMIC_RELEASE);
}

/*
 * space_epoch.cpus says who may hold entries of a space (abi/pte.h). The bit is
 * set before the tables are loaded, with a full barrier: who has changed an entry
 * and then does not see the bit need not ask, for this CPU will see the change.
 */
void arch_load_space(struct space *space)
{
	struct cpu *cpu = this_cpu();
	struct space *old = cpu->space;
	u64 bit = 1UL << cpu->place % 64;

	if (space)
		__atomic_or_fetch(&space->epoch->cpus[cpu->place / 64], bit, __ATOMIC_SEQ_CST);
	cpu->space = space;
	load_root(space ? space->root_pa : kernel_root);
	if (old && old != space)
		__atomic_and_fetch(&old->epoch->cpus[cpu->place / 64], ~bit, __ATOMIC_SEQ_CST);
	if (space && old != space && (boot_params->mitigations & BOOT_MITIGATE_IBPB))
		wrmsr(MSR_PRED_CMD, 1);
}

/* ---- TLB flushes ---- */

void arch_flush_page(u64 va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void arch_flush_all(void)
{
	load_root(read_cr3());
}

/* Also from the doorbell's handler: needs no lock and touches nothing but the two words. */
void arch_answer_flush(void)
{
	struct boot_cpu *boot = this_cpu()->boot;
	/* Pairs with the raise in request_flush(), or Linux's: the changed entries are seen. */
	u32 asked = __atomic_load_n(&boot->flush_request, __ATOMIC_ACQUIRE);

	if (asked == boot->flush_done)
		return;
	arch_flush_all();
	__atomic_store_n(&boot->flush_done, asked, __ATOMIC_RELEASE);
}

static void kick_if_away(u32 place)
{
	u32 state = __atomic_load_n(&boot_params->cpus[place].state, __ATOMIC_SEQ_CST);

	/* In the kernel it looks by itself: in arch_relax(), or before it leaves. */
	if (state == LWK_CPU_USER || state == LWK_CPU_IDLE)
		arch_kick(place);
}

static u32 request_flush(u32 place)
{
	u32 ticket =
		__atomic_add_fetch(&boot_params->cpus[place].flush_request, 1, __ATOMIC_SEQ_CST);

	kick_if_away(place);
	return ticket;
}

static void await_flush(u32 place, u32 ticket)
{
	const struct boot_cpu *cpu = &boot_params->cpus[place];
	u64 start = arch_cycles(), patience = boot_params->cycles_khz * KICK_AGAIN_US / 1000;

	while ((s32)(__atomic_load_n(&cpu->flush_done, __ATOMIC_ACQUIRE) - ticket) < 0) {
		arch_relax();
		if (arch_cycles() - start > patience) {
			kick_if_away(place); /* an edge can be lost */
			start = arch_cycles();
		}
	}
}

static void flush_own(u64 start, u64 end)
{
	if (end - start > 32 * PAGE_SIZE) {
		arch_flush_all();
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		arch_flush_page(start);
}

void arch_flush_space(struct space *space, u64 start, u64 end)
{
	u32 ticket[ABI_MAX_CPUS];
	u64 asked[ABI_MAX_CPUS / 64];
	u32 self = this_cpu()->place;

	/* The entries' change before the look at cpus; pairs with arch_load_space(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 i = 0; i < ARRAY_SIZE(asked); i++)
		asked[i] = __atomic_load_n(&space->epoch->cpus[i], __ATOMIC_SEQ_CST);
	asked[self / 64] &= ~(1UL << self % 64);
	for (u32 i = 0; i < cpu_count; i++) {
		if (asked[i / 64] >> i % 64 & 1)
			ticket[i] = request_flush(i);
	}
	if (this_cpu()->space == space)
		flush_own(start, end);
	for (u32 i = 0; i < cpu_count; i++) {
		if (asked[i / 64] >> i % 64 & 1)
			await_flush(i, ticket[i]);
	}
}

/* The answer to a flush loads a control register, as does whoever comes to the space later: that serializes. */
void arch_sync_space(struct space *space)
{
	arch_flush_space(space, 0, 0);
	arch_flush_all();
}

void flush_stacks(u32 stamp)
{
	u32 self = this_cpu()->place;

	for (u32 i = 0; i < cpu_count; i++) {
		u32 seen = __atomic_load_n(&cpu_of(i)->stacks_seen, __ATOMIC_ACQUIRE);

		if ((s32)(seen - stamp) >= 0)
			continue;
		if (i == self)
			arch_flush_all();
		else
			await_flush(i, request_flush(i));
	}
}
