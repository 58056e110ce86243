/* SPDX-License-Identifier: GPL-2.0-only */
/* Who the program is: copies that the module publishes when the twin waits. */
#include "mck/syscalls.h"

s64 sys_getpid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->pid;
}

s64 sys_gettid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->tid;
}

s64 sys_getuid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->uid;
}

s64 sys_geteuid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->euid;
}

s64 sys_getgid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->gid;
}

s64 sys_getegid(const u64 arg[6])
{
	(void)arg;
	return current_thread()->kpage->egid;
}
