/* SPDX-License-Identifier: GPL-2.0-only */
/* How libihk's files talk to the module. */
#ifndef LIBIHK_DEVICE_H
#define LIBIHK_DEVICE_H

#include "ihk/ihklib.h"

enum device { DEVICE_MACHINE, DEVICE_OS };

/*
 * One ioctl on /dev/mcd<index> or /dev/mcos<index>. `msg` is where in `arg`
 * the module leaves its sentence. 0 or -errno, and then ihk_refusal() is set.
 */
int device_call(enum device device, int index, unsigned int cmd, void *arg, char *msg);

/* -EINVAL, with a sentence, for what no list can be: IHK's tests hand such things in. */
int device_check_list(const void *list, int count);

/* ioctls on lists; the elements are those of the ABI. Queries return how many there are. */
int device_list(enum device device, int index, unsigned int cmd, const void *list, int count);
int device_query(enum device device, int index, unsigned int cmd, void *list, int count);
/* Of numbers; those that the list has room for and are not there any more are -1. */
int device_int_query(enum device device, int index, unsigned int cmd, int *list, int count);

/* The same for memory, whose elements differ between library and ABI; not there: 0 bytes of node -1. */
int device_mem_list(enum device device, int index, unsigned int cmd,
		    const struct ihk_mem_chunk *chunks, int count);
int device_mem_query(enum device device, int index, unsigned int cmd, struct ihk_mem_chunk *chunks,
		     int count);

/* Set the sentence from errno and return -errno. */
int refuse_errno(const char *what);

#endif
