/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls on memory (syscall/memory.c, advice.c, mlock.c, aio.c, shm.c): arguments as the program passes them. */
#ifndef MCK_SYS_MEMORY_H
#define MCK_SYS_MEMORY_H

#include "mck/lib.h"

/* A limit of 0 forbids to lock at all, but not to who may lock more than RLIMIT_MEMLOCK. */
bool may_lock_any(void);

s64 sys_mmap(const u64 arg[6]);
s64 sys_munmap(const u64 arg[6]);
s64 sys_mprotect(const u64 arg[6]);
s64 sys_pkey_mprotect(const u64 arg[6]);
s64 sys_mremap(const u64 arg[6]);
s64 sys_brk(const u64 arg[6]);
s64 sys_msync(const u64 arg[6]);
s64 sys_mincore(const u64 arg[6]);
s64 sys_remap_file_pages(const u64 arg[6]);
s64 sys_madvise(const u64 arg[6]);
s64 sys_mlock(const u64 arg[6]);
s64 sys_mlock2(const u64 arg[6]);
s64 sys_munlock(const u64 arg[6]);
s64 sys_mlockall(const u64 arg[6]);
s64 sys_munlockall(const u64 arg[6]);
s64 sys_shmat(const u64 arg[6]);
s64 sys_shmdt(const u64 arg[6]);
s64 sys_io_setup(const u64 arg[6]);
s64 sys_io_destroy(const u64 arg[6]);

#endif
