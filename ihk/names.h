/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comes before everything in each file of the module (see Kbuild): some names
 * of the contract are also Linux's, and ours get others here.
 */
#ifndef IHK_NAMES_H
#define IHK_NAMES_H

#ifndef __ASSEMBLY__
/* All headers of Linux that speak of theirs. */
#include <asm/bootparam.h>
#include <asm/setup.h>
#include <linux/cpu.h>
#include <linux/sched/topology.h>
#define boot_params lwk_boot_params
#define CPU_IDLE LWK_CPU_IDLE
#undef CPU_DEAD
#define CPU_DEAD LWK_CPU_DEAD
#endif

#endif
