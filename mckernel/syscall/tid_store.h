/* SPDX-License-Identifier: GPL-2.0-only */
/* The child's tid in memory that parent and child share: CLONE_PARENT_SETTID with CLONE_VM. */
#ifndef SYSCALL_TID_STORE_H
#define SYSCALL_TID_STORE_H

#include "mck/lib.h"

/*
 * The tid must be there before clone returns in the parent, and before the
 * child's program runs: whichever of the two comes first stores it, and the
 * other waits for that. And it must be stored once: the word may be the one
 * that is cleared when the child ends (pthread_join waits for it), and a later
 * store would make it alive again for ever.
 */
struct tid_store;

/* With one reference, the child's; NULL without memory. */
struct tid_store *tid_store_new(u64 addr);
void tid_store_get(struct tid_store *s);
void tid_store_put(struct tid_store *s);
/*
 * By the current thread, with no lock held: when it returns, the tid is there,
 * or cannot be written, which is the program's own affair; or the thread must end.
 */
void tid_store(struct tid_store *s, u32 tid);

#endif
