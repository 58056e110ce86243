/* SPDX-License-Identifier: GPL-2.0-only */
/* What every room may use, and what uses none. */
#ifndef IHK_BASE_H
#define IHK_BASE_H

#include <linux/fs.h>
#include <linux/types.h>

#include "abi/ioctl.h"

/*
 * Functions with a `msg` (IHK_MSG_SIZE bytes) leave a sentence there when they
 * refuse, and have changed nothing then.
 */

/* Write the sentence and return err, for `return ihk_refuse(...)`. */
int ihk_refuse(char *msg, int err, const char *fmt, ...) __printf(3, 4);

/* ---- pseudofs.c ---- */

/*
 * A file of its own inode, for ->mmap. Its ->release must call
 * ihk_pseudo_release(). The module stays as long as the file.
 */
struct file *ihk_pseudo_file(const char *name, const struct file_operations *fops, void *private);
void ihk_pseudo_release(void);
int ihk_pseudo_pin(void); /* keep the file system itself; ihk_pseudo_release() lets go */

#endif
