/* SPDX-License-Identifier: GPL-2.0-only */
/* A file system that a test serves by itself: one directory, with files that only answer what it wants. */
#ifndef FUSE_H
#define FUSE_H

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FUSE_NODE_FIRST (FUSE_ROOT_ID + 1) /* of names[0]; the others follow */
#define FUSE_REQUEST_MAX (128UL << 10)

struct fuse_files {
	const char *const *names; /* NULL behind the last */
	uid_t owner;
	struct fuse_init_out init; /* but for the version */
	size_t (*size)(uint64_t node);
	/* Answers by fuse_answer(), now, later or never. */
	void (*read)(uint64_t unique, uint64_t node, const struct fuse_read_in *in);
	/* Answers what is due; milliseconds until it wants to be called again, -1: it does not. Or NULL. */
	int (*due)(void);
};

/* Mount it at the directory, as root, and become its owner. */
void fuse_mount(const struct fuse_files *files, const char *directory);
/* Until killed. */
void fuse_serve(const struct fuse_files *files) __attribute__((noreturn));
void fuse_answer(uint64_t unique, int error, const void *body, size_t size);

#endif
