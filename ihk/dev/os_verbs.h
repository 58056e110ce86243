/* SPDX-License-Identifier: GPL-2.0-only */
/* An ioctl of an OS instance, with all that it reads and writes. */
#ifndef IHK_OS_VERBS_H
#define IHK_OS_VERBS_H

#include "abi/ioctl.h"
#include "base/image.h"
#include "object/object.h"
#include "os/os.h"

union os_arg {
	struct ihk_verb verb;
	struct ihk_list list;
	struct ihk_text text;
	struct ihk_os_counters counters;
	struct ihk_launch launch;
	struct ihk_build_id build_id;
};

/*
 * What an ioctl reads and writes beside its argument: a list, a text, a file.
 * All of it comes in before os->lock is taken and goes out after it is free:
 * the caller's page, or the file, may be one that its server never brings, and
 * the lock is what everybody else waits for.
 */
struct cargo {
	void *in; /* the caller's list or text */
	struct ihk_image image; /* the file to load */
	struct ihk_overcommit linux_has; /* for a boot */
	void *out; /* the answer: a list's elements, or text */
	u32 count; /* of the answer, */
	size_t element; /* and the size of each */
};

/* What is done under os->lock, which is held. 0 or -errno. */
long ihk_os_do(struct ihk_os *os, unsigned int cmd, union os_arg *arg, struct cargo *cargo);

#endif
