/* SPDX-License-Identifier: GPL-2.0-only */
/* Indices of programs' that a mispredicted test must not let through. */
#include "mck/arch.h"

u64 arch_index_nospec(u64 index, u64 size)
{
	u64 mask;

	/* All ones by the borrow of index - size: computed, where a branch would be guessed. */
	__asm__ volatile("cmp %1, %2; sbb %0, %0" : "=r"(mask) : "r"(size), "r"(index) : "cc");
	return index & mask;
}
