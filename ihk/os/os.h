/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of an instance, and its channel: everything but its programs. */
#ifndef IHK_OS_H
#define IHK_OS_H

#include <linux/types.h>

#include "base/patience.h"
#include "object/object.h"

/* ---- instance.c ---- */

int ihk_os_init(void);
void ihk_os_exit(void);
int ihk_os_create(char *msg); /* index or -errno */
int ihk_os_destroy(int index, char *msg);
/* Linux is about to sleep: 0, and no instance is made until the end of it; or how many there are. */
int ihk_os_sleep_begin(void);
void ihk_os_sleep_end(void);
/* For the table of base/up.h: the last reference has gone. */
void ihk_os_free(struct ihk_os *os);

/*
 * The instance is found dead: end every wait for it now, and let a worker
 * stop its CPUs and its processes. Any context but NMI.
 */
void ihk_os_condemn(struct ihk_os *os, enum os_status verdict);

/* ---- load.c: all but the first under os->lock ---- */

/* Read and check; image->file is the caller's then, to be vfree'd. Without a lock: files may take long. */
int ihk_image_read(int fd, struct ihk_image *image, char *msg);
/* Takes the image over, and clears the caller's, when it succeeds. */
int ihk_os_load(struct ihk_os *os, struct ihk_image *image, char *msg);
void ihk_os_unload(struct ihk_os *os);
/* Put the image into the instance's memory, clear of quarantined pages, and say so in params. */
int ihk_os_place_image(struct ihk_os *os, char *msg);

/* ---- boot.c: all under os->lock ---- */

struct ihk_overcommit;
/* What Linux promises is read before, without the lock. */
int ihk_os_boot(struct ihk_os *os, const struct ihk_overcommit *linux_has, char *msg);
/* Refused while programs run, unless by force: then they are ended, and what does not answer is stopped. */
int ihk_os_shutdown(struct ihk_os *os, bool force, char *msg);
/* Stop whatever runs there and leave the instance in state `next`. */
void ihk_os_stop(struct ihk_os *os, enum os_status next);

/* ---- params.c: memory shared with the LWK; all under os->lock ---- */

int ihk_params_fill(struct ihk_os *os, const struct ihk_overcommit *linux_has, char *msg);
void ihk_params_free(struct ihk_os *os);
/* Call fn for every piece of Linux memory that the parameters name. */
int ihk_params_for_each(struct ihk_os *os, int (*fn)(void *arg, u64 pa, u64 size), void *arg);

/* ---- overcommit.c ---- */

/* May these kernel arguments be? 0, or -EINVAL with a message. Any context. */
int ihk_overcommit_check(const char *kargs, char *msg);
/* What Linux itself does; ~0: it cannot be read. Reads files: without a lock. */
#define IHK_OVERCOMMIT_SETTINGS 5
struct ihk_overcommit {
	u64 value[IHK_OVERCOMMIT_SETTINGS];
};
void ihk_overcommit_read(struct ihk_overcommit *linux_has);
/* From params->kargs, which have been checked, and for what they do not say, from Linux. */
void ihk_overcommit_fill(struct lwk_boot_params *params, const struct ihk_overcommit *linux_has);

/* ---- doorbell.c ---- */

/* Interrupts for the instance's IKC map, published in its parameters. Context: os->lock. */
int ihk_doorbells_make(struct ihk_os *os, char *msg);
void ihk_doorbells_free(struct ihk_os *os);
/* The Linux CPU that place rings: as set, or as chosen. Context: os->lock. */
int ihk_ikc_cpu(struct ihk_os *os, int place);

/* ---- ikc.c, call.c ---- */

/*
 * Make a call to the LWK on CPU place `place` (-1: any) and wait for the answer.
 * Killable if asked: -EINTR then, and the answer is dropped. -EIO when the
 * instance dies. 0: answered, c->ret and c->out are filled. May sleep.
 */
int ihk_call(struct ihk_os *os, int place, struct ihk_call *c, bool killable);

/*
 * The answer of a call that answers by 0 or -errno, fit to be returned to Linux:
 * anything else, which a caller would take for an address, a success or an order
 * to restart, is -EIO, and counts as a refused message.
 */
int ihk_call_error(struct ihk_os *os, const struct ihk_call *c);

/*
 * The LWK's time: a look at what it owes (in jiffies); true if that is late by
 * more than the limit. ihk_hang_ticks() is the limit for what is done at once,
 * 0: none is set.
 */
bool ihk_owed_too_long(struct ihk_patience *p, bool is_owed, unsigned long limit);
unsigned long ihk_hang_ticks(void);

/* A bulk buffer (waits for a free one; NULL when the instance dies or on a fatal signal). */
void *ihk_bulk_get(struct ihk_os *os, int *index);
void ihk_bulk_put(struct ihk_os *os, int index);

/* Ring LWK CPU `place` if it needs it: stores attention, fences, looks at its state. Any context. */
void ihk_ring_lwk(struct ihk_os *os, int place);
/* The same, with a note about a thread. What it shall see was stored, with a full fence, before `place` was read. */
void ihk_note_lwk(struct ihk_os *os, int place, struct kpage *k);

int ihk_ikc_make(struct ihk_os *os); /* with the instance */
void ihk_ikc_free(struct ihk_os *os);
void ihk_ikc_reset(struct ihk_os *os); /* before a boot */
/* Wake all who wait for the LWK: they look at `running`. */
void ihk_ikc_wake(struct ihk_os *os);
void ihk_ikc_flush(struct ihk_os *os); /* wait for the workers that serve lcalls */
void ihk_ikc_quiesce(struct ihk_os *os); /* wait until no task is in a call any more */
/* From the doorbell's interrupt. */
void ihk_ikc_drain(struct ihk_os *os, int place);
/* As ihk_call(), but -ETIMEDOUT after that many seconds. */
int ihk_call_bounded(struct ihk_os *os, int place, struct ihk_call *c, bool killable,
		     unsigned int seconds);
u64 ihk_ikc_bad(struct ihk_os *os);

/* ---- flush.c ---- */

/*
 * The CPUs of the instance named in `cpus` (space_epoch.cpus) that may have page-table
 * entries in their TLBs which have been taken out before, have them no more when this
 * returns; or execute nothing any more. Context: inside; any locks but spinlocks, and
 * what an LWK CPU answers needs none of them; never allocates.
 */
void ihk_flush_lwk(struct ihk_procs *procs, const abi_u64 *cpus);

/* ---- kmsg.c: under os->lock ---- */

/* A copy of the newest bytes of the log, at most `room`, to be kvfree'd; their number or -errno. */
ssize_t ihk_kmsg_read(struct ihk_os *os, size_t room, void **text);
void ihk_kmsg_clear(struct ihk_os *os);

/* ---- clock.c ---- */

int ihk_clock_init(void);
void ihk_clock_exit(void);
void ihk_clock_add(struct ihk_os *os); /* os->clock is current from now on */
/* From now on for its programs, too: the LWK says where. -EIO: not in its memory. Context: os->lock. */
int ihk_clock_show(struct ihk_os *os, char *msg);
void ihk_clock_remove(struct ihk_os *os);

#endif
