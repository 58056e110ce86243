/* SPDX-License-Identifier: GPL-2.0-only */
/* Where things lie in the address space of a proxy process. */
#ifndef ABI_LAYOUT_H
#define ABI_LAYOUT_H

#include "abi.h"

/*
 * The window belongs to the proxy and to Linux; the program gets nothing in
 * it. Everything below it is the shadow, which shows the program's own pages
 * at the program's own addresses.
 *
 * The order matters: dup_mmap() walks upwards, the shadow and the slots are
 * VM_DONTCOPY and subtracted from the child's total_vm, and the control
 * mapping, the last that counts, repairs the sum in its ->open.
 */
#define SHADOW_END 0x00007ffe00000000UL
#define WINDOW_START SHADOW_END

/*
 * Programs get nothing below, as vm.mmap_min_addr is by default: but those
 * with CAP_SYS_RAWIO may. The shadow begins here too, and at 0 in the proxy of
 * a program that had the capability when its shadow was mapped.
 */
#define SHADOW_START 0x0000000000010000UL

/*
 * Mappings that Linux places by itself (io_setup, shmat) land here: 1.5 GiB.
 * The window takes 8 GiB in all, which are what a program misses of Linux's
 * 128 TiB.
 */
#define WINDOW_SPARE_START 0x00007ffe10000000UL
#define WINDOW_SPARE_END 0x00007ffe70000000UL

/*
 * Two stacks per slot, private anonymous: the alternate signal stack, which has
 * room for the largest frame of a signal (some 12 KiB with AMX), and above it the
 * stack that a twin made by CLONE_VM runs on. The first twin of a space runs on
 * Linux's own stack. The catcher finds its slot by its stack pointer: a thread
 * that has caught nothing has touched one page here.
 *
 * All threads share these mappings: a thread costs none of its own, and mapping
 * nothing it does not wait for those who only enter the module.
 *
 * Those of the first slots are a mapping of their own, which ends with a GiB;
 * in the next GiB are the others only. Linux copies and takes down page tables
 * of 2 MiB one by one, used or not, but looks once at a GiB that has none.
 */
#define PROXY_STACKS 0x00007ffe7ffc0000UL
#define PROXY_STACK_STRIDE 0x10000UL
#define PROXY_NEAR_STACKS 4UL
#define PROXY_ALTSTACK_SIZE 0x8000UL

#define PROXY_TEXT 0x00007fffc0000000UL /* mcproxy is linked here */
#define PROXY_TEXT_SIZE 0x10000UL

/*
 * One page per thread of the space, mapped shared, not inherited by fork. Twice
 * as many as a C library's threads can be: each of them has two mappings, and a
 * process 65,530.
 */
#define PROXY_SLOTS 0x00007fffc1000000UL
#define PROXY_SLOT_COUNT 65536UL

/* msync() on page n of this mapping is how the owner of slot n enters the module. */
#define PROXY_CONTROL 0x00007fffe0000000UL

/* setup_arg_pages() ends Linux's stack here. */
#define PROXY_ARG_TOP 0x00007ffffffff000UL

#endif
