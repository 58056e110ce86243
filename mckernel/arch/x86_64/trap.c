/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions, interrupts and system calls, from the assembly entries on. */
#include "mck/objects.h"
#include "mck/signo.h"
#include "mck/sysnr.h"
#include "x86.h"

#define IDT_PRESENT (1UL << 47)
#define IDT_INTERRUPT_GATE (0xeUL << 40)
#define IDT_DPL3 (3UL << 45)

/* si_code values */
#define FPE_INTDIV 1
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define ILL_ILLOPN 2
#define BUS_ADRALN 1
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4

/* The page that Linux calls vsyscall */
#define OLD_CALLS 0xffffffffff600000UL
#define OLD_CALL_SIZE 1024UL

/* The error code of a page fault */
#define ERROR_PRESENT 1UL
#define ERROR_WRITE 2UL
#define ERROR_EXEC 16UL

#define DR6_BREAKPOINTS 0xfUL
#define DR6_STEP (1UL << 14)
#define DR6_CLEAR 0xffff0ff0UL

static u64 idt[256][2]; /* filled by the first CPU, shared */

static const char *const names[32] = {
	[0] = "divide error",
	[1] = "debug",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range",
	[6] = "invalid opcode",
	[7] = "no FPU",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack segment",
	[13] = "general protection",
	[14] = "page fault",
	[16] = "x87 error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
};

/* ---- the table ---- */

static u64 gate_ist(unsigned int vector)
{
	if (vector == VECTOR_NMI)
		return IST_NMI;
	if (vector == VECTOR_DOUBLE_FAULT)
		return IST_DOUBLE_FAULT;
	return vector == VECTOR_MACHINE_CHECK ? IST_MACHINE_CHECK : 0;
}

static void fill_idt(void)
{
	for (unsigned int v = 0; v < 256; v++) {
		u64 stub = trap_stubs[v];
		bool user = v == 3 || v == 4; /* int3 and into are instructions */

		idt[v][1] = stub >> 32;
		idt[v][0] = (stub & 0xffff) | (u64)KERNEL_CS << 16 | gate_ist(v) << 32 |
			    IDT_INTERRUPT_GATE | (user ? IDT_DPL3 : 0) | IDT_PRESENT |
			    (stub >> 16 & 0xffff) << 48;
	}
}

void trap_init_cpu(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) idtr = { sizeof(idt) - 1, (u64)idt };

	if (!idt[0][0])
		fill_idt();
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

/* ---- interrupts: they only note ---- */

static void trap_doorbell(struct cpu *cpu)
{
	__atomic_store_n(&cpu->kick, 1, __ATOMIC_RELAXED);
	arch_answer_flush();
}

static void trap_interrupt(u64 vector)
{
	struct cpu *cpu = this_cpu();

	cpu->boot->interrupts++;
	if (vector == VECTOR_SPURIOUS)
		return;
	if (vector == VECTOR_TIMER)
		up_tick();
	else if (vector == LWK_DOORBELL_VECTOR)
		trap_doorbell(cpu);
	/* Any other is a broadcast of Linux's that was not meant for us. */
	apic_eoi();
}

/* ---- exceptions of programs, as Linux reports them ---- */

/* The cause by status bits: invalid, denormal, divide, overflow, underflow, precision. */
static int fpe_code(u32 raised)
{
	if (raised & 0x01)
		return FPE_FLTINV;
	if (raised & 0x04)
		return FPE_FLTDIV;
	if (raised & 0x08)
		return FPE_FLTOVF;
	if (raised & 0x12)
		return FPE_FLTUND;
	return raised & 0x20 ? FPE_FLTRES : 0;
}

static int x87_code(void)
{
	u16 control, status;

	__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
	return fpe_code(status & ~control);
}

static int simd_code(void)
{
	u32 mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return fpe_code(mxcsr & ~(mxcsr >> 7));
}

/* What the debug exception was; int1 leaves no trace in DR6, which the CPU itself never clears. */
static int debug_code(void)
{
	u64 dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_CLEAR));
	if (dr6 & DR6_STEP)
		return TRAP_TRACE;
	return dr6 & DR6_BREAKPOINTS ? TRAP_HWBKPT : TRAP_BRKPT;
}

/* A cause that is gone again by now is no signal: the instruction is tried again. */
static void float_exception(int code, u64 rip)
{
	if (code)
		up_user_exception(SIGFPE, code, rip);
}

static void user_exception(u64 vector, struct user_regs *regs)
{
	switch (vector) {
	case 0:
		up_user_exception(SIGFPE, FPE_INTDIV, regs->rip);
		break;
	case 1:
		/* TF stays: a program that steps itself goes on after its handler. */
		up_user_exception(SIGTRAP, debug_code(), regs->rip);
		break;
	case 3:
		up_user_exception(SIGTRAP, SI_KERNEL, 0);
		break;
	case 6:
		up_user_exception(SIGILL, ILL_ILLOPN, regs->rip);
		break;
	case 11:
	case 12:
		up_user_exception(SIGBUS, SI_KERNEL, 0);
		break;
	case 16:
		float_exception(x87_code(), regs->rip);
		break;
	case 17:
		up_user_exception(SIGBUS, BUS_ADRALN, 0);
		break;
	case 19:
		float_exception(simd_code(), regs->rip);
		break;
	default:
		up_user_exception(SIGSEGV, SI_KERNEL, 0);
	}
}

enum access arch_fault_access(u64 error)
{
	if (error & ERROR_WRITE)
		return ACCESS_WRITE;
	return error & ERROR_EXEC ? ACCESS_EXEC : ACCESS_READ;
}

