/* SPDX-License-Identifier: GPL-2.0-only */
/* One CPU: its features, registers and segments, and the threads that it switches between. */
#include "mck/objects.h"
#include "x86.h"

struct x86_features x86;
u8 smap_on; /* for entry.S */
u8 mds_on; /* for entry.S: clear the CPU's buffers on the way to user mode */

struct cpu *cpu_table[ABI_MAX_CPUS]; /* filled by the first CPU before the others start */
u32 cpu_count;
struct lwk_boot_params *boot_params;

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap;
} __attribute__((packed));

/* What struct cpu's `arch` points to. Owned by that CPU. */
struct x86_cpu {
	u64 gdt[GDT_ENTRIES];
	struct tss tss;
};

struct table_register {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* ---- features ---- */

static bool bit(u32 word, unsigned int n)
{
	return word >> n & 1;
}

void cpu_detect(void)
{
	u32 max[4], basic[4], more[4] = { 0 }, ext[4], size[4];

	cpuid(0, 0, max);
	cpuid(1, 0, basic);
	if (max[0] >= 7)
		cpuid(7, 0, more);
	cpuid(0x80000001, 0, ext);
	cpuid(0x80000008, 0, size);
	x86.xsave = bit(basic[2], 26);
	x86.mce = bit(basic[3], 7) && bit(basic[3], 14);
	x86.rdrand = bit(basic[2], 30);
	x86.fsgsbase = bit(more[1], 0);
	x86.smep = bit(more[1], 7);
	x86.smap = bit(more[1], 20);
	x86.umip = bit(more[2], 2);
	x86.gib_pages = bit(ext[3], 26);
	x86.rdtscp = bit(ext[3], 27);
	x86.pa_bits = size[0] & 0xff;
}

/* ---- tables and registers ---- */

static void set_base(struct cpu *cpu)
{
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_GS_BASE, (u64)cpu);
}

/* In force until a CPU has its own: an exception is reported from the first instructions on. */
static const u64 plain_gdt[GDT_ENTRIES] = {
	[KERNEL_CS / 8] = 0x00af9b000000ffffUL,
	[KERNEL_DS / 8] = 0x00cf93000000ffffUL,
	[USER_DS / 8] = 0x00cff3000000ffffUL,
	[USER_CS / 8] = 0x00affb000000ffffUL,
};

static void load_gdt(const u64 gdt[GDT_ENTRIES])
{
	struct table_register gdtr = { GDT_ENTRIES * sizeof(u64) - 1, (u64)gdt };

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %2, %%ds\n\t"
			 "mov %2, %%es\n\t"
			 "mov %2, %%ss\n\t"
			 "mov %3, %%fs\n\t"
			 "mov %3, %%gs"
			 :
			 : "m"(gdtr), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(0)
			 : "rax", "memory");
}

void arch_cpu_set(struct cpu *cpu)
{
	cpu->self = cpu;
	load_gdt(plain_gdt);
	set_base(cpu);
	trap_init_cpu();
}

