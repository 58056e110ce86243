/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share: instructions, registers, features of the CPU. */
#ifndef X86_H
#define X86_H

#include "mck/arch.h"
#include "mck/lib.h"
#include "segments.h"

/* Behind DMAP_BASE: single pages of Linux's, by physical address. */
#define LINUXMAP_BASE 0xffffc00000000000UL
#define WINDOW_SIZE 0x3f8000000000UL /* 63.5 TiB: each of the two ends before the next begins */

#define MSR_APIC_BASE 0x1b
#define MSR_SPEC_CTRL 0x48
#define MSR_PRED_CMD 0x49
#define MSR_SYSENTER_CS 0x174
#define MSR_PAT 0x277
#define MSR_X2APIC 0x800
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define EFER_SCE (1UL << 0)
#define EFER_NXE (1UL << 11)

#define CR0_MP (1UL << 1)
#define CR0_EM (1UL << 2)
#define CR0_TS (1UL << 3)
#define CR0_NE (1UL << 5)
#define CR0_WP (1UL << 16)
#define CR0_AM (1UL << 18)

#define CR4_MCE (1UL << 6)
#define CR4_PGE (1UL << 7)
#define CR4_OSFXSR (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_UMIP (1UL << 11)
#define CR4_FSGSBASE (1UL << 16)
#define CR4_OSXSAVE (1UL << 18)
#define CR4_SMEP (1UL << 20)
#define CR4_SMAP (1UL << 21)
#define CR4_PAE (1UL << 5)

/* arch_prctl(), and ptrace()'s of the same name */
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

#define RFLAGS_CF (1UL << 0)
#define RFLAGS_FIXED (1UL << 1)
#define RFLAGS_TF (1UL << 8)
#define RFLAGS_IF (1UL << 9)
#define RFLAGS_DF (1UL << 10)
#define RFLAGS_IOPL (3UL << 12)
#define RFLAGS_NT (1UL << 14)
#define RFLAGS_RF (1UL << 16)
#define RFLAGS_AC (1UL << 18)

#define VECTOR_NMI 2
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_TIMER 0xef
#define VECTOR_SPURIOUS 0xff

/* Found by the first CPU, the same on all; read only afterwards. */
struct x86_features {
	bool smep, smap, umip, fsgsbase, xsave, xsaveopt, gib_pages, rdtscp, rdrand, mce;
	u32 pa_bits;
	u64 xcr0; /* state components in use */
	u32 fpu_size; /* bytes of a thread's FPU area, standard format */
};
extern struct x86_features x86;

static inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "a"(leaf), "c"(sub));
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return low | (u64)high << 32;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 read_cr0(void)
{
	u64 v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v) : : "memory");
	return v;
}

static inline void write_cr0(u64 v)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static inline u64 read_cr2(void)
{
	u64 v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v) : : "memory");
	return v;
}

static inline u64 read_cr3(void)
{
	u64 v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v) : : "memory");
	return v;
}

static inline void write_cr3(u64 v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline u64 read_cr4(void)
{
	u64 v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v) : : "memory");
	return v;
}

static inline void write_cr4(u64 v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

/* ---- cpu.c ---- */

void cpu_detect(void); /* the first CPU: fills x86 but for the FPU */

/* ---- usercopy.c: instructions that may fault ---- */

/* If the instruction at `from` faults in kernel mode, execution goes on at `to`. */
struct extable_entry {
	u64 from, to;
};
#define EXTABLE(from, to) \
	".pushsection .extable, \"a\"\n.balign 8\n.quad " from ", " to "\n.popsection\n"
u64 extable_find(u64 rip); /* where to go on, or 0 */

/* ---- fpu.c ---- */

void fpu_init_cpu(void);
/* The registers into and out of an area of x86.fpu_size bytes, aligned to 64. */
void fpu_save(void *area);
#define FXSAVE_SIZE 512
#define FXSAVE_SOFTWARE 464 /* where it leaves room for Linux to say what else the area has */
/* The first `size` bytes of what fpu_save() left in the area, as if it had written all. At least FXSAVE_SIZE. */
void fpu_image(const void *area, u8 *image, size_t size);
void fpu_area_init(u8 *area); /* as a new program finds them */
void fpu_restore(const void *area);
/* The same from an area whose content came from a program: -EFAULT if the CPU refuses it. */
int fpu_restore_checked(const void *area);

/* ---- tls.c: at a switch, of a thread that runs a program ---- */

void tls_save(struct thread *t); /* the one that runs, into its words */
void tls_load(struct thread *t);

/* ---- apic.c ---- */

void apic_init_cpu(void);
void apic_eoi(void);

/* ---- trap.c ---- */

void trap_init_cpu(void); /* IDT */
void trap_enter(u64 vector, struct user_regs *regs); /* from entry.S */
void trap_ist(u64 vector, struct user_regs *regs); /* NMI, double fault, machine check */
void syscall_enter(struct user_regs *regs);
/* Everything that has to be done before user mode; returns 1 if sysret will do, 0: iret. */
int exit_to_user(struct user_regs *regs);

/* ---- paging.c ---- */

/* The kernel's own entry for the small page at va, tables made if need be; NULL without memory. */
u64 *kernel_pte(u64 va);
/* All CPUs flush that have not done so since this stamp, and have done it on return. */
void flush_stacks(u32 stamp);

/* ---- kstack.c ---- */

u32 kstack_stamp(void); /* read before a flush, for cpu->stacks_seen behind it */
/* Does the address lie in the guard of a kernel stack, and of which? */
bool kstack_overflown(u64 address, u64 *stack);

/* ---- mce.c ---- */

/* Returns if it was nothing that concerns this CPU. */
void machine_check(const struct user_regs *regs);
void machine_check_show(void); /* what this CPU dies of, into the log */

/* ---- backtrace.c ---- */

/* This CPU dies of a trap in the kernel: arch_backtrace() shows its registers. */
void fault_note(const struct user_regs *regs);

/* ---- entry.S, context.S ---- */

extern const u64 trap_stubs[256];
#define CALL_WORDS 256 /* calls that arch_call_word() can be told of: those below */
extern u16 call_words[CALL_WORDS];
void syscall_entry(void);
void enter_user(struct user_regs *regs) __attribute__((noreturn));
void context_switch(u64 *save_sp, u64 load_sp);
void thread_entry(void);

#endif
