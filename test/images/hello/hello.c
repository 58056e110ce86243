// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest image that obeys the boot ABI: it says hello in the log,
 * answers CALL_PROBE and CALL_SHUTDOWN, and halts in between. It proves the
 * module without the LWK. Words among the kernel arguments make it misbehave:
 *
 *     panic=boot    panics before it is ready
 *     panic=call    panics on the first call but probes, instead of answering
 *     silent=N      place N never reports
 *     deaf          answers no call but probes
 *     stuck         spins with interrupts off once it has been probed
 *     busy          answers the first shutdown with EBUSY and 7 programs
 *     noise         sends words that make no sense, then an lcall
 *     badtail       corrupts its index of the ring to Linux, instead of answering
 *     badhead       corrupts its index of the ring from Linux, and answers
 *     lie=SEED      answers every call of a program's life, and says more than it is asked (lies.c)
 */
#include <stddef.h>

#include "hello.h"

#define STACK_SIZE 8192
#define MAX_CPUS 64
#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC 0x800
#define APIC_EOI 0xb
#define APIC_SVR 0xf
#define APIC_ICR 0x30
#define APIC_ICR_HIGH 0x31
#define LARGE_PAGE 0x200000UL
#define GIB 0x40000000UL

extern char stacks[MAX_CPUS][STACK_SIZE];
void hello_main(struct lwk_boot_params *boot, u64 place) __attribute__((noreturn));

char stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(4096)));

__attribute__((section(".note.ihk"), used)) static const struct {
	u32 name_size, desc_size, type;
	char name[4];
	struct boot_note desc;
} note __attribute__((aligned(4))) = {
	sizeof(BOOT_NOTE_NAME),
	sizeof(struct boot_note),
	BOOT_NOTE_TYPE,
	BOOT_NOTE_NAME,
	{ ABI_VERSION, 0, ABI_HASH, PROGRAM_HASH },
};

struct lwk_boot_params *params;
static u32 log_lock, stopping, refused;
static u64 tables[4][PT_ENTRIES] __attribute__((aligned(4096)));
static u64 idt[512];

/* ---- the machine ---- */

static u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (u64)high << 32;
}

static void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "a"((u32)value), "d"((u32)(value >> 32)), "c"(msr) : "memory");
}

static int is_x2apic(void)
{
	return (rdmsr(MSR_APIC_BASE) >> 10) & 1;
}

/* Registers by their number in units of 16 bytes, as x2APIC counts them. */
static void apic_write(u32 reg, u32 value)
{
	if (is_x2apic())
		wrmsr(MSR_X2APIC + reg, value);
	else
		*(volatile u32 *)(0xfee00000UL + reg * 16) = value;
}

static void send_ipi(u32 apic_id, u32 vector)
{
	if (is_x2apic()) {
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC + APIC_ICR, (u64)apic_id << 32 | vector);
		return;
	}
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, vector);
}

static void halt_for_good(struct boot_cpu *cpu) __attribute__((noreturn));

