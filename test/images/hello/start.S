/* SPDX-License-Identifier: GPL-2.0-only */
/* void start(struct lwk_boot_params *params, u64 place): gives each CPU a stack, and calls main. */
	.text
	.globl start
start:
	cld
	lea stacks(%rip), %rsp
	mov %rsi, %rax
	inc %rax
	shl $13, %rax /* STACK_SIZE of hello.c */
	add %rax, %rsp
	xor %ebp, %ebp
	call hello_main
	ud2

	.section .note.GNU-stack, "", @progbits
