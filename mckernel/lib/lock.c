/* SPDX-License-Identifier: GPL-2.0-only */
/* Spin locks with ranks. */
#include "mck/arch.h"
#include "mck/lib.h"

void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	lock->value = 0;
	lock->rank = rank;
}

/* Only this CPU reads or writes its own lock_rank and lock_depth. */
static void rank_push(struct cpu *cpu, u32 rank)
{
	if (cpu->lock_depth)
		kassert(cpu->lock_rank[cpu->lock_depth - 1] < rank);
	kassert(cpu->lock_depth < ARRAY_SIZE(cpu->lock_rank));
	cpu->lock_rank[cpu->lock_depth++] = rank;
}

/* Locks may be dropped in any order, but the one taken last mostly is the first. */
static void rank_pop(struct cpu *cpu, u32 rank)
{
	u32 last = cpu->lock_depth - 1, at = last;

	kassert(cpu->lock_depth);
	while (cpu->lock_rank[at] != rank) {
		kassert(at);
		at--;
	}
	for (; at < last; at++)
		cpu->lock_rank[at] = cpu->lock_rank[at + 1];
	cpu->lock_depth = last;
}

/* Pairs with the release in spin_unlock(). */
static bool lock_try(struct spinlock *lock, u32 mine)
{
	u32 free = 0;

	return __atomic_compare_exchange_n(&lock->value, &free, mine, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Apart, so that a lock that is free costs no more than it must. */
static __attribute__((noinline)) void lock_wait(struct spinlock *lock, u32 mine)
{
	do {
		while (READ_ONCE(lock->value))
			arch_relax();
	} while (!lock_try(lock, mine));
}

void spin_lock(struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();
	u32 mine = cpu->place + 1;

	kassert(READ_ONCE(lock->value) != mine);
	rank_push(cpu, lock->rank);
	if (!lock_try(lock, mine))
		lock_wait(lock, mine);
}

void spin_unlock(struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();

	kassert(READ_ONCE(lock->value) == cpu->place + 1);
	rank_pop(cpu, lock->rank);
	__atomic_store_n(&lock->value, 0, __ATOMIC_RELEASE);
}

bool spin_held(const struct spinlock *lock)
{
	return READ_ONCE(lock->value) == this_cpu()->place + 1;
}

void assert_no_lock(void)
{
	kassert(this_cpu()->lock_depth == 0);
}
