/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled to assembly only: the numbers that entry.S needs, as the compiler knows them. */
#include "abi/contract.h"
#include "arch.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

_Static_assert(PROXY_MAGIC == 0x59584f5250434d, "the magic in entry.S");

void offsets(void);
void offsets(void)
{
	DEFINE(PROXY_ABI_VERSION, ABI_VERSION);
	DEFINE(SLOT_SEQ, __builtin_offsetof(struct slot, seq));
	DEFINE(SLOT_NR, __builtin_offsetof(struct slot, nr));
	DEFINE(SLOT_ARG, __builtin_offsetof(struct slot, arg));
	DEFINE(SLOT_OUTCOME, __builtin_offsetof(struct slot, outcome));
	DEFINE(SLOT_ABORTED_SEQ, __builtin_offsetof(struct slot, aborted_seq));
	DEFINE(CALL_NOT_STARTED_, CALL_NOT_STARTED);
	DEFINE(NR_RT_SIGRETURN_, NR_RT_SIGRETURN);
}
