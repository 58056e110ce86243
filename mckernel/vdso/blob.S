/* SPDX-License-Identifier: GPL-2.0-only */
/* Links the vDSO's file into the image; VDSO_FILE is given by the build. */
	.section .rodata
	.balign 4096
	.globl vdso_start, vdso_end
vdso_start:
	.incbin VDSO_FILE
vdso_end:
	.section .note.GNU-stack, "", @progbits
