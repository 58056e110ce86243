/* SPDX-License-Identifier: GPL-2.0-only */
/* The one way up: what lower rooms ask of higher ones, which they do not know. */
#ifndef IHK_UP_H
#define IHK_UP_H

#include <linux/types.h>

struct device;
struct ihk_call;
struct ihk_os;
struct lwk_boot_params;

/*
 * Filled once and for all by main.c, which knows every room: constant, so it is
 * as old as the module's code and no caller comes too early or too late. What
 * the callee needs alive is the caller's to keep: each has a reference of `os`.
 */
struct ihk_up {
	/* From whoever drops the last reference, a twin's last work too; not from an interrupt. */
	void (*os_free)(struct ihk_os *os);
	/* From any task, outside of spinlocks; sleeps. As ihk_call(). */
	int (*call)(struct ihk_os *os, int place, struct ihk_call *c, bool killable);

	/* ---- from boot, stop and shutdown, under os->lock ---- */

	/* Before the first CPU starts. 0 or -errno. */
	int (*processes_start)(struct ihk_os *os);
	/*
	 * The LWK has stopped or is dead (running is false): kill every proxy of
	 * the instance, wait until none is left inside, zap every shadow. After it
	 * the instance's memory may be used again.
	 */
	void (*processes_stop)(struct ihk_os *os);
	/*
	 * Kill all programs of a running instance, also those that come meanwhile;
	 * how many of their threads are left after that many seconds, or when the
	 * caller is killed.
	 */
	unsigned int (*processes_end)(struct ihk_os *os, unsigned int seconds);
	/* Number of live proxies: shutdown is refused while it is not 0. */
	unsigned int (*processes_count)(struct ihk_os *os);
	/* Fill proxy_catcher and proxy_restorer. */
	void (*boot_params)(struct lwk_boot_params *params);

	/* ---- from create and destroy, under ihk_machine_lock ---- */

	struct device *(*device_add)(struct ihk_os *os); /* or ERR_PTR */
	void (*device_remove)(struct ihk_os *os);

	/* ---- from the channel, while the instance runs ---- */

	/* From a worker of the instance: carry out an lcall and return its answer. May sleep. */
	s64 (*lcall)(struct ihk_os *os, u32 op, const u64 *arg);
	/* From the doorbell's interrupt, raw context: twin `index` of generation `gen` has a request. */
	void (*twin_request)(struct ihk_os *os, u32 index, u32 gen);
	/* From any task: the place of the thread of this instance that current serves, or -1. */
	int (*place_of_current)(struct ihk_os *os);
	/* And its id, or 0. */
	u64 (*thread_of_current)(struct ihk_os *os);

	/* ---- from a twin, behind a call of its program's ---- */

	/* It has opened a file, as this descriptor: by what the program says, so it may be any. May sleep. */
	void (*file_opened)(unsigned int fd);

	/* ---- from Linux's mmap(), with mmap_lock ---- */

	/* Where the shadow has made room of this length for what current, a twin, maps next, or 0. */
	unsigned long (*room_of_current)(unsigned long len);
};
extern const struct ihk_up ihk_up;

#endif
