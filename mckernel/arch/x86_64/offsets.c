/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled to assembly only: the offsets that the .S files need, as the compiler knows them. */
#include "mck/arch.h"
#include "mck/objects.h"
#include "x86.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

void offsets(void);
void offsets(void)
{
	DEFINE(CPU_KERNEL_STACK, offsetof(struct cpu, kernel_stack));
	DEFINE(CPU_ENTRY_SCRATCH, offsetof(struct cpu, entry_scratch));
	DEFINE(CPU_BOOT, offsetof(struct cpu, boot));
	DEFINE(CPU_CURRENT, offsetof(struct cpu, current));
	DEFINE(BOOT_CALLS_LOCAL, offsetof(struct boot_cpu, calls_local));
	DEFINE(THREAD_KPAGE, offsetof(struct thread, kpage));
	DEFINE(CALL_WORDS_MAX, CALL_WORDS);
	DEFINE(RETURN_BY_IRET, RFLAGS_RF | RFLAGS_TF);
	DEFINE(REGS_ORIG_RAX, offsetof(struct user_regs, orig_rax));
	DEFINE(REGS_CS, offsetof(struct user_regs, cs));
	DEFINE(REGS_RDI, offsetof(struct user_regs, rdi));
	DEFINE(REGS_RIP, offsetof(struct user_regs, rip));
	DEFINE(REGS_RSP, offsetof(struct user_regs, rsp));
}
