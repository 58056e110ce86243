/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module hands to an image at boot, and the words both kernels watch each other by. */
#ifndef ABI_BOOT_H
#define ABI_BOOT_H

#include "abi.h"
#include "clock.h"
#include "ikc.h"
#include "abi/x86_64/boot.h"

/*
 * The image is an ELF64 file linked at LWK_LINK_BASE with one ELF note
 * (name BOOT_NOTE_NAME, type BOOT_NOTE_TYPE, descriptor struct boot_note).
 * Each CPU reaches e_entry, in the state that x86_64/boot.h says, on tables of
 * the module that map the image at its link address (4 KiB W^X is the image's
 * own business: all is writable and executable there), and the instance's
 * memory and everything that boot_params names identically. There is no
 * stack. The CPUs come one after the other: the next is started when the one
 * before has set boot_cpu.ready.
 */
#define LWK_IMAGE_MAX 0x2000000UL /* 32 MiB from LWK_LINK_BASE on */

#define BOOT_NOTE_NAME "IHK"
#define BOOT_NOTE_TYPE 1

struct boot_note {
	abi_u32 abi_version;
	abi_u32 reserved;
	abi_u64 abi_hash; /* ABI_HASH: of what every image needs */
	abi_u64 program_hash; /* ABI_PROGRAM_HASH, or 0: the image runs no programs */
};

#define BOOT_MAGIC 0x4b574c2d4b4849ULL /* "IHK-LWK" */

/* IHK's names and numbers of the states of an OS instance. */
enum os_status {
	OS_INACTIVE = 0,
	OS_BOOTING = 1,
	OS_RUNNING = 2,
	OS_SHUTDOWN = 3,
	OS_PANIC = 4,
	OS_HUNGUP = 5,
	OS_FREEZING = 6,
	OS_FROZEN = 7,
};

/* What more memory is promised than there is: Linux's numbers. */
enum commit_mode {
	COMMIT_GUESS = 0, /* a single request for more than all of it is refused */
	COMMIT_ALWAYS = 1, /* none is */
	COMMIT_NEVER = 2, /* all that would bring the sum above a limit */
};

/* What an LWK CPU does, for heartbeat and for deciding whether to ring it. */
enum cpu_state {
	LWK_CPU_OFF = 0,
	LWK_CPU_KERNEL = 1, /* looks at `attention` before it leaves the kernel: no need to ring */
	LWK_CPU_USER = 2, /* ring */
	LWK_CPU_IDLE = 3, /* halted: ring */
	LWK_CPU_DEAD = 4, /* panicked or shut down */
};

/* One place of an instance. Four cache lines: what is fixed, Linux's, the LWK's, both kernels'. */
struct boot_cpu {
	/* filled by Linux before entry */
	abi_u32 machine_id; /* what IPIs of other CPUs name it by: its APIC id */
	abi_u32 node;
	abi_u32 linux_cpu; /* its number in Linux */
	abi_u32 pad0;
	abi_u64 to_lwk; /* physical address of struct ring, Linux to this CPU */
	abi_u64 to_linux; /* and of the one from this CPU to Linux */
	abi_u64 pad1[4];
	/* written ONLY by Linux, at any time */
	abi_u32 attention; /* stored before the state is looked at; the LWK clears it by exchange */
	abi_u32 doorbell_cpu; /* where this CPU rings Linux: machine_id of a CPU of Linux's, */
	abi_u32 doorbell_vector; /* and vector; both follow the IKC map and Linux's affinity */
	abi_u32 pad2;
	abi_u64 notes; /* of threads (slot.h) that Linux has changed something for: note.h. The LWK takes all by exchange */
	abi_u32 pad3[10];
	/* written ONLY by the LWK */
	abi_u32 state; /* enum cpu_state */
	abi_u32 ready; /* 1: has left the module's tables; 2: takes doorbells */
	abi_u32 heartbeat; /* raised by long loops in the kernel */
	abi_u32 running; /* 1 + index of the twin of the thread that it runs, 0: of none. A hint where to look */
	abi_u64 calls_local; /* counters of this CPU */
	abi_u64 calls_offloaded;
	abi_u64 faults;
	abi_u64 interrupts;
	abi_u64 doorbells_sent;
	abi_u64 switches;
	/*
	 * Raised by whoever has taken page-table entries out that this CPU may have
	 * in its TLB (a CPU of the LWK, or Linux for what it mirrors: pte.h), who then
	 * looks at `state` and interrupts the CPU if it is not in the kernel. Answered
	 * in flush_done by the CPU itself, from an interrupt too: without a lock,
	 * memory, or Linux.
	 */
	abi_u32 flush_request;
	abi_u32 flush_done;
	abi_u32 pad4[14];
};

struct boot_chunk {
	abi_u64 start; /* physical, multiples of 4 MiB */
	abi_u64 size;
	abi_u32 node;
	abi_u32 reserved;
};

/* What the instance has done and holds; shown by `ihkosctl N get counters`. */
struct lwk_counters {
	abi_u64 pages_total; /* of 4 KiB, all of the instance's memory without the quarantine */
	abi_u64 pages_free; /* in the allocator, per-CPU caches included */
	abi_u64 pages_cache; /* file pages cached and mapped by nobody */
	abi_u64 pages_user; /* mapped by programs, each counted once */
	abi_u64 pages_kernel; /* tables, objects, the image, the frame table */
	abi_u64 pages_quarantined; /* given to the module's quarantine and not back yet */
	abi_u64 processes_born; /* each exec or fork of a process that began on the LWK */
	abi_u64 processes_ran; /* of these, how many executed user instructions here */
	abi_u64 processes_ended;
	abi_u64 threads_born;
	abi_u64 threads_ended;
	abi_u64 execs; /* images started, launches and execve of running processes */
	abi_u64 signals; /* handlers entered */
	abi_u64 zaps; /* ranges taken back */
	abi_u64 oom_kills;
	abi_u64 bad_messages; /* refused for their content */
	abi_u64 pages_free_node[ABI_MAX_NODES]; /* pages_free by NUMA node */
	/* Clean pages of files in memory by NUMA node, mapped or not: they go when memory is asked for. */
	abi_u64 pages_clean_node[ABI_MAX_NODES];
	abi_u64 pages_committed; /* what programs may write to without asking again: Linux's Committed_AS */
	abi_u64 pages_commit_limit; /* and its CommitLimit, which holds with COMMIT_NEVER */
};

/* The log: a ring of bytes; total counts all bytes ever written, readers find the rest. */
struct log_ring {
	abi_u64 total; /* written ONLY by the LWK */
	abi_u64 size; /* of text, a power of two */
	abi_u8 pad[48];
	char text[];
};

struct lwk_boot_params {
	/* filled by Linux before the first CPU is started */
	abi_u64 magic;
	abi_u32 abi_version;
	abi_u32 size; /* of this structure */
	abi_u64 abi_hash;
	abi_u32 os_index;
	abi_u32 cpu_count; /* places in use: 0 .. cpu_count - 1 */
	abi_u32 chunk_count;
	abi_u32 node_count;
	abi_u64 image_start; /* physical place of LWK_LINK_BASE */
	abi_u64 image_size; /* bytes from there that the image occupies, page-aligned */
	abi_u64 log; /* physical address of struct log_ring */
	abi_u64 log_size; /* bytes of it, header included */
	abi_u64 calls; /* physical address of struct ikc_call[IKC_CALLS] */
	abi_u64 lcalls; /* physical address of struct ikc_lcall[IKC_LCALLS] */
	abi_u64 bulks; /* physical address of IKC_BULKS buffers of IKC_BULK_SIZE */
	abi_u64 clock; /* physical address of struct clock_page */
	abi_u64 quarantine; /* physical address of an array of page addresses, sorted */
	abi_u64 quarantine_count;
	abi_u64 cycles_khz; /* rate of the cycle counter. Linux's estimate; the LWK puts what it measures in its place */
	abi_u64 memory_types; /* how Linux encodes them in page tables: its PAT MSR */
	abi_u64 mitigations; /* BOOT_MITIGATE_* */
	abi_u64 proxy_catcher; /* address of the proxy's signal catcher, and of its restorer */
	abi_u64 proxy_restorer;
	abi_u8 seed[32]; /* randomness */
	/* Linux's vm.overcommit_memory, _ratio and _kbytes, or what the kernel arguments say instead */
	abi_u32 overcommit; /* enum commit_mode */
	abi_u32 overcommit_ratio;
	abi_u64 overcommit_kbytes;
	abi_u64 admin_reserve_kbytes; /* Linux's vm.admin_reserve_kbytes and vm.user_reserve_kbytes */
	abi_u64 user_reserve_kbytes;
	abi_u64 reserved0[4];
	abi_u8 distance[ABI_MAX_NODES][ABI_MAX_NODES];
	char kargs[2048];
	/* written ONLY by the LWK */
	abi_u32 status
		__attribute__((aligned(64))); /* enum os_status; Linux is told by IKC_STATUS */
	/*
	 * 1: threads have waited for a time of the wall clock, so that CPUs are rung when
	 * it is set. Stored before the clock is read, against Linux, which sets it first.
	 */
	abi_u32 waits_for_time;
	/*
	 * Physical address of a page of the instance's that Linux writes the clock to as well
	 * (struct clock_page without counter_pa), for programs to read; 0: none. Before RUNNING.
	 */
	abi_u64 clock_programs;
	abi_u32 pad0[12];
	struct lwk_counters counters;
	/* tables */
	struct boot_cpu cpus[ABI_MAX_CPUS] __attribute__((aligned(64)));
	struct boot_chunk chunks[ABI_MAX_CHUNKS];
};

#endif