static void gdt_fill(struct x86_cpu *c, u32 place, u32 node)
{
	u64 tss = (u64)&c->tss;

	memcpy(c->gdt, plain_gdt, sizeof(c->gdt));
	c->gdt[TSS_SELECTOR / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
				   0x89UL << 40 | (tss >> 24 & 0xff) << 56;
	c->gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
	c->gdt[NODE_SELECTOR / 8] = 0x0040f50000000000UL | (place & 0xfff) |
				    (u64)(node & 0xf) << 12 | (u64)(node >> 4 & 0xf) << 48;
}

/* A stack for one kind of trap; its first word tells the handler whose it is. */
static u64 ist_stack(struct cpu *cpu)
{
	struct cpu **stack = arch_kstack_alloc((int)cpu->boot->node);

	kassert(stack);
	*stack = cpu;
	return (u64)stack + IST_STACK_SIZE;
}

static void init_segments(struct cpu *cpu)
{
	struct x86_cpu *c = up_kzalloc(sizeof(*c));

	kassert(c);
	cpu->arch = c;
	c->tss.iomap = sizeof(struct tss);
	c->tss.ist[IST_NMI - 1] = ist_stack(cpu);
	c->tss.ist[IST_DOUBLE_FAULT - 1] = ist_stack(cpu);
	c->tss.ist[IST_MACHINE_CHECK - 1] = ist_stack(cpu);
	gdt_fill(c, cpu->place, cpu->boot->node);
	load_gdt(c->gdt);
	set_base(cpu); /* loading %gs has cleared it */
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
	/* After INIT it is not empty, but lies at address 0, where programs could write it. */
	__asm__ volatile("lldt %w0" : : "r"(0));
}

static void init_registers(struct cpu *cpu)
{
	u64 cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (x86.mce)
		cr4 |= CR4_MCE;
	if (x86.xsave)
		cr4 |= CR4_OSXSAVE;
	if (x86.fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (x86.smep)
		cr4 |= CR4_SMEP;
	if (x86.smap)
		cr4 |= CR4_SMAP;
	if (x86.umip)
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	write_cr4(cr4 | CR4_PGE); /* the module's global entries are gone */
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
	smap_on = x86.smap;
	mds_on = !!(boot_params->mitigations & BOOT_MITIGATE_MDS);
	if (boot_params->mitigations & BOOT_MITIGATE_IBRS)
		wrmsr(MSR_SPEC_CTRL, 1);

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	wrmsr(MSR_STAR, (u64)KERNEL_CS << 32 | (u64)SYSRET_BASE << 48);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	/* INIT leaves Linux's entry there; without a selector sysenter is a protection fault. */
	wrmsr(MSR_SYSENTER_CS, 0);
	wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
	if (x86.rdtscp)
		wrmsr(MSR_TSC_AUX, cpu->place | cpu->boot->node << 12);
}

void arch_cpu_init(u32 place)
{
	struct cpu *cpu = cpu_table[place];

	init_segments(cpu);
	init_registers(cpu);
	fpu_init_cpu();
	apic_init_cpu();
}

/* ---- threads ---- */

static u64 stack_top(const struct thread *t)
{
	return (u64)t->kstack + KSTACK_SIZE;
}

void arch_thread_init(struct thread *t, void (*entry)(void *), void *arg)
{
	u64 *sp;

	t->regs = (struct user_regs *)stack_top(t) - 1;
	/* As context_switch() leaves it, below an unused word for alignment. */
	sp = (u64 *)t->regs - 2;
	*sp = 0;
	*--sp = (u64)thread_entry;
	*--sp = 0; /* rbp */
	*--sp = (u64)entry; /* rbx */
	*--sp = (u64)arg; /* r12 */
	*--sp = 0;
	*--sp = 0;
	*--sp = 0;
	t->arch.ksp = (u64)sp;
}

static bool runs_program(const struct thread *t)
{
	return !t->idle && !t->work;
}

static void save_program(struct thread *t)
{
	if (t->arch.fpu)
		fpu_save(t->arch.fpu);
	if (runs_program(t))
		tls_save(t);
}

void arch_park(struct thread *t)
{
	if (t->arch.parked)
		return;
	save_program(t);
	/* Pairs with arch_regset_read(). */
	__atomic_store_n(&t->arch.parked, true, __ATOMIC_RELEASE);
}

void arch_unpark(struct thread *t)
{
	__atomic_store_n(&t->arch.parked, false, __ATOMIC_RELAXED);
}

void arch_switch(struct thread *prev, struct thread *next)
{
	struct cpu *cpu = this_cpu();
	struct x86_cpu *c = cpu->arch;

	kassert(cpu->lock_depth == 0);
	save_program(prev);
	cpu->current = next;
	cpu->kernel_stack = stack_top(next);
	c->tss.rsp[0] = stack_top(next);
	if (cpu->space != next->space)
		arch_load_space(next->space);
	if (runs_program(next))
		tls_load(next);
	if (next->arch.fpu)
		fpu_restore(next->arch.fpu);
	cpu->boot->switches++;
	context_switch(&prev->arch.ksp, next->arch.ksp);
}

void arch_enter_user(struct thread *t)
{
	enter_user(t->regs);
}

void arch_regs_exec(struct user_regs *regs, u64 entry, u64 sp)
{
	memset(regs, 0, sizeof(*regs));
	regs->orig_rax = -1UL;
	regs->rip = entry;
	regs->rsp = sp;
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->rflags = RFLAGS_IF | RFLAGS_FIXED;
}

/* ---- waiting ---- */

void arch_idle(void)
{
	/* sti lets nothing in before the hlt has begun. */
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

void arch_relax(void)
{
	struct cpu *cpu = this_cpu();

	cpu->boot->heartbeat++;
	arch_answer_flush();
	__asm__ volatile("pause");
}

void arch_halt(void)
{
	this_cpu()->boot->state = LWK_CPU_DEAD;
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}
