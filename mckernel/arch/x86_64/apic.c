/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC: doorbells in both directions, the timer. */
#include "x86.h"

#define APIC_BASE_X2 (1UL << 10)
#define APIC_BASE_ENABLE (1UL << 11)

/* Register offsets; in x2APIC mode the MSR is MSR_X2APIC + offset / 16. */
#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_EOI 0xb0
#define APIC_SVR 0xf0
#define APIC_ISR 0x100
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PERF 0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE 0x3e0

#define SVR_ENABLE 0x100
#define LVT_MASKED 0x10000
#define ICR_BUSY (1U << 12)
#define ICR_NMI (4U << 8)
#define ICR_ASSERT (1U << 14)
#define DIVIDE_BY_16 3

#define MEASURE_US 500

/* Set by the first CPU, read only afterwards. */
static volatile u32 *registers; /* NULL in x2APIC mode */
static bool x2apic;
static u64 ticks_per_ms; /* of the timer, after the divider */

static u32 apic_read(u32 offset)
{
	return x2apic ? (u32)rdmsr(MSR_X2APIC + offset / 16) : registers[offset / 4];
}

static void apic_write(u32 offset, u32 value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + offset / 16, value);
	else
		registers[offset / 4] = value;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

static void apic_send(u32 apic_id, u32 command)
{
	if (!ticks_per_ms)
		return; /* a panic before the first CPU's APIC is known */
	if (x2apic) {
		/* A write to this MSR does not wait for the stores before it. */
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	while (apic_read(APIC_ICR) & ICR_BUSY)
		__asm__ volatile("pause");
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, command);
}

static u32 apic_id_of(u32 place)
{
	return boot_params->cpus[place].machine_id;
}

void arch_kick(u32 place)
{
	apic_send(apic_id_of(place), ICR_ASSERT | LWK_DOORBELL_VECTOR);
}

void arch_ring_linux(void)
{
	struct boot_cpu *boot = this_cpu()->boot;
	u32 vector = READ_ONCE(boot->doorbell_vector);

	if (!vector)
		return;
	boot->doorbells_sent++;
	apic_send(READ_ONCE(boot->doorbell_cpu), ICR_ASSERT | vector);
}

void arch_stop_others(void)
{
	for (u32 i = 0; i < cpu_count; i++) {
		if (i != this_cpu()->place && READ_ONCE(boot_params->cpus[i].ready))
			apic_send(apic_id_of(i), ICR_ASSERT | ICR_NMI);
	}
}

void arch_timer(u64 us)
{
	/* The counter has 32 bits: what is later is looked at again. */
	u64 most = 0xffffffffUL * 1000 / ticks_per_ms;
	u64 ticks = MIN(us, most) * ticks_per_ms / 1000;

	apic_write(APIC_TIMER_INITIAL, us && !ticks ? 1 : (u32)ticks);
}

/* Timer ticks and cycles of one short while. */
static void measure_once(u64 least, u64 *ticks, u64 *cycles)
{
	u64 start;

	apic_write(APIC_TIMER_INITIAL, 0xffffffff);
	start = arch_cycles();
	while (arch_cycles() - start < least)
		__asm__ volatile("pause");
	*ticks = 0xffffffff - apic_read(APIC_TIMER_CURRENT);
	*cycles = arch_cycles() - start;
}

/* Count the timer against the time-stamp counter. A virtual CPU may be stopped in between: the shortest of several counts. */
static void measure_timer(void)
{
	u64 khz = boot_params->cycles_khz;
	u64 best = ~0UL, ticks, cycles;

	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	for (int i = 0; i < 5; i++) {
		measure_once(khz * MEASURE_US / 1000, &ticks, &cycles);
		if (cycles < best)
			ticks_per_ms = ticks * khz / cycles;
		best = MIN(best, cycles);
	}
	apic_write(APIC_TIMER_INITIAL, 0);
	ticks_per_ms = MAX(ticks_per_ms, 1UL);
	log_info("apic: %s, timer %lu kHz, TSC %lu kHz\n", x2apic ? "x2APIC" : "xAPIC",
		 ticks_per_ms, boot_params->cycles_khz);
}

/* Interrupts that the CPU had taken before it came to us. */
static void apic_drain(void)
{
	for (int i = 0; i < 256; i++) {
		u32 pending = 0;

		for (u32 j = 0; j < 8; j++)
			pending |= apic_read(APIC_ISR + 16 * j);
		if (!pending)
			return;
		apic_eoi();
	}
}

static void find_registers(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	x2apic = (base & APIC_BASE_X2) != 0;
	if (x2apic)
		return;
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	registers = arch_map_device(base & 0x000ffffffffff000UL, PAGE_SIZE);
	kassert(registers);
}

void apic_init_cpu(void)
{
	bool first = !x2apic && !registers;
	u32 last_lvt;

	if (first)
		find_registers();
	last_lvt = apic_read(APIC_VERSION) >> 16 & 0xff;
	apic_write(APIC_TPR, 0);
	if (last_lvt >= 5)
		apic_write(APIC_LVT_THERMAL, LVT_MASKED);
	if (last_lvt >= 4)
		apic_write(APIC_LVT_PERF, LVT_MASKED);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	apic_drain();
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
	if (first)
		measure_timer();
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* one-shot */
}
