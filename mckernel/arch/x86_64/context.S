/* SPDX-License-Identifier: GPL-2.0-only */
/* The switch from one kernel stack to another. */

/*
 * void context_switch(u64 *save_sp, u64 load_sp)
 *
 * Leaves the registers that a function must preserve on the old stack, and
 * returns on the new one, to whoever called context_switch() there.
 */
	.text
	.globl context_switch
	.type context_switch, @function
context_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size context_switch, . - context_switch

/*
 * Where the first switch to a new thread returns to (arch_thread_init()):
 * rbx = function, r12 = its argument, rbp = 0 to end the backtrace.
 */
	.globl thread_entry
	.type thread_entry, @function
thread_entry:
	mov %r12, %rdi
	call *%rbx
	ud2
	.size thread_entry, . - thread_entry

/*
 * void arch_run_on(u64 stack_top, void (*fn)(void)), does not return
 */
	.globl arch_run_on
	.type arch_run_on, @function
arch_run_on:
	mov %rdi, %rsp
	xor %ebp, %ebp
	push $0
	push $0
	call *%rsi
	ud2
	.size arch_run_on, . - arch_run_on

	.section .note.GNU-stack, "", @progbits
