/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests of a thread to its twin. */
#ifndef MCK_OFFLOAD_H
#define MCK_OFFLOAD_H

#include "abi/slot.h"
#include "mck/lib.h"
#include "mck/task.h"

/* How a request ended. */
struct offload_result {
	s64 value; /* of the call, or kresult */
	u32 outcome; /* enum call_outcome */
	u32 signo; /* a signal was caught during it, or 0; it stands in thread->caught until its frame is built */
	bool ended; /* the thread must end: nothing else is valid */
};

/*
 * Send one Linux system call to the twin of the current thread and wait.
 * Mask applied there: `mask`. One attempt: restarts are the caller's.
 */
void offload_call(u64 nr, const u64 arg[6], u64 mask, struct offload_result *res);
/* A request served by the module inside the twin's wait (karg; kpage->list set by the caller). */
void offload_kernel(enum request_kind kind, const u64 karg[6], struct offload_result *res);
/* What Linux has to know of a birth. */
struct clone_request {
	u64 flags; /* with the exit signal */
	u64 pidfd; /* where Linux writes it, with CLONE_PIDFD */
	bool clone3; /* for what follows */
	u64 set_tid, set_tid_size; /* the address of as many pids */
	u64 cgroup; /* a descriptor, with CLONE_INTO_CGROUP */
};
/* For a prepared child; kpage->child_* are set by the caller. */
void offload_clone(const struct clone_request *request, u64 mask, struct offload_result *res);

/*
 * An offloaded system call of the application, by the thread's own mask. The
 * value is the call's, or a restart code (mck/errno.h) that the caller hands
 * up: up_syscall() delivers what was caught and decides by the code.
 */
s64 offload_syscall(u64 nr, const u64 arg[6]);
/* A structure that Linux shall read: copy it into the slot's data area at `offset`; returns its address in the proxy. */
u64 offload_data(size_t offset, const void *src, size_t size);
void *offload_data_ptr(size_t offset);

/* The current thread dies of `signo` as its twin does: never returns. */
void offload_fatal(int signo, int code, u64 addr) __attribute__((noreturn));

#endif
