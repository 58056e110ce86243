/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways into the kernel from programs, exceptions and interrupts, and the ways back. */
#include "generated/offsets.h"
#include "segments.h"

/*
 * All ways in build a struct user_regs: for an entry from user mode it lies
 * at the top of the thread's kernel stack. Interrupts are off in the kernel.
 * %gs is the program's while its code runs and struct cpu in the kernel.
 */
.macro SAVE_BELOW_RDI
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro RESTORE_BELOW_RDI
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
.endm

/* Exceptions leave AC as it was: a program's, or that of a copy to user memory. */
.macro CLEAR_AC
	testb $1, smap_on(%rip)
	jz .Lno_smap\@
	clac
.Lno_smap\@:
.endm

/* Before a program runs: what the kernel left in the CPU's buffers, where Linux does so. */
.macro CLEAR_BUFFERS
	testb $1, mds_on(%rip)
	jz .Lno_mds\@
	verw buffer_segment(%rip)
.Lno_mds\@:
.endm

	.text

/*
 * The syscall instruction: rcx = return address, r11 = flags, rax = number,
 * on the program's stack. SFMASK has cleared IF, TF, DF, AC, NT.
 *
 * A call whose answer is a word of the thread's page goes back at once. To all
 * others the CPU is in its program meanwhile: nothing is charged or looked at, and
 * who wants something sends an interrupt, which waits for these few instructions.
 *
 * void syscall_enter(struct user_regs *regs)
 * int exit_to_user(struct user_regs *regs)
 */
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	swapgs				/* without a condition, so without a fence */
	mov %rsp, %gs:CPU_ENTRY_SCRATCH
	mov %gs:CPU_KERNEL_STACK, %rsp
	push $USER_DS
	push %gs:CPU_ENTRY_SCRATCH
	push %r11
	push $USER_CS
	push %rcx
	cmp $CALL_WORDS_MAX, %eax
	sbb %ecx, %ecx			/* all ones below it, computed: a branch would be guessed */
	and %eax, %ecx
	movzwl call_words(, %rcx, 2), %ecx
	test %ecx, %ecx
	jz .Lcall
	test $RETURN_BY_IRET, %r11d
	jnz .Lcall
	mov %gs:CPU_BOOT, %rax
	incq BOOT_CALLS_LOCAL(%rax)
	mov %gs:CPU_CURRENT, %rax
	mov THREAD_KPAGE(%rax), %rax
	mov (%rax, %rcx), %eax
	CLEAR_BUFFERS
	pop %rcx
	mov %gs:CPU_ENTRY_SCRATCH, %rsp
	swapgs
	sysretq
.Lcall:
	push %rax
	push %rdi
	mov REGS_RIP - REGS_RDI(%rsp), %rcx
	SAVE_BELOW_RDI
	mov %rsp, %rbx
	sub $8, %rsp			/* the ABI's alignment */
	xor %ebp, %ebp			/* the backtrace ends here */
	mov %rbx, %rdi
	call syscall_enter
	mov %rbx, %rsp
	jmp leave_kernel
	.size syscall_entry, . - syscall_entry

/*
 * void enter_user(struct user_regs *regs), does not return: a new thread's
 * first way out, with regs at the top of its stack.
 */
	.globl enter_user
	.type enter_user, @function
enter_user:
	mov %rdi, %rsp
leave_kernel:
	mov %rsp, %rbx
	sub $8, %rsp
	xor %ebp, %ebp
	mov %rbx, %rdi
	call exit_to_user
	mov %rbx, %rsp
	CLEAR_BUFFERS
	test %eax, %eax
	jz leave_by_iret
	RESTORE_BELOW_RDI
	/* rcx and r11 hold rip and rflags: exit_to_user() has seen to it */
	pop %rdi
	mov REGS_RSP - REGS_ORIG_RAX(%rsp), %rsp
	swapgs
	sysretq
leave_by_iret:
	RESTORE_BELOW_RDI
	pop %rdi
	add $8, %rsp
	swapgs
	iretq
	.size enter_user, . - enter_user

/*
 * Exceptions and interrupts: the stub has pushed an error code, or -1, and
 * the vector, which lies where rdi is to be saved.
 *
 * void trap_enter(u64 vector, struct user_regs *regs)
 */
	.type trap_common, @function
trap_common:
	xchg %rdi, (%rsp)
	SAVE_BELOW_RDI
	cld
	mov %rsp, %rbx
	mov %rsp, %rsi
	/*
	 * Whether to exchange %gs is a guess until CS has been read: a wrong one
	 * must not reach an instruction that uses %gs, either way.
	 */
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
	lfence
	CLEAR_AC
	sub $8, %rsp
	xor %ebp, %ebp
	call trap_enter
	mov %rbx, %rsp
	jmp leave_kernel
1:	/* from the kernel: user copies and the halt; rbp goes on to the interrupted frame */
	lfence
	CLEAR_AC
	and $-16, %rsp
	call trap_enter
	mov %rbx, %rsp
	RESTORE_BELOW_RDI
	pop %rdi
	add $8, %rsp
	iretq
	.size trap_common, . - trap_common

/*
 * NMI, double fault, machine check, on their own stacks: they may find any
 * GS base, so it is set by what the stack's first word says, and put back.
 *
 * void trap_ist(u64 vector, struct user_regs *regs)
 */
	.type trap_ist_common, @function
trap_ist_common:
	xchg %rdi, (%rsp)
	SAVE_BELOW_RDI
	cld
	mov %rsp, %rbx
	mov $0xc0000101, %ecx		/* MSR_GS_BASE */
	rdmsr
	mov %eax, %r12d
	mov %edx, %r13d
	mov %rsp, %rsi
	and $-IST_STACK_SIZE, %rsi
	mov (%rsi), %rax
	mov %rax, %rdx
	shr $32, %rdx
	wrmsr
	CLEAR_AC
	mov %rbx, %rsi
	and $-16, %rsp
	call trap_ist
	mov $0xc0000101, %ecx
	mov %r12d, %eax
	mov %r13d, %edx
	wrmsr
	mov %rbx, %rsp
	RESTORE_BELOW_RDI
	pop %rdi
	add $8, %rsp
	iretq
	.size trap_ist_common, . - trap_ist_common

/* One stub for each vector; these exceptions push an error code themselves. */
.macro STUB vector
	.balign 16
	.Lstub\vector:
	.if \vector != 8 && (\vector < 10 || \vector > 14) && \vector != 17 && \vector != 21 && \vector != 29 && \vector != 30
	push $-1
	.endif
	push $\vector
	.if \vector == 2 || \vector == 8 || \vector == 18
	jmp trap_ist_common
	.else
	jmp trap_common
	.endif
.endm
.macro STUB_ADDRESS vector
	.quad .Lstub\vector
.endm

	.altmacro
	.type trap_stub_code, @function
trap_stub_code:
	.set i, 0
	.rept 256
	STUB %i
	.set i, i + 1
	.endr
	.size trap_stub_code, . - trap_stub_code

	.section .rodata
	.balign 8
buffer_segment:
	.quad KERNEL_DS
	.globl trap_stubs
trap_stubs:
	.set i, 0
	.rept 256
	STUB_ADDRESS %i
	.set i, i + 1
	.endr

	.section .note.GNU-stack, "", @progbits
