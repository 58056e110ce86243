/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place that knows how Linux versions differ. */
#ifndef IHK_COMPAT_H
#define IHK_COMPAT_H

#include <linux/device.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ihk.ko needs Linux 6.1 or newer"
#endif

/* 6.4 dropped the owner, 6.2 made the device of ->devnode const. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define compat_class_create(name) class_create(name)
#else
#define compat_class_create(name) class_create(THIS_MODULE, name)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define COMPAT_DEVNODE_CONST const
#else
#define COMPAT_DEVNODE_CONST
#endif

#endif
