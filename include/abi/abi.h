/* SPDX-License-Identifier: GPL-2.0-only */
/* The vocabulary of the contract between the worlds: types, version, limits. */
#ifndef ABI_ABI_H
#define ABI_ABI_H

/*
 * These headers compile in the Linux module, in the LWK, in the proxy and in
 * user space, and include nothing of any of them. A pointer of another world
 * is always a number here.
 */
typedef __UINT8_TYPE__ abi_u8;
typedef __UINT16_TYPE__ abi_u16;
typedef __UINT32_TYPE__ abi_u32;
typedef __UINT64_TYPE__ abi_u64;
typedef __INT32_TYPE__ abi_s32;
typedef __INT64_TYPE__ abi_s64;

/* Raised by hand whenever the meaning of anything below include/abi/ changes. */
#define ABI_VERSION 5

#define ABI_PAGE_SIZE 4096
#define ABI_PAGE_SHIFT 12

/* Limits of both kernels' tables. */
#define ABI_MAX_CPUS 256 /* CPU places of one instance */
#define ABI_MAX_NODES 8
#define ABI_MAX_CHUNKS 1024 /* memory ranges of one instance */
#define ABI_MAX_OS 64
/*
 * Threads of one instance alive at once: as many as Linux has numbers for tasks
 * (PID_MAX_LIMIT), so that Linux's limits and memory are met first. Nothing is
 * sized by it: what is kept of a thread is allocated with it.
 */
#define ABI_MAX_TWINS 0x400000

#endif
