/* SPDX-License-Identifier: GPL-2.0-only */
/* The first bytes of mcproxy.bin: where the module finds its entries. */
#ifndef ABI_PROXY_H
#define ABI_PROXY_H

#include "abi.h"

#define PROXY_MAGIC 0x59584f5250434dUL /* "MCPROXY" */

/* All addresses are those at which the proxy is linked and mapped (PROXY_TEXT and up). */
struct proxy_header {
	abi_u64 magic;
	abi_u32 abi_version;
	abi_u32 size; /* bytes of the file */
	abi_u64 entry; /* a first twin starts here, its first argument is its slot number */
	abi_u64 catcher; /* sa_sigaction of every caught signal */
	abi_u64 restorer; /* its sa_restorer */
	abi_u64 reserved[3];
};

#endif
