/* SPDX-License-Identifier: GPL-2.0-only */
/* Segment selectors, for C and assembly; those that programs see are Linux's. */
#ifndef X86_SEGMENTS_H
#define X86_SEGMENTS_H

#define GDT_ENTRIES 16
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define SYSRET_BASE 0x23 /* sysret takes CS from 16 above, SS from 8 above */
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40 /* two entries */
#define NODE_SELECTOR 0x7b /* limit: CPU in bits 0..11, node in bits 12..19 */

/* Stacks of their own for what can come at any instruction. */
#define IST_NMI 1
#define IST_DOUBLE_FAULT 2
#define IST_MACHINE_CHECK 3
#define IST_COUNT 3
/* A power of two: the stack's first word, found by masking, holds struct cpu. */
#define IST_STACK_SIZE 16384

#endif
