// SPDX-License-Identifier: GPL-2.0-only
/* What arch/fake's MMU asks of mm/, for tests in which no program runs. */
#include "mck/mm.h"

u64 *pt_leaf(u64 root_pa, u64 va, int *level)
{
	(void)root_pa, (void)va, (void)level;
	return NULL;
}

enum fault_result space_fault_wait(struct space *s, u64 addr, enum access access)
{
	(void)s, (void)addr, (void)access;
	return FR_NOMAP;
}
