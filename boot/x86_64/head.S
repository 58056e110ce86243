/* SPDX-License-Identifier: GPL-2.0-only */
/* The first instructions of every CPU of the LWK. */

/*
 * In 64-bit mode on the module's tables, interrupts off, without a stack;
 * rdi = boot parameters, rsi = place (abi/boot.h). One CPU at a time: they
 * share the stack of the boot until they leave it for their idle thread's.
 *
 * void start_cpu(u64 boot_pa, u32 place), in main.c, does not return.
 */
	.section .text.start, "ax"
	.globl start
start:
	cli
	cld
	lea boot_stack_top(%rip), %rsp
	xor %ebp, %ebp
	push $0			/* the backtrace ends here */
	push $0
	call start_cpu
	ud2

	.bss
	.balign 16
	.skip 16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
