/* SPDX-License-Identifier: GPL-2.0-only */
/* What x86-64 keeps of a program, and how the rest of the kernel gets at it: the part of mck/arch.h that is inline. */
#ifndef MCK_X86_64_MACHINE_H
#define MCK_X86_64_MACHINE_H

#include "mck/lib.h"

#define USER_END 0x00007ffffffff000UL /* where addresses of programs end */
#define ARCH_PLATFORM "x86_64" /* AT_PLATFORM */
#define MAP_32BIT 0x40 /* mmap: below 2 GiB, a flag of x86's alone */

/* Registers of user mode as the entry code saves them, at the top of the kernel stack. */
struct user_regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 orig_rax; /* number of the system call; -1 for traps and interrupts, once their error code is taken out */
	u64 rip, cs, rflags, rsp, ss;
};

/* What a thread has of the machine. By the thread itself, and by arch_switch() on its CPU. */
struct arch_thread {
	u64 ksp; /* saved stack pointer while switched out */
	void *fpu;
	u64 fs_base, gs_base;
	bool parked; /* ksp apart, its registers stand here though it is current: set by arch_park(), read by others */
	u64 fault_error; /* of the newest trap from user mode that became a signal: error code, */
	u64 fault_trap; /* vector, */
	u64 fault_addr; /* CR2 if it was a page fault; all for signal frames */
};

/* ---- a system call in the registers ---- */

/* As Linux, which looks at 32 bits of it. */
static inline u32 arch_call_nr(const struct user_regs *regs)
{
	return (u32)regs->orig_rax;
}

static inline void arch_call_args(const struct user_regs *regs, u64 arg[6])
{
	arg[0] = regs->rdi;
	arg[1] = regs->rsi;
	arg[2] = regs->rdx;
	arg[3] = regs->r10;
	arg[4] = regs->r8;
	arg[5] = regs->r9;
}

static inline u64 arch_call_result(const struct user_regs *regs)
{
	return regs->rax;
}

static inline void arch_call_set_result(struct user_regs *regs, u64 value)
{
	regs->rax = value;
}

/* The program executes the call again, as `nr`, when it goes on. */
static inline void arch_call_repeat(struct user_regs *regs, u64 nr)
{
	regs->rax = nr;
	regs->rip -= 2; /* the syscall instruction */
}

/* ---- the other registers ---- */

static inline u64 arch_regs_ip(const struct user_regs *regs)
{
	return regs->rip;
}

static inline void arch_regs_set_ip(struct user_regs *regs, u64 ip)
{
	regs->rip = ip;
}

static inline u64 arch_regs_sp(const struct user_regs *regs)
{
	return regs->rsp;
}

static inline void arch_regs_set_sp(struct user_regs *regs, u64 sp)
{
	regs->rsp = sp;
}

/* A child comes out of its parent's call with 0. */
static inline void arch_regs_child(struct user_regs *child, const struct user_regs *parent)
{
	*child = *parent;
	child->rax = 0;
	child->orig_rax = ~0UL;
}

/* ---- this CPU and its memory; the host's unit tests have arch/fake's ---- */

#if !__STDC_HOSTED__

#define DMAP_BASE 0xffff800000000000UL /* physical memory of the instance */

struct cpu;

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	/* volatile: a thread may go on on another CPU */
	__asm__ volatile("movq %%gs:0, %0" : "=r"(cpu)); /* cpu->self */
	return cpu;
}

static inline void *pa_to_va(u64 pa)
{
	return (void *)(DMAP_BASE + pa);
}

static inline u64 arch_cycles(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (u64)high << 32;
}

#endif

#endif
