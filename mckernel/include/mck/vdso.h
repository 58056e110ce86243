/* SPDX-License-Identifier: GPL-2.0-only */
/* The vDSO, an ELF file linked into the image (vdso/blob.S). */
#ifndef MCK_VDSO_H
#define MCK_VDSO_H

#include "mck/lib.h"

extern const u8 vdso_start[], vdso_end[];

#endif
