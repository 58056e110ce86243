/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two kernels say to each other: words in the rings, calls in both directions. */
#ifndef ABI_IKC_H
#define ABI_IKC_H

#include "abi.h"
#include "ring.h"

/*
 * A word of a ring: kind in bits 0..7, index in bits 8..31, generation in
 * bits 32..63. Data never rides in it: it names a mailbox.
 */
#define IKC_WORD(kind, index, gen) \
	((abi_u64)(kind) | ((abi_u64)(index) << 8) | ((abi_u64)(abi_u32)(gen) << 32))
#define IKC_KIND(word) ((unsigned int)((word)&0xff))
#define IKC_INDEX(word) ((unsigned int)(((word) >> 8) & 0xffffff))
#define IKC_GEN(word) ((abi_u32)((word) >> 32))

/* LWK to Linux, in the ring of the sending LWK CPU. */
enum ikc_to_linux {
	IKC_REQUEST = 1, /* a twin has a request: index and generation of the twin */
	IKC_CALL_DONE = 2, /* the answer to a call: index of the call */
	IKC_LCALL = 3, /* the LWK asks the module itself: index of the lcall */
	IKC_STATUS = 4, /* boot_params.status changed */
};

/* Linux to LWK, in the ring of the receiving LWK CPU. */
enum ikc_to_lwk {
	IKC_CALL = 1, /* index of the call */
};

/* ---- calls: Linux asks the LWK ---- */

#define IKC_CALLS 256 /* at most this many wait at once; each is in one ring at most once */
#define IKC_CALL_ARGS 8
#define IKC_CALL_OUTS 6

enum ikc_state { IKC_FREE = 0, IKC_POSTED = 1, IKC_DONE = 2 };

struct ikc_call {
	/* written by Linux while not POSTED, read by the LWK while POSTED */
	abi_u32 op; /* enum call_op */
	abi_u32 gen;
	abi_u64 arg[IKC_CALL_ARGS];
	/* written by the LWK while POSTED, read by Linux while DONE */
	abi_s64 ret; /* 0 or more, or -errno */
	abi_u64 out[IKC_CALL_OUTS];
	/*
	 * Linux: FREE or DONE -> POSTED (release), by the task that has the slot
	 * in the module's own table; LWK: POSTED -> DONE (release). A slot whose
	 * call was given up is in that table until it reads DONE.
	 */
	abi_u32 state;
	abi_u32 pad;
};

enum call_op {
	/* Answer at once. Used to see whether a CPU lives. */
	CALL_PROBE = 1,

	/*
	 * Build a new space and its first thread for an execve.
	 * arg: [0] bulk buffer index holding struct exec_image, [1] thread id
	 *      that executes (0: launched by mcexec), [2] the module's space id
	 * out: [0] thread id, [1] space id, [2] physical address of the root
	 *      table, [3] physical address of struct space_epoch, [4] the
	 *      address at which the strings have to end, [5] enough bytes
	 *      below it are mapped for them
	 * ret: ENOMEM, ENOEXEC, EINVAL. Nothing is left on failure. Once it is
	 * answered, also by an error, the opens of the image's files are the
	 * LWK's, and it gives them back by LCALL_FILE_IDLE.
	 */
	CALL_EXEC_PREPARE = 2,

	/*
	 * The strings lie in place: write argc, argv, envp and auxv below them.
	 * arg: [0] thread id, [1] bulk buffer index holding struct exec_commit
	 * out: [0] stack pointer at entry, [1] entry address, [2] start of brk
	 * ret: ENOMEM
	 * The thread runs from its twin's first wait on.
	 */
	CALL_EXEC_COMMIT = 3,

	/*
	 * Tell a prepared thread where its mailbox is.
	 * arg: [0] thread id, [1] physical address of the slot, [2] of the
	 *      kpage, [3] twin index, [4] twin generation, [5] slot number in
	 *      its space, [6] the module's space id
	 */
	CALL_THREAD_ATTACH = 4,

	/*
	 * A twin has gone: end its thread. Answered when the thread will run no
	 * further instruction and, if it was the last of its space, when all
	 * memory of the space is given back.
	 * arg: [0] thread id, [1] enum thread_end
	 */
	CALL_THREAD_END = 5,

	/*
	 * A Linux task needs a page of the program's memory.
	 * arg: [0] space id, [1] address, [2] enum fault_access, [3] the id of
	 *      the thread whose call needs it, and whose NUMA policy places it;
	 *      0: no thread's of this instance
	 * ret: enum fault_answer; for FAULT_FILL out: [0] file id, [1] page
	 *      index in the file, [2] physical address of the frame to fill
	 */
	CALL_FAULT = 6,

