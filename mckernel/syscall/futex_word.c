/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of futexes: their names, their pages, and operations on them. */
#include "mck/errno.h"
#include "mck/mm.h"
#include "futex.h"

/* The page of the word is in the tables for this access, or not yet. Under the space's lock. */
static bool is_there(struct space *s, u64 addr, enum access access)
{
	u64 want = PTE_PRESENT | PTE_USER | (access == ACCESS_WRITE ? PTE_WRITE : 0);
	int level;
	const u64 *entry = pt_leaf(s->root_pa, addr, &level);

	return entry && (__atomic_load_n(entry, __ATOMIC_ACQUIRE) & want) == want;
}

/* The name of a word whose page is there. -EFAULT: as Linux, of private memory that nobody can ever change. */
static int name_shared(struct space *s, u64 addr, enum access access, struct futex_key *key)
{
	const struct region *r = space_region(s, addr);

	if (!r || (access == ACCESS_READ && !r->shm && !r->file))
		return -EFAULT;
	if (r->shm)
		*key = (struct futex_key){ shmobj_id(r->shm) << FUTEX_KIND_BITS | FUTEX_OBJECT,
					   (r->pgoff << PAGE_SHIFT) + (addr - r->start) };
	else
		*key = (struct futex_key){ s->id << FUTEX_KIND_BITS | FUTEX_ANONYMOUS, addr };
	return 0;
}

static int shared_key(struct space *s, u64 addr, enum access access, struct futex_key *key)
{
	enum access want = ACCESS_WRITE;

	for (;;) {
		enum fault_result result;
		bool there;
		int err = 0;

		spin_lock(&s->lock);
		there = is_there(s, addr, want);
		if (there)
			err = name_shared(s, addr, want, key);
		spin_unlock(&s->lock);
		if (there)
			return err;
		result = space_fault_wait(s, addr, want);
		if (result == FR_OOM)
			return -ENOMEM;
		if (result == FR_OK)
			continue;
		/* What cannot be written will do for who only reads. */
		if (want == access)
			return -EFAULT;
		want = access;
	}
}

bool futex_is_linux(u64 addr, bool shared)
{
	return shared && space_is_mirror(current_thread()->space, addr);
}

int futex_key(u64 addr, bool shared, enum access access, struct futex_key *key)
{
	struct space *s = current_thread()->space;

	if (addr % sizeof(u32))
		return -EINVAL;
	if (addr > USER_END - sizeof(u32))
		return -EFAULT;
	if (shared)
		return shared_key(s, addr, access, key);
	*key = (struct futex_key){ s->id << FUTEX_KIND_BITS | FUTEX_PRIVATE, addr };
	return 0;
}

int futex_fault_in(u64 addr, enum access access)
{
	if (addr > USER_END - sizeof(u32))
		return -EFAULT;
	return space_fault_wait(current_thread()->space, addr, access) == FR_OK ? 0 : -EFAULT;
}

int futex_word_operate(u64 addr, u32 op)
{
	u32 old, found, value;
	int err = arch_user_load(addr, &found);

	do {
		old = found;
		if (!err)
			err = futex_op_value(op, old, &value);
		if (!err)
			err = arch_user_exchange(addr, &found, value);
		if (err)
			return err;
	} while (found != old);
	return futex_op_holds(op, old);
}
