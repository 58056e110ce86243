/* SPDX-License-Identifier: GPL-2.0-only */
/* The ELF note by which the module knows the image's ABI. */
#include "abi/boot.h"
#include "abi/contract.h"

static const struct {
	abi_u32 name_size, desc_size, type;
	char name[4];
	struct boot_note desc;
} note __attribute__((used, section(".note.ihk"), aligned(4))) = {
	sizeof(BOOT_NOTE_NAME),
	sizeof(struct boot_note),
	BOOT_NOTE_TYPE,
	BOOT_NOTE_NAME,
	{ ABI_VERSION, 0, ABI_HASH, ABI_PROGRAM_HASH },
};
_Static_assert(sizeof(BOOT_NOTE_NAME) == 4, "the name needs no padding");