	/*
	 * The frame of FAULT_FILL is filled, or is not.
	 * arg: [0] file id, [1] page index, [2] physical address of the frame,
	 *      [3] 0 or -errno
	 */
	CALL_FILL_DONE = 7,

	/*
	 * Pages come back from the quarantine.
	 * arg: [0] count (1 to 7), [1..7] physical addresses
	 *      One may come back before the answer to the LCALL_ZAP that put it
	 *      there has been read.
	 * ret: EINVAL: one of them was not there
	 */
	CALL_PAGES_BACK = 8,

	/*
	 * Stop: answered when every CPU of the instance is about to halt for
	 * good. ret: -EBUSY with out[0] = number of processes.
	 */
	CALL_SHUTDOWN = 9,

	/*
	 * Files have changed: what was read of them before is not shown any more.
	 * Answered when that is so. An id that the LWK does not know is nothing.
	 * arg: [0] count (1 to 7), [1..7] file ids
	 * ret: ENOMEM: ask again later; some may be done. EINVAL
	 */
	CALL_FILE_CHANGED = 10,

	/*
	 * Describe the regions of a space that end above an address, in ascending order.
	 * arg: [0] space id, [1] the address, [2] bulk buffer index, to be filled with
	 *      struct region_info, [3] 1: count their pages as well, [4] id of the thread
	 *      whose policy holds for regions without one, or 0
	 * ret: how many; 0: there is none. ESRCH, EINVAL
	 * It is as it was at some moment between call and answer, what follows by the
	 * next call as it is then.
	 */
	CALL_REGIONS = 11,

	/*
	 * arg: [0] thread id
	 * out: [0..3] the CPUs that it may use, a bit for each place
	 * ret: ESRCH
	 */
	CALL_THREAD_CPUS = 12,
};

#define REGIONS_PER_CALL 128 /* at most */

/* A region of a program's memory, or a part of it. */
struct region_info {
	abi_u64 start, end;
	abi_u64 file_id; /* of a private mapping of a file, else 0 */
	abi_u64 object; /* the number of shared anonymous memory, else 0 */
	abi_u64 offset; /* of `start` in file or object, in bytes */
	abi_u32 prot; /* PROT_* */
	abi_u32 flags; /* REGION_INFO_* */
	/* Pages of 4 KiB, if they were asked for. */
	abi_u32 resident; /* all that are there */
	abi_u32 own; /* of these, private ones without a file behind them */
	abi_u32 shared; /* of all, what other mappings show too */
	abi_u32 shared_own; /* of its own, likewise */
	abi_u32 large; /* of all, what is mapped by larger pages */
	abi_u32 mapmax; /* of the page that most mappings show, how many those are */
	abi_u64 portion; /* bytes: each page divided by the number of its mappings */
	abi_u32 node_pages[ABI_MAX_NODES]; /* of all, by NUMA node; without Linux's own */
	/* Of memory that is the LWK's. */
	abi_u32 policy; /* MPOL_* and its flags, as set_mempolicy() has them */
	abi_u32 policy_nodes; /* those in force */
};
#define REGION_INFO_SHARED 1U
#define REGION_INFO_LINUX 2U /* Linux's own mapping */
#define REGION_INFO_GROWS 4U
#define REGION_INFO_STACK 8U /* the first thread's */
#define REGION_INFO_HEAP 16U
#define REGION_INFO_VDSO 32U
#define REGION_INFO_LOCKED 64U
#define REGION_INFO_NORESERVE 128U
#define REGION_INFO_DONTFORK 256U
#define REGION_INFO_WIPEONFORK 512U
#define REGION_INFO_NOHUGE 1024U
#define REGION_INFO_PART 2048U /* to count has been enough for once: the region goes on */

enum thread_end {
	THREAD_EXITED = 1, /* the twin died */
	THREAD_EXECED = 2, /* the twin moved to a new program */
	THREAD_UNBORN = 3, /* prepared, but Linux refused the clone or exec */
};

enum fault_access {
	FAULT_READ = 0,
	FAULT_WRITE = 1,
	/*
	 * A tracer writes to private memory that the program may only read: it
	 * gets a page of its own (PTE_OWN), under the rights that it has.
	 */
	FAULT_FORCE = 2,
};

