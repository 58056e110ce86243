/* SPDX-License-Identifier: GPL-2.0-only */
/* What a thread leaves behind in memory for others: its robust futexes, the word that says that it is gone. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"
#include "futex.h"

#define ENTRIES_MAX 2048 /* of a list that may be a ring */
#define ENTRY_PI 1UL /* in an entry's address: its lock has priority inheritance */

/* struct robust_list_head; an entry begins with the address of the next one. */
struct robust_head {
	u64 next;
	s64 offset; /* from an entry to its word */
	u64 pending; /* entry that was being taken or released */
};

s64 sys_set_robust_list(const u64 arg[6])
{
	struct thread *t = current_thread();

	if (arg[1] != sizeof(struct robust_head))
		return -EINVAL;
	WRITE_ONCE(t->robust_list, arg[0]);
	WRITE_ONCE(t->kpage->robust_list, arg[0]);
	return 0;
}

/* Linux knows who there is, and who may ask about whom. What it knows of a list is the twin's, if it is one of ours. */
static s64 list_of_other(u32 tid, u64 *list)
{
	static const u64 zero[2];
	u64 call[6] = { tid };
	s64 err;

	call[1] = offload_data(0, zero, sizeof(zero));
	call[2] = call[1] + sizeof(u64);
	err = offload_syscall(NR_get_robust_list, call);
	if (err)
		return err;
	memcpy(list, offload_data_ptr(0), sizeof(*list));
	futex_robust_list(tid, list);
	return 0;
}

s64 sys_get_robust_list(const u64 arg[6])
{
	const u64 size = sizeof(struct robust_head);
	struct thread *t = current_thread();
	u64 list = t->robust_list;
	u32 tid = (u32)arg[0];
	s64 err = tid && tid != t->kpage->tid ? list_of_other(tid, &list) : 0;

	if (err)
		return err;
	if (copy_to_user(arg[2], &size, sizeof(size)) || copy_to_user(arg[1], &list, sizeof(list)))
		return -EFAULT;
	return 0;
}

/*
 * The word at addr, if it is the thread's, says that its owner died, and a
 * waiter is woken. `pending`: the owner may have been about to wake. 0 or -errno.
 *
 * A word in memory that is Linux's is left to Linux (lend_robust_list() in the module),
 * which wakes who waits there: a thread that ends may ask for nothing more. Where there
 * is such memory Linux may have marked our words, too, but has woken nobody who waits
 * here. Somebody else's word that is marked so looks alike: to be woken for nothing
 * harms no waiter.
 */
static int owner_died(u64 addr, u32 tid, bool pi, bool pending)
{
	u32 old, found;
	int err;

	if (futex_is_linux(addr, true))
		return 0;
	err = addr % sizeof(u32) ? -EINVAL : arch_user_load(addr, &found);
	if (err)
		return err;
	/* The unlocking one, dead before it woke anybody. */
	if (pending && !pi && !(found & FUTEX_TID_MASK)) {
		futex_wake_user(addr, 1);
		return 0;
	}
	do {
		old = found;
		if (!pi && (old & ~FUTEX_WAITERS) == FUTEX_OWNER_DIED)
			break;
		if ((old & FUTEX_TID_MASK) != tid)
			return 0;
		err = arch_user_exchange(addr, &found, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
		if (err)
			return err;
	} while (found != old);
	/* Another one's waiters are told by futex_finish_exit(). */
	if (!pi && (old & FUTEX_WAITERS))
		futex_wake_user(addr, 1);
	return 0;
}

/* The list is the program's and may be anything: what cannot be read ends it. */
static void release_robust(struct thread *t)
{
	u64 list = t->robust_list, entry, next;
	struct robust_head head;
	u32 tid = t->kpage->tid;

	/* Linux's stays: it looks through it when the twin ends, however it does. */
	WRITE_ONCE(t->robust_list, 0);
	if (!list || copy_from_user(&head, list, sizeof(head)))
		return;
	entry = head.next;
	for (int i = 0; i < ENTRIES_MAX && (entry & ~ENTRY_PI) != list; i++) {
		u64 at = entry & ~ENTRY_PI;
		/* Before the word: whoever takes it may take the entry out. */
		bool last = copy_from_user(&next, at, sizeof(next)) != 0;

		if (at != (head.pending & ~ENTRY_PI) &&
		    owner_died(at + (u64)head.offset, tid, entry & ENTRY_PI, false))
			return;
		if (last)
			return;
		entry = next;
	}
	if (head.pending)
		owner_died((head.pending & ~ENTRY_PI) + (u64)head.offset, tid,
			   head.pending & ENTRY_PI, true);
}

static void release_tid(struct thread *t)
{
	const u32 zero = 0;
	u64 addr = t->clear_child_tid;

	t->clear_child_tid = 0;
	/* Nobody is left to look at it. */
	if (!addr || __atomic_load_n(&t->space->refs, __ATOMIC_RELAXED) < 2)
		return;
	if (!copy_to_user(addr, &zero, sizeof(zero)))
		futex_wake_user(addr, 1);
}

void leave_memory(void)
{
	struct thread *t = current_thread();

	futex_begin_exit();
	release_robust(t);
	futex_finish_exit();
	release_tid(t);
}
