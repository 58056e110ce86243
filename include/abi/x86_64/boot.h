/* SPDX-License-Identifier: GPL-2.0-only */
/* How an image starts on x86-64, and what it is told of the machine; the rest is in abi/boot.h. */
#ifndef ABI_X86_64_BOOT_H
#define ABI_X86_64_BOOT_H

/*
 * The image's ELF file is one for this machine, linked at LWK_LINK_BASE: in
 * the top 2 GiB, which 32-bit displacements reach. Each CPU reaches e_entry in
 * 64-bit mode with interrupts off, rdi = physical (= virtual) address of struct
 * lwk_boot_params, rsi = its place.
 */
#define LWK_LINK_BASE 0xffffffff80000000UL
#define LWK_ELF_MACHINE 62 /* EM_X86_64 */
#define LWK_ELF_MACHINE_32 3 /* EM_386: of its 32-bit programs */
#define LWK_ELF_MACHINE_NAME "x86-64"

/* Vector by which Linux rings an LWK CPU. */
#define LWK_DOORBELL_VECTOR 0xf0

/* lwk_boot_params.mitigations */
#define BOOT_MITIGATE_RETPOLINE (1UL << 0)
#define BOOT_MITIGATE_IBRS (1UL << 1)
#define BOOT_MITIGATE_IBPB (1UL << 2)
#define BOOT_MITIGATE_MDS (1UL << 3)
#define BOOT_MITIGATE_PTI (1UL << 4)

#endif
