/* SPDX-License-Identifier: GPL-2.0-only */
/* Another process's memory and system calls, by force. */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

bool inject_read(pid_t pid, unsigned long at, void *to, size_t size);
bool inject_write(pid_t pid, unsigned long at, const void *from, size_t size);
/* Also where it may not write itself. */
bool inject_poke_text(pid_t pid, unsigned long at, const void *from, size_t size);

struct inject_call {
	long nr;
	uint64_t arg[6];
};

/*
 * Has the proxy of a program on the LWK make the call, by ptrace, and lets it
 * go on from where it was, or, without `restore`, from there. False: it could
 * not be done. A call that does not return is ended together with the process.
 */
bool inject_call(pid_t pid, const struct inject_call *call, bool restore);

#endif