enum fault_answer {
	FAULT_OK = 0, /* look at the table again */
	FAULT_BAD = 1, /* EFAULT: no region, or no permission */
	FAULT_WAIT = 2, /* a change is under way: ask again after a moment */
	FAULT_FILL = 3, /* read a page of a file into a frame, say so, ask again */
	FAULT_OOM = 4,
	FAULT_BUS = 5, /* beyond the end of the mapped file, or an I/O error */
	FAULT_FILLING =
		6, /* as FAULT_WAIT, but for a page of a file that somebody reads: may take long */
};

/* ---- lcalls: the LWK asks the module itself, and a worker answers ---- */

#define IKC_LCALLS 256
#define IKC_LCALL_ARGS 6

#define IKC_NOBODY (~0U)

struct ikc_lcall {
	/* written by the LWK while FREE, read by Linux while POSTED */
	abi_u32 op; /* enum lcall_op */
	abi_u32 cpu; /* LWK CPU to ring for the answer, or IKC_NOBODY: nobody waits for it */
	abi_u64 arg[IKC_LCALL_ARGS];
	/* written by Linux while POSTED */
	abi_s64 ret;
	/* LWK: DONE -> FREE under its lock, FREE -> POSTED (release); Linux: POSTED -> DONE (release) */
	abi_u32 state;
	abi_u32 pad;
};

enum lcall_op {
	/*
	 * Take pages back. The LWK's entries are not present any more and all
	 * LWK TLBs are flushed. The module raises the space's sequence number,
	 * unmaps [start, end) of the shadow, then looks at each listed page.
	 * arg: [0] the module's space id, [1] start, [2] end (start == end:
	 *      only look at the pages), [3] physical address of a page of LWK
	 *      memory holding zap words, [4] number of words (at most 512)
	 * ret: number of pages found referenced
	 */
	LCALL_ZAP = 1,
	/* The LWK maps a file no more. arg: [0] file id, [1] number of opens given back */
	LCALL_FILE_IDLE = 2,
	/* The LWK has dropped what it cached of a file. arg: [0] file id */
	LCALL_FILE_FORGET = 3,
};

/* A zap word: physical address of a 4 KiB page, flags in its low bits. */
#define ZAP_FREE 1UL /* LWK to Linux: nobody maps it any more; quarantine it if referenced */
#define ZAP_REFERENCED 2UL /* Linux to LWK: Linux holds it; with ZAP_FREE it is quarantined now */
#define ZAP_ADDR_MASK (~0xfffUL)

/* ---- bulk buffers, for what does not fit into a call ---- */

#define IKC_BULKS 8
#define IKC_BULK_SIZE 0x10000

/* The program headers of one ELF file, as read by the module; the LWK checks them again. */
struct exec_elf {
	abi_u64 file_id; /* 0: no such file (no interpreter) */
	abi_u64 entry;
	abi_u16 type; /* ET_EXEC or ET_DYN */
	abi_u16 phnum;
	abi_u32 phdr_offset; /* of the Elf64_Phdr array, from the start of the bulk buffer */
	abi_u64 phoff; /* e_phoff, for AT_PHDR */
	abi_u64 size; /* bytes of the file, as REQ_FILE_OPEN tells it; 0: not known */
};

struct exec_image {
	struct exec_elf program;
	struct exec_elf interp;
	abi_u64 string_size; /* bytes that the argument and environment strings need */
	abi_u64 argc;
	abi_u64 envc;
	abi_u64 stack_limit; /* RLIMIT_STACK, ~0 for none */
	abi_u64 as_limit;
	abi_u64 data_limit;
	abi_u32 personality; /* Linux's; ADDR_NO_RANDOMIZE, ADDR_COMPAT_LAYOUT */
	abi_u32 exec_stack; /* PT_GNU_STACK says PF_X */
	abi_s32 lwk_cpu; /* mcexec -c, or -1 */
	/* The task's NUMA policy, Linux's numbers; the LWK takes of it what its nodes allow. */
	abi_u16 mpol_mode, mpol_flags;
	char comm[16];
	abi_u32 mpol_nodes; /* as the task named them, with the flags for that; else those in force */
	abi_u32 admin; /* 1: the task has CAP_SYS_ADMIN in the initial user namespace */
};

struct exec_commit {
	abi_u64 string_start; /* where the module has put the strings: argv, envp, then */
	abi_u64 string_end; /* the name of the file (AT_EXECFN), each ended by a NUL */
	abi_u64 execfn;
	abi_u64 argc;
	abi_u64 envc;
	abi_u32 uid, euid, gid, egid;
	abi_u32 secure;
	abi_u32 pad;
	abi_u64 blocked; /* signal mask of the task */
	abi_u64 ignored; /* signals whose disposition is SIG_IGN */
	abi_u64 hwcap, hwcap2;
	abi_u64 clktck;
};

#endif
