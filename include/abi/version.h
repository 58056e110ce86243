/* SPDX-License-Identifier: GPL-2.0-only */
/* A hash over the layout of the contract, checked at load beside the hand-raised number. */
#ifndef ABI_VERSION_H
#define ABI_VERSION_H

#include "boot.h"
#include "pte.h"
#include "slot.h"

#define ABI_MIX(h, v) (((h) ^ (abi_u64)(v)) * 0x100000001b3UL)

/* Folded by the compiler; changes when a structure, a table size or a key offset does. */
#define ABI_HASH                                                                                              \
	ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(ABI_MIX(0xcbf29ce484222325UL, \
											sizeof(struct         \
											       boot_params)), \
										sizeof(struct                 \
										       boot_cpu)),            \
									sizeof(struct ring)),                 \
								sizeof(struct ikc_call)),                     \
							sizeof(struct ikc_lcall)),                            \
						sizeof(struct slot)),                                         \
					sizeof(struct kpage)),                                                \
				sizeof(struct exec_image)),                                                   \
			__builtin_offsetof(struct kpage, kresult)),                                           \
		__builtin_offsetof(struct slot, siginfo))

#endif