static void halt_for_good(struct boot_cpu *cpu)
{
	__atomic_store_n(&cpu->state, LWK_CPU_DEAD, __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ---- the log ---- */

static void put(struct log_ring *log, const char *text)
{
	for (; *text; text++) {
		log->text[log->total & (log->size - 1)] = *text;
		__atomic_store_n(&log->total, log->total + 1, __ATOMIC_RELEASE);
	}
}

void say(const char *before, u64 number, const char *after)
{
	struct log_ring *log = (void *)params->log;
	char digits[24];
	int at = sizeof(digits) - 1;

	digits[at] = 0;
	do
		digits[--at] = '0' + number % 10;
	while (number /= 10);
	while (__atomic_exchange_n(&log_lock, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	put(log, before);
	put(log, digits + at);
	put(log, after);
	put(log, "\n");
	__atomic_store_n(&log_lock, 0, __ATOMIC_RELEASE);
}

/* What stands behind this word among the kernel arguments; NULL without it. */
static const char *told(const char *word)
{
	const char *at, *w;

	for (at = params->kargs; *at; at++) {
		const char *a = at;

		for (w = word; *w && *a == *w; w++)
			a++;
		if (!*w)
			return a;
	}
	return NULL;
}

static int is_told(const char *word)
{
	return told(word) != NULL;
}

/* ---- the channel ---- */

void send(struct boot_cpu *cpu, u64 word)
{
	if (ring_push((void *)cpu->to_linux, word) == RING_WAS_EMPTY) {
		cpu->doorbells_sent++;
		send_ipi(cpu->doorbell_cpu, cpu->doorbell_vector);
	}
}

static void panic(struct boot_cpu *cpu, const char *why) __attribute__((noreturn));

static void panic(struct boot_cpu *cpu, const char *why)
{
	say("hello: PANIC on place ", cpu - params->cpus, why);
	__atomic_store_n(&params->status, OS_PANIC, __ATOMIC_RELEASE);
	send(cpu, IKC_WORD(IKC_STATUS, 0, 0));
	halt_for_good(cpu);
}

/* On every call but probes. True: that is all there is to it. */
static int misbehave(struct boot_cpu *cpu)
{
	if (is_told("deaf"))
		return 1;
	if (is_told("panic=call"))
		panic(cpu, ": told to");
	if (is_told("badhead"))
		((struct ring *)cpu->to_lwk)->head += 3 * RING_ENTRIES;
	if (!is_told("badtail"))
		return 0;
	((struct ring *)cpu->to_linux)->tail += 3 * RING_ENTRIES;
	send_ipi(cpu->doorbell_cpu, cpu->doorbell_vector);
	return 1;
}

static void answer(struct boot_cpu *cpu, u32 index)
{
	struct ikc_call *call = (struct ikc_call *)params->calls + index;
	u32 i;

	if (call->op != CALL_PROBE && misbehave(cpu))
		return;
	call->ret = 0;
	if (call->op == CALL_SHUTDOWN) {
		if (is_told("busy") && !refused++) {
			call->ret = -16;
			call->out[0] = 7;
		} else {
			if (is_told("lie="))
				lies_end();
			__atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
		}
	} else if (call->op != CALL_PROBE) {
		call->ret = -38;
		if (is_told("lie="))
			lies_answer(cpu, call);
	}
	cpu->calls_local++;
	__atomic_store_n(&call->state, IKC_DONE, __ATOMIC_RELEASE);
	send(cpu, IKC_WORD(IKC_CALL_DONE, index, call->gen));
	for (i = 0; stopping && i < params->cpu_count; i++)
		if (&params->cpus[i] != cpu)
			send_ipi(params->cpus[i].machine_id, LWK_DOORBELL_VECTOR);
}

static void make_noise(struct boot_cpu *cpu)
{
	struct ikc_lcall *lcall = (void *)params->lcalls;

	send(cpu, 0);
	send(cpu, IKC_WORD(IKC_REQUEST, ABI_MAX_TWINS, 1));
	send(cpu, IKC_WORD(IKC_CALL_DONE, IKC_CALLS, 1));
	send(cpu, IKC_WORD(IKC_CALL_DONE, 5, 1));
	send(cpu, IKC_WORD(IKC_LCALL, 7, 1));
	lcall->op = 99;
	lcall->cpu = cpu - params->cpus;
	__atomic_store_n(&lcall->state, IKC_POSTED, __ATOMIC_RELEASE);
	send(cpu, IKC_WORD(IKC_LCALL, 0, 0));
}

/* Look at everything that Linux may have changed. Returns whether there was anything. */
static int look(struct boot_cpu *cpu)
{
	struct ikc_lcall *lcall = (void *)params->lcalls;
	struct ring *ring = (void *)cpu->to_lwk;
	int found = 0;
	u64 word;

	__atomic_exchange_n(&cpu->attention, 0, __ATOMIC_SEQ_CST);
	/* Alive, and takes nothing but its boot's probe. */
	if (is_told("untaken") && cpu->calls_local) {
		__atomic_fetch_add(&cpu->heartbeat, 1, __ATOMIC_RELAXED);
		return 0;
	}
	while (ring_pop(ring, &word)) {
		if (IKC_KIND(word) == IKC_CALL && IKC_INDEX(word) < IKC_CALLS)
			answer(cpu, IKC_INDEX(word));
		found = 1;
	}
	if (cpu == params->cpus && __atomic_load_n(&lcall->state, __ATOMIC_ACQUIRE) == IKC_DONE) {
		say("hello: lcall answered ", -lcall->ret, " (minus)");
		lcall->state = IKC_FREE;
	}
	if (__atomic_load_n(&stopping, __ATOMIC_SEQ_CST))
		halt_for_good(cpu);
	return found;
}

/* ---- start ---- */

/* Identity for 512 GiB, and the image at its link address. */
static void tables_make(void)
{
	u64 offset = params->image_start - LWK_LINK_BASE;
	u64 flags = PTE_PRESENT | PTE_WRITE;
	u64 i;

	for (i = 0; i < PT_ENTRIES; i++)
		tables[1][i] = i * GIB | flags | PTE_HUGE;
	for (i = 0; i < LWK_IMAGE_MAX / LARGE_PAGE; i++)
		tables[3][i] = (params->image_start + i * LARGE_PAGE) | flags | PTE_HUGE;
	tables[2][pt_index(LWK_LINK_BASE, 3)] = ((u64)tables[3] + offset) | flags;
	tables[0][pt_index(LWK_LINK_BASE, 4)] = ((u64)tables[2] + offset) | flags;
	tables[0][0] = ((u64)tables[1] + offset) | flags;
}

struct frame;

__attribute__((interrupt)) static void on_doorbell(struct frame *frame)
{
	(void)frame;
	apic_write(APIC_EOI, 0);
}

static void on_fault(void)
{
	panic(params->cpus, " (or another): exception");
}

static void idt_make(void)
{
	u32 vector;

	for (vector = 0; vector < 256; vector++) {
		u64 handler = vector < 32 ? (u64)on_fault : (u64)on_doorbell;

		idt[2 * vector] = (handler & 0xffff) | 0x18UL << 16 | 0x8eUL << 40 |
				  (handler >> 16 & 0xffff) << 48;
		idt[2 * vector + 1] = handler >> 32;
	}
}

static void cpu_start(void)
{
	static const u64 gdt[4] = { 0, 0, 0x00cf93000000ffff, 0x00af9b000000ffff };
	struct {
		abi_u16 limit;
		u64 base;
	} __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (u64)gdt },
				  idtr = { sizeof(idt) - 1, (u64)idt };
	u64 root = (u64)tables[0] + params->image_start - LWK_LINK_BASE;

	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
	__asm__ volatile("lgdt %0; lidt %1; mov %2, %%ss; mov %2, %%ds; mov %2, %%es"
			 :
			 : "m"(gdtr), "m"(idtr), "r"(0x10));
	apic_write(APIC_SVR, 0x1ff);
}

void hello_main(struct lwk_boot_params *boot, u64 place)
{
	struct boot_cpu *cpu = &boot->cpus[place];

	if (place == 0) {
		params = boot;
		tables_make();
		idt_make();
		if (is_told("lie="))
			lies_begin(told("lie="));
	}
	cpu_start();
	say("hello from place ", place, "");
	if (place == 0)
		say("hello: CPUs: ", params->cpu_count, params->kargs);
	if (is_told("panic=boot"))
		panic(cpu, ": told to");
	if (is_told("silent=") &&
	    is_told((char[]){ 's', 'i', 'l', 'e', 'n', 't', '=', '0' + place, 0 }))
		halt_for_good(cpu);

	cpu->state = LWK_CPU_KERNEL;
	__atomic_store_n(&cpu->ready, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&cpu->ready, 2, __ATOMIC_RELEASE);
	if (place == params->cpu_count - 1) {
		__atomic_store_n(&params->status, OS_RUNNING, __ATOMIC_RELEASE);
		send(cpu, IKC_WORD(IKC_STATUS, 0, 0));
	}
	if (place == 0 && is_told("noise"))
		make_noise(cpu);

	for (;;) {
		while (look(cpu) || lies_go_on(cpu))
			;
		while (is_told("stuck") && cpu->calls_local)
			__builtin_ia32_pause();
		/* State before the last look at attention, against ihk_ring_lwk()'s order. */
		__atomic_store_n(&cpu->state, LWK_CPU_IDLE, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST) &&
		    ring_empty((void *)cpu->to_lwk) && !stopping)
			__asm__ volatile("sti; hlt; cli" : : : "memory");
		__atomic_store_n(&cpu->state, LWK_CPU_KERNEL, __ATOMIC_SEQ_CST);
		cpu->interrupts++;
	}
}
