// SPDX-License-Identifier: GPL-2.0-only
/* What a program's start means for the registers and flags of its task. */
#include <linux/personality.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <asm/cpufeature.h>
#include <asm/elf.h>
#include <asm/hwcap2.h>
#include <asm/mmu.h>

#include "arch/arch.h"

/* What SET_PERSONALITY2 does for a 64-bit program; its function is not exported. */
void ihk_program_native(void)
{
	clear_thread_flag(TIF_ADDR32);
	current_pt_regs()->orig_ax = __NR_execve;
	current_thread_info()->status &= ~TS_COMPAT;
	current->mm->context.flags = MM_CONTEXT_HAS_VSYSCALL;
	current->personality &= ~READ_IMPLIES_EXEC;
	if (!(current->personality & ADDR_NO_RANDOMIZE))
		current->flags |= PF_RANDOMIZE;
}

void ihk_program_start(u64 entry, u64 sp)
{
	struct pt_regs *regs = current_pt_regs();

	regs->bx = regs->cx = regs->dx = regs->si = regs->di = regs->bp = regs->ax = 0;
	regs->r8 = regs->r9 = regs->r10 = regs->r11 = 0;
	regs->r12 = regs->r13 = regs->r14 = regs->r15 = 0;
	start_thread(regs, entry, sp);
}

void ihk_program_hwcap(abi_u64 *hwcap, abi_u64 *hwcap2)
{
	*hwcap = boot_cpu_data.x86_capability[CPUID_1_EDX];
	*hwcap2 = boot_cpu_has(X86_FEATURE_FSGSBASE) ? HWCAP2_FSGSBASE : 0;
}