bool arch_old_call(u64 addr, u32 *nr)
{
	static const u32 calls[] = { NR_gettimeofday, NR_time, NR_getcpu };
	u64 place = addr - OLD_CALLS;

	if (place % OLD_CALL_SIZE || place / OLD_CALL_SIZE >= ARRAY_SIZE(calls))
		return false;
	*nr = calls[arch_index_nospec(place / OLD_CALL_SIZE, ARRAY_SIZE(calls))];
	return true;
}

/* The address stays there also for signals of other kinds. */
void arch_fault_note(struct thread *t, u64 addr, u64 error)
{
	/* As Linux: what the kernel's half maps is nobody's business. */
	if (addr >= USER_END)
		error |= ERROR_PRESENT;
	t->arch.fault_error = error;
	t->arch.fault_trap = VECTOR_PAGE_FAULT;
	t->arch.fault_addr = addr;
}

/* What the exception has pushed, or else the stub. */
static u64 error_code(const struct user_regs *regs)
{
	return regs->orig_rax == -1UL ? 0 : regs->orig_rax;
}

static void from_user(u64 vector, struct user_regs *regs)
{
	struct thread *t = current_thread();
	u64 error = error_code(regs);

	regs->orig_rax = -1UL;
	if (vector == VECTOR_PAGE_FAULT) {
		up_user_fault(read_cr2(), error);
	} else {
		t->arch.fault_error = error;
		t->arch.fault_trap = vector;
		user_exception(vector, regs);
	}
}

/* ---- exceptions in the kernel ---- */

/* The push into the guard faults, and so does the push of that fault's frame. */
static void trap_die_of_overflow(u64 address, u64 stack) __attribute__((noreturn));
static void trap_die_of_overflow(u64 address, u64 stack)
{
	const struct thread *t = current_thread();

	if (stack != (u64)t->kstack)
		panic("a kernel stack has overflowed at %016lx: one of the exceptions'", address);
	if (!t->process)
		panic("a kernel stack has overflowed at %016lx: that of CPU %u's own work", address,
		      this_cpu()->place);
	panic("a kernel stack has overflowed at %016lx: that of %s (pid %u)", address,
	      t->process->comm, t->kpage ? t->kpage->pid : 0);
}

static void trap_die(u64 vector, struct user_regs *regs) __attribute__((noreturn));
static void trap_die(u64 vector, struct user_regs *regs)
{
	u64 error = error_code(regs);
	u64 stack;

	fault_note(regs);
	if (vector == VECTOR_DOUBLE_FAULT && kstack_overflown(read_cr2(), &stack))
		trap_die_of_overflow(read_cr2(), stack);
	if (vector == VECTOR_PAGE_FAULT)
		panic("page fault in the kernel at %016lx, error %lx", read_cr2(), error);
	panic("%s in the kernel, error %lx", names[vector] ? names[vector] : "exception", error);
}

static void from_kernel(u64 vector, struct user_regs *regs)
{
	u64 fixup = extable_find(regs->rip);
	u64 addr = read_cr2();

	if (!fixup)
		trap_die(vector, regs);
	/* A copy to or from the program: the fault is its own, and may wait. */
	if (vector == VECTOR_PAGE_FAULT && addr < USER_END && up_kernel_fault(addr, regs->orig_rax))
		return;
	regs->rip = fixup;
}

/* ---- from and for entry.S ---- */

/* By system call number: where in struct kpage the answer is, 0: nowhere. Constant after start. */
u16 call_words[CALL_WORDS];

void arch_call_word(u32 nr, u32 word)
{
	kassert(nr < CALL_WORDS && word <= sizeof(struct kpage) - sizeof(u32));
	call_words[nr] = (u16)word;
}

void trap_enter(u64 vector, struct user_regs *regs)
{
	bool user = regs->cs & 3;

	if (user)
		up_enter();
	if (vector >= 32)
		trap_interrupt(vector);
	else if (user)
		from_user(vector, regs);
	else
		from_kernel(vector, regs);
}

void trap_ist(u64 vector, struct user_regs *regs)
{
	if (vector == VECTOR_MACHINE_CHECK) {
		machine_check(regs);
		return;
	}
	if (vector != VECTOR_NMI)
		trap_die(vector, regs);
	/* Linux sends NMIs to CPUs that it takes for its own; ours mean that another CPU has panicked. */
	if (panic_begun())
		arch_halt();
}

void syscall_enter(struct user_regs *regs)
{
	up_enter();
	up_syscall(regs);
}

static bool canonical(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) == va;
}

/*
 * iret must not fault in the kernel, so what it would refuse becomes the
 * program's own protection fault. Only a signal frame, a handler's address or
 * an ELF entry can have brought it: all of them make the thread look before it
 * leaves (struct thread, `look`).
 */
static void refuse_bad_return(struct user_regs *regs)
{
	struct thread *t = current_thread();
	u64 error = 0;

	if (regs->cs != USER_CS)
		error = regs->cs & ~3UL;
	else if (regs->ss != USER_DS)
		error = regs->ss & ~3UL;
	else if (canonical(regs->rip))
		return;
	t->arch.fault_trap = VECTOR_PROTECTION;
	t->arch.fault_error = error;
	up_user_exception(SIGSEGV, SI_KERNEL, 0);
}

int exit_to_user(struct user_regs *regs)
{
	while (!up_leave()) {
		up_return();
		refuse_bad_return(regs);
	}
	return regs->rcx == regs->rip && regs->r11 == regs->rflags && regs->rip < USER_END &&
	       !(regs->rflags & (RFLAGS_RF | RFLAGS_TF));
}
