/* SPDX-License-Identifier: GPL-2.0-only */
/* LWK images as files: what is checked before anything of one is believed. */
#ifndef IHK_IMAGE_H
#define IHK_IMAGE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#endif

#include "abi/boot.h"

/* A checked image. The file's bytes belong to whoever holds this. */
struct ihk_image {
	void *file; /* NULL: none is loaded */
	abi_u64 file_size;
	abi_u64 entry;
	abi_u64 size; /* bytes from LWK_LINK_BASE on, page-aligned */
	bool programs; /* it runs programs */
};

/*
 * Check the ELF file at `file` and fill `image`. 0, or -ENOEXEC with a
 * sentence in `msg` that names what is wrong. Pure: runs in unit tests too.
 */
int image_check(const void *file, abi_u64 size, struct ihk_image *image, char *msg,
		unsigned int msg_size);

/* Put a checked image where `place` points: image->size bytes, of which all are written. */
void image_copy(const struct ihk_image *image, void *place);

#endif
