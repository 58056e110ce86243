/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes one LWK CPU from real mode to the image's entry in 64-bit mode.
 *
 * ihk/arch/x86_64/wakeup.c copies this into a page below 1 MiB, fills the
 * arguments at its end (struct trampoline_args), and sends SIPI. The CPU
 * starts at the page's first byte with cs = page >> 4 and leaves with
 * interrupts off, rdi = boot parameters, rsi = its place, and no stack. The
 * code finds out by itself where it lies; ebx = address of the page.
 */

#define CR0_PE 0x00000001
#define CR0_64 0x80050033 /* PG, AM, WP, NE, ET, MP, PE */
#define CR4_64 0x00000620 /* OSXMMEXCPT, OSFXSR, PAE */
#define MSR_EFER 0xc0000080
#define CODE_32 0x08
#define DATA_32 0x10
#define CODE_64 0x18

#define AT(label) ((label) - ihk_trampoline_start)

	.section .rodata, "a", @progbits
	.balign 16
	.globl ihk_trampoline_start, ihk_trampoline_args, ihk_trampoline_end

	.code16
ihk_trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	xorl %ebx, %ebx
	movw %ax, %bx
	shll $4, %ebx

	/* The three addresses that depend on where the page is. */
	leal AT(gdt)(%ebx), %eax
	movl %eax, AT(gdt_address)
	leal AT(in_32)(%ebx), %eax
	movl %eax, AT(far_32)
	leal AT(in_64)(%ebx), %eax
	movl %eax, AT(far_64)

	lgdtl AT(gdt_pointer)
	movl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl *AT(far_32)

	.code32
in_32:
	movw $DATA_32, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $CR4_64, %eax
	movl %eax, %cr4
	movl AT(arg_root)(%ebx), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	movl AT(arg_efer)(%ebx), %eax
	xorl %edx, %edx
	wrmsr
	movl $CR0_64, %eax
	movl %eax, %cr0
	ljmpl *AT(far_64)(%ebx)

	.code64
in_64:
	movl $1, AT(arg_started)(%rbx)
	movq AT(arg_params)(%rbx), %rdi
	movl AT(arg_place)(%rbx), %esi
	jmpq *AT(arg_entry)(%rbx)

	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00af9b000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
gdt_address:
	.long 0
far_32:
	.long 0
	.word CODE_32
far_64:
	.long 0
	.word CODE_64

	/* struct trampoline_args */
	.balign 8
ihk_trampoline_args:
arg_root:
	.quad 0
arg_entry:
	.quad 0
arg_params:
	.quad 0
arg_place:
	.long 0
arg_efer:
	.long 0
arg_started:
	.long 0
	.long 0
ihk_trampoline_end:

	.section .note.GNU-stack, "", @progbits
