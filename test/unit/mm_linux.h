/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's own mappings, and the module that mirrors them, in the unit tests of mm/. */
#ifndef MM_LINUX_H
#define MM_LINUX_H

#include "mck/mm.h"
#include "mck/offload.h"

/*
 * What is mapped: descriptor, or segment, 0 to LINUX_OBJECTS - 1. Their pages lie
 * outside of the instance's memory: who takes one for a frame of ours fails.
 */
#define LINUX_OBJECTS 4U
#define LINUX_PAGES 64U

/* What Linux does, and has seen. */
struct linux_mm {
	/* The call with this number fails so, after as many that do not; once. */
	u64 fail_nr, fail_after;
	s64 fail_error;
	/* The same for REQ_MIRROR_OPEN and _CLOSE. */
	u64 fail_request, request_after;
	s64 request_error;
	/* The driver takes no address: Linux maps where room has been made last, or at this place of its own. */
	bool no_address;
	u64 own_place;
	u64 faults; /* REQ_MIRROR_FAULT */
	u64 asked; /* calls that name a range of its memory, and that of the last one: */
	u64 start, size;
	void (*before_fault)(void); /* the next one is served after this; NULL: nothing */
	void (*before_call)(void); /* the same for the next call or OPEN or CLOSE */
};
extern struct linux_mm linux_mm;

void linux_mm_start(void);

/* Of the current thread's space. */
s64 linux_mm_request(enum request_kind kind, const u64 karg[6]);
s64 linux_mm_call(u64 nr, const u64 arg[6]);

bool linux_mm_has(struct space *s, u64 va); /* is the shadow not there? */
u8 *linux_mm_byte(struct space *s, u64 va, bool write); /* for the proxy; NULL: it faults */
u8 *linux_mm_object(u32 object, u64 page);

/* Linux takes pages of the object back, from `page` on; they can be had again. */
void linux_mm_take_back(u32 object, u64 page);
void linux_mm_truncate(u32 object, u64 pages);
/* The proxy's fork copies what is mapped. */
void linux_mm_fork(struct space *parent, struct space *child);
/* The last thread of the space has ended: the module takes its entries out, the proxy's mm goes. */
void linux_mm_exit(struct space *s);
/*
 * Linux's mappings and the regions of the space tell the same, the shadow is
 * everywhere else, and no entry of the module's was changed by anybody else.
 */
void linux_mm_check(struct space *s);
u32 linux_mm_entered(struct space *s); /* entries */

#endif
