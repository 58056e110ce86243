/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled to assembly only: the offsets that the .S files need, as the compiler knows them. */
#include "mck/arch.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

void offsets(void);
void offsets(void)
{
	DEFINE(CPU_KERNEL_STACK, offsetof(struct cpu, kernel_stack));
	DEFINE(CPU_ENTRY_SCRATCH, offsetof(struct cpu, entry_scratch));
	DEFINE(REGS_ORIG_RAX, offsetof(struct user_regs, orig_rax));
	DEFINE(REGS_CS, offsetof(struct user_regs, cs));
	DEFINE(REGS_RIP, offsetof(struct user_regs, rip));
	DEFINE(REGS_RSP, offsetof(struct user_regs, rsp));
}
