/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of Linux's system calls, NR_<name>: the machine's own. */
#ifndef MCK_SYSNR_H
#define MCK_SYSNR_H

#include "mck/x86_64/sysnr.h"

#endif
