/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices, by which the machine and its instances are ruled. */
#ifndef IHK_DEV_H
#define IHK_DEV_H

#include <linux/types.h>

#include "abi/ioctl.h"

struct device;
struct ihk_os;

/* ---- os_dev.c: /dev/mcosN, and machine_dev.c: /dev/mcd0 ---- */

/* Of a list of ioctls in abi/contract.h: the cases of a switch that answers who may. */
#define IHK_MAY_ANY false
#define IHK_MAY_WRITER false
#define IHK_MAY_ADMIN true
#define IHK_NEEDS_ADMIN(name, number, type, who, state, errors) \
	case name:                                              \
		return IHK_MAY_##who;

int ihk_os_dev_init(void);
void ihk_os_dev_exit(void);
/* For the table of base/up.h. */
struct device *ihk_os_dev_add(struct ihk_os *os);
void ihk_os_dev_remove(struct ihk_os *os);
int ihk_machine_dev_init(void);
void ihk_machine_dev_exit(void);
/* A copy of the caller's list, to be kvfree'd, or NULL when it is empty, or ERR_PTR. */
void *ihk_list_get(const struct ihk_list *list, size_t element, char *msg);
/* The answer to a query: give what fits of `count` elements and say how many there are. */
int ihk_list_put(struct ihk_list *list, const void *from, u32 count, size_t element);

#endif
