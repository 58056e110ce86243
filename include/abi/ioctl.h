/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of /dev/mcd0 (the machine) and /dev/mcosN (an OS instance). */
#ifndef ABI_IOCTL_H
#define ABI_IOCTL_H

#include "abi.h"
#include "boot.h"

/* Every structure has room for one sentence: what was refused, and by which rule. */
#define IHK_MSG_SIZE 192

/* Numbers by the kernel's _IOC layout, without its headers: direction is always read|write. */
#define IHK_IOC(nr, type) (0xc0000000u | ((abi_u32)sizeof(type) << 16) | (0xa5u << 8) | (nr))

/* A list in the caller's memory. Queries: count is the room given, and then what there is. */
#define IHK_LIST_MAX 8192

struct ihk_list {
	abi_u64 address; /* of the first element */
	abi_u32 count;
	abi_u32 reserved;
	char msg[IHK_MSG_SIZE]; /* out */
};

/* Element of a list of memory. */
#define IHK_MEM_ALL (~0UL) /* as size: all that the node can give, or all that is there */

struct ihk_mem {
	abi_u64 size; /* bytes, a multiple of IHK_MEM_UNIT */
	abi_u32 node;
	abi_u32 reserved;
};
#define IHK_MEM_UNIT 0x400000UL /* 4 MiB */

/* Element of an IKC map: which Linux CPU serves an LWK CPU, both by Linux's numbers. */
struct ihk_ikc_pair {
	abi_u32 lwk_cpu;
	abi_u32 linux_cpu;
};

/* A verb that takes no more than one number. */
struct ihk_verb {
	abi_s32 value; /* in or out, as said at each verb */
	abi_u32 reserved;
	char msg[IHK_MSG_SIZE]; /* out */
};

/* A piece of text in the caller's memory. */
struct ihk_text {
	abi_u64 address;
	abi_u64 size; /* in: bytes there; kmsg: room, and then what there is */
	char msg[IHK_MSG_SIZE]; /* out */
};

/* ---- /dev/mcd0: all but queries need CAP_SYS_ADMIN ---- */

#define IHK_CREATE IHK_IOC(0x01, struct ihk_verb) /* out: index of the instance */
#define IHK_DESTROY IHK_IOC(0x02, struct ihk_verb) /* in: index */
#define IHK_RESERVE_CPU IHK_IOC(0x03, struct ihk_list) /* of abi_u32 */
#define IHK_RELEASE_CPU IHK_IOC(0x04, struct ihk_list)
#define IHK_QUERY_CPU IHK_IOC(0x05, struct ihk_list) /* reserved, and not assigned */
#define IHK_RESERVE_MEM IHK_IOC(0x06, struct ihk_list) /* of struct ihk_mem */
#define IHK_RELEASE_MEM IHK_IOC(0x07, struct ihk_list)
#define IHK_QUERY_MEM IHK_IOC(0x08, struct ihk_list) /* reserved, and not assigned */
#define IHK_GET_INSTANCES IHK_IOC(0x09, struct ihk_list) /* of abi_u32 */

/* The module's own reckoning, in pages of 4 KiB since it was loaded. */
struct ihk_machine_counters {
	abi_u64 pages_reserved; /* taken from Linux */
	abi_u64 pages_returned; /* given back, free at that moment */
	abi_u64 pages_late; /* given back, but freed by their last holder, later */
	abi_u64 pages_held; /* reserved now, assigned or not */
	abi_u64 cpus_held;
	abi_u64 instances;
	char msg[IHK_MSG_SIZE];
};
#define IHK_GET_COUNTERS IHK_IOC(0x0a, struct ihk_machine_counters)

/* Which boot ABI the module has, or the image that is loaded. */
struct ihk_build_id {
	abi_u64 abi_version;
	abi_u64 abi_hash;
	char msg[IHK_MSG_SIZE];
};
#define IHK_GET_BUILD_ID IHK_IOC(0x0b, struct ihk_build_id)

/* ---- /dev/mcosN: all but LAUNCH and queries need CAP_SYS_ADMIN ---- */

#define IHK_OS_ASSIGN_CPU IHK_IOC(0x20, struct ihk_list) /* order is that of the places */
#define IHK_OS_RELEASE_CPU IHK_IOC(0x21, struct ihk_list)
#define IHK_OS_QUERY_CPU IHK_IOC(0x22, struct ihk_list)
#define IHK_OS_ASSIGN_MEM IHK_IOC(0x23, struct ihk_list)
#define IHK_OS_RELEASE_MEM IHK_IOC(0x24, struct ihk_list)
#define IHK_OS_QUERY_MEM IHK_IOC(0x25, struct ihk_list)
#define IHK_OS_SET_IKC_MAP IHK_IOC(0x26, struct ihk_list) /* of struct ihk_ikc_pair */
#define IHK_OS_GET_IKC_MAP IHK_IOC(0x27, struct ihk_list)
#define IHK_OS_LOAD IHK_IOC(0x28, struct ihk_verb) /* in: descriptor of the image */
#define IHK_OS_KARGS IHK_IOC(0x29, struct ihk_text)
#define IHK_OS_BOOT IHK_IOC(0x2a, struct ihk_verb)
#define IHK_OS_SHUTDOWN IHK_IOC(0x2b, struct ihk_verb)
#define IHK_OS_STATUS IHK_IOC(0x2c, struct ihk_verb) /* out: enum os_status */
#define IHK_OS_KMSG IHK_IOC(0x2d, struct ihk_text)
#define IHK_OS_CLEAR_KMSG IHK_IOC(0x2e, struct ihk_verb)

struct ihk_os_counters {
	struct lwk_counters lwk; /* what the LWK says itself */
	/* sums over its CPUs */
	abi_u64 calls_local;
	abi_u64 calls_offloaded;
	abi_u64 faults;
	abi_u64 interrupts;
	abi_u64 doorbells_sent;
	abi_u64 switches;
	/* the module's own */
	abi_u64 pages_assigned;
	abi_u64 pages_in_quarantine;
	abi_u64 proxies; /* alive */
	abi_u64 refused_messages; /* words and calls from the LWK that made no sense */
	abi_u64 boots; /* of this instance, since it was created */
	abi_u64 reserved[5];
	char msg[IHK_MSG_SIZE];
};
#define IHK_OS_COUNTERS IHK_IOC(0x2f, struct ihk_os_counters)
#define IHK_OS_BUILD_ID IHK_IOC(0x30, struct ihk_build_id)

/* IHK_OS_LAUNCH on /dev/mcosN: the caller's next execve goes to the LWK. Needs write access. */
struct ihk_launch {
	abi_s32 lwk_cpu; /* in: LWK CPU to start on, -1: any */
	abi_u32 reserved;
	char msg[IHK_MSG_SIZE]; /* out */
};
#define IHK_OS_LAUNCH IHK_IOC(0x40, struct ihk_launch)

#endif
