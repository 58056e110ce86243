/* SPDX-License-Identifier: GPL-2.0-only */
/* The proxy's code as a piece of the module's read-only data; the build names the file. */

	.section .rodata, "a"
	.balign 64
	.globl ihk_mcproxy_start, ihk_mcproxy_end
ihk_mcproxy_start:
	.incbin MCPROXY_FILE
ihk_mcproxy_end:

	.section .note.GNU-stack, "", @progbits
