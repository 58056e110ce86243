/* SPDX-License-Identifier: GPL-2.0-only */
/* The proxy's header, its first instruction, and the places where registers must be named. */

#include "offsets.h"

	.section .head, "a"
	.globl proxy_header
proxy_header:
	.quad 0x59584f5250434d		/* PROXY_MAGIC; offsets.c proves the layout */
	.long PROXY_ABI_VERSION
	.long proxy_size
	.quad proxy_start
	.quad proxy_catch
	.quad proxy_restore
	.quad 0, 0, 0

	.text

/*
 * void proxy_start(slot number in rdi): from the module, on Linux's stack, all
 * other registers zero.
 */
	.globl proxy_start
proxy_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	serve
	ud2

/*
 * long proxy_call(struct slot *slot)
 *
 * SYSCALL leaves its return address in rcx, and rcx is zero before: so
 * rcx == proxy_call_end at proxy_call_insn proves that the kernel was entered
 * and left to be restarted. The catcher tells by rip, rcx and rax what became
 * of the call, and goes on at proxy_call_end. A request whose number the
 * catcher has noted in aborted_seq is not started any more.
 */
	.globl proxy_call, proxy_call_start, proxy_call_insn, proxy_call_end
proxy_call:
	pushq	%rbx
	movq	%rdi, %rbx
	movl	SLOT_SEQ(%rbx), %edx
proxy_call_start:
	cmpl	%edx, SLOT_ABORTED_SEQ(%rbx)
	je	1f
	movq	SLOT_NR(%rbx), %rax
	movq	SLOT_ARG+0(%rbx), %rdi
	movq	SLOT_ARG+8(%rbx), %rsi
	movq	SLOT_ARG+16(%rbx), %rdx
	movq	SLOT_ARG+24(%rbx), %r10
	movq	SLOT_ARG+32(%rbx), %r8
	movq	SLOT_ARG+40(%rbx), %r9
	xorl	%ecx, %ecx
proxy_call_insn:
	syscall
proxy_call_end:
	popq	%rbx
	ret
1:	movl	$CALL_NOT_STARTED_, SLOT_OUTCOME(%rbx)
	jmp	proxy_call_end

/*
 * long proxy_clone_call(slot, number, three arguments, slot number of the child or -1)
 *
 * clone or clone3 under the same rules, so that a signal to a whole process group meets
 * it as Linux has it: either before, and then the call is repeated behind the
 * handler, or afterwards, and then the child has it too. The parent returns
 * with its result, and so does a child on its copy of the stack (-1); one with a
 * stack of its own has nothing but its registers, and goes to serve().
 */
	.globl proxy_clone_call, proxy_clone_start, proxy_clone_insn, proxy_clone_end
proxy_clone_call:
	pushq	%rbx
	movq	%r9, %rbx
	movq	%rdi, %r9
	movq	%rsi, %r10
	movq	%rcx, %rsi
	movl	SLOT_SEQ(%r9), %eax
proxy_clone_start:
	cmpl	%eax, SLOT_ABORTED_SEQ(%r9)
	je	2f
	movq	%rdx, %rdi
	movq	%r8, %rdx
	movq	%r10, %rax
	xorl	%r10d, %r10d
	xorl	%r8d, %r8d
	xorl	%ecx, %ecx
proxy_clone_insn:
	syscall
proxy_clone_end:
	testq	%rax, %rax
	jnz	1f
	testq	%rbx, %rbx
	jns	3f
1:	popq	%rbx
	ret
2:	movl	$CALL_NOT_STARTED_, SLOT_OUTCOME(%r9)
	movq	$-1, %rax
	jmp	1b
3:	xorl	%ebp, %ebp
	movq	%rbx, %rdi
	andq	$-16, %rsp
	call	serve
	ud2

/* The handler as Linux calls it: rdi, rsi, rdx hold its arguments, (rsp) the restorer. */
	.globl proxy_catch
proxy_catch:
	cld
	jmp	proxy_catcher

	.globl proxy_restore
proxy_restore:
	movl	$NR_RT_SIGRETURN_, %eax
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits
