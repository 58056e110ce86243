/* SPDX-License-Identifier: GPL-2.0-only */
/* The architecture of the unit tests: one address space of a Linux process as physical memory. */
#ifndef FAKE_H
#define FAKE_H

#include "mck/arch.h"

/* Physical addresses of the arena begin here; what lies outside of it has its own address. */
#define FAKE_ARENA_PA 0x100000000UL

/*
 * Make an instance: `size` bytes of memory (a multiple of 4 MiB) in `nodes`
 * equal chunks, `cpus` CPUs, boot parameters with these arguments. Fresh
 * memory each time. The calling thread becomes CPU 0.
 */
void fake_start(u64 size, u32 nodes, u32 cpus, const char *kargs);
void fake_stop(void);
/* The calling thread of the host is this CPU from now on. */
void fake_be_cpu(u32 place);

/* What a test may look at. */
struct fake_counts {
	u64 flushes; /* arch_flush_space */
	u64 flushed_pages;
	u64 kicks;
};
extern struct fake_counts fake_counts;

/*
 * A program's access by the fake MMU, through a TLB that keeps what it has
 * seen until it is flushed. The byte, or a negative number: a page fault.
 */
int fake_read(struct space *s, u64 va);
int fake_write(struct space *s, u64 va, u8 byte);
/* The TLB forgets a range because Linux asks for that, not the LWK. */
void fake_forget(struct space *s, u64 start, u64 end);
/* Called by arch_relax(), for tests whose other side runs in the same thread; NULL: nothing. */
extern void (*fake_relax)(void);
/* Called once by the next arch_flush_space(), before it flushes: what other CPUs do until then. NULL: nothing. */
extern void (*fake_before_flush)(void);

#endif
