// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's page in the program's memory, by ihk/space/mirror.c: a twin enters it,
 * Linux takes it back, more than once at a time, and the space ends. A page that
 * Linux has back no CPU of the LWK reaches, by its table or its TLB; in a table
 * that the LWK may free nothing is entered.
 */
#include "linux_fake_mm.h"

#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"
#include "space/space.h"

#define VA (SZ_1G + 5 * PAGE_SIZE)
#define FRAMES 8

static struct ihk_space space;
static struct ihk_procs procs;
static struct space_epoch epoch;
struct task_struct fake_current;
struct page fake_pages[1];
const struct vm_operations_struct ihk_shadow_ops;

/* ---- Linux ---- */

static struct mm_struct mm;
static const struct vm_operations_struct area_ops;
static struct vm_area_struct area = {
	.vm_start = VA,
	.vm_end = VA + PAGE_SIZE,
	.vm_flags = VM_READ | VM_WRITE,
	.vm_ops = &area_ops,
	.vm_mm = &mm,
};
static pte_t linux_entry;
static spinlock_t linux_lock; /* of its table */
static unsigned long frames; /* that have been given out: never a second time */
static bool taken[FRAMES]; /* and that Linux uses for something else by now */

static struct mmu_interval_notifier *watch;
static spinlock_t watch_lock;
static unsigned long watch_seq; /* odd: something is being taken back */
static unsigned int taking; /* by how many */

struct vm_area_struct *vma_lookup(struct mm_struct *of, unsigned long addr)
{
	return of == &mm && addr == VA ? &area : NULL;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags,
			   void *regs)
{
	spin_lock(&linux_lock);
	if (!linux_entry)
		linux_entry = ++frames;
	spin_unlock(&linux_lock);
	return 0;
}

int follow_pte(struct mm_struct *of, unsigned long addr, pte_t **pte, spinlock_t **lock)
{
	*lock = &linux_lock;
	*pte = &linux_entry;
	spin_lock(&linux_lock);
	if (linux_entry)
		return 0;
	spin_unlock(&linux_lock);
	return -EINVAL;
}

int mmu_interval_notifier_insert(struct mmu_interval_notifier *sub, struct mm_struct *of,
				 unsigned long start, unsigned long length,
				 const struct mmu_interval_notifier_ops *ops)
{
	sub->interval_tree.start = start;
	sub->interval_tree.last = start + length - 1;
	sub->ops = ops;
	spin_lock(&watch_lock);
	if (taking)
		watch_seq |= 1;
	sub->invalidate_seq = taking ? watch_seq : watch_seq - 1;
	watch = sub;
	spin_unlock(&watch_lock);
	return 0;
}

void mmu_interval_notifier_remove(struct mmu_interval_notifier *sub)
{
	weave_fail("the watch ends");
}

static bool is_over(void *seq)
{
	return watch_seq != *(unsigned long *)seq;
}

unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub)
{
	unsigned long seq;
	bool now;

	spin_lock(&watch_lock);
	seq = READ_ONCE(sub->invalidate_seq);
	now = seq == watch_seq;
	spin_unlock(&watch_lock);
	if (now)
		weave_wait(WEAVE_BLOCKED, is_over, &seq);
	return seq;
}

/* The page goes: as mmu_notifier_invalidate_range_start(), unmapping, and _end(). */
static void take_back(void)
{
	const struct mmu_notifier_range range = { .start = VA, .end = VA + PAGE_SIZE };
	struct mmu_interval_notifier *found;
	unsigned long seq, frame;

	spin_lock(&watch_lock);
	taking++;
	found = watch;
	if (found)
		watch_seq |= 1;
	seq = watch_seq;
	spin_unlock(&watch_lock);
	weave_assert(!found || found->ops->invalidate(found, &range, seq));
	spin_lock(&linux_lock);
	frame = linux_entry;
	linux_entry = 0;
	spin_unlock(&linux_lock);
	taken[frame] = frame;
	spin_lock(&watch_lock);
	if (!--taking && (watch_seq & 1))
		watch_seq++;
	spin_unlock(&watch_lock);
	weave_changed();
}

/* ---- the LWK ---- */

static u64 *table; /* of level 1 */
static u64 tlb; /* of its one CPU: an entry, or 0 */
static unsigned int asked, answered; /* boot_cpu.flush_request, flush_done */

/* It answers between two accesses, never within one. */
static void touch(void)
{
	if (!tlb && table)
		tlb = READ_ONCE(table[pt_index(VA, 1)]);
	weave_assert(!taken[(tlb & PTE_ADDR_MASK) >> PAGE_SHIFT]);
}

static bool is_asked(void *unused)
{
	return asked != answered;
}

static void answer(void)
{
	unsigned int seen = asked;

	tlb = 0;
	answered = seen;
	weave_changed();
}

static void cpu(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		touch();
		if (is_asked(NULL))
			answer();
	}
	for (;;) {
		weave_wait(WEAVE_IDLE, is_asked, NULL);
		answer();
		touch();
	}
}

static bool is_answered(void *ticket)
{
	return (int)(answered - *(unsigned int *)ticket) >= 0;
}

void ihk_flush_lwk(struct ihk_procs *of, const abi_u64 *cpus)
{
	unsigned int ticket = __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);

	weave_changed();
	if (weave_self() < 0)
		answer();
	weave_wait(WEAVE_BLOCKED, is_answered, &ticket);
}

/* All of it has been asked for. */
bool ihk_ranges_at(struct ihk_space *of, u64 va, u64 *start, u64 *end)
{
	(void)of;
	*start = ALIGN_DOWN(va, SZ_1G);
	*end = *start + SZ_1G;
	return true;
}

unsigned int ihk_walk_begin(struct ihk_space *of)
{
	return 0;
}

void ihk_walk_end(struct ihk_space *of, unsigned int token)
{
}

u64 *ihk_walk_table(struct ihk_space *of, u64 va)
{
	return table;
}

u64 ihk_leaf(unsigned long pfn, unsigned long entry, bool write, bool exec)
{
	return (u64)pfn << PAGE_SHIFT | PTE_PRESENT | PTE_USER | PTE_MIRROR |
	       (write ? PTE_WRITE : 0);
}

/* ---- the cases ---- */

static void setup(void)
{
	fake_current.mm = space.mm = &mm;
	space.procs = &procs;
	space.epoch = &epoch;
	watch_seq = 2;
	table = weave_alloc(PAGE_SIZE);
	ihk_mirror_init(&space);
}

/* The page is there, and the CPU has it. */
static void setup_entered(void)
{
	setup();
	weave_assert(!ihk_mirror_fault(&space, VA, true, false));
	touch();
	weave_assert(tlb & PTE_WRITE);
}

static void twin(void)
{
	int err = ihk_mirror_fault(&space, VA, true, false);

	weave_assert(!err || (err == -EINTR && space.mirror_closed) ||
		     (err == -ENOMEM && space.mirror_closed));
}

/* Behind it the LWK frees the table, which no CPU has any more. */
static void end(void)
{
	u64 *old = table;

	ihk_mirror_close(&space);
	weave_assert(!old[pt_index(VA, 1)] && !tlb);
	table = NULL;
	ihk_flush_lwk(&procs, epoch.cpus);
	weave_free(old);
}

/* What is entered is what Linux has. */
static void check(void)
{
	u64 entry = table ? table[pt_index(VA, 1)] : 0;

	weave_assert(!entry || (entry & PTE_ADDR_MASK) >> PAGE_SHIFT == linux_entry);
	weave_assert(!space.mirror_drops && !taking && space.mirror_lock.taken == 0);
}

static const struct weave_case cases[] = {
	{ "a fault and a taking back", NULL, setup, { twin, take_back, cpu }, check, 2 },
	{ "two take back", NULL, setup_entered, { take_back, take_back, cpu }, check, 2 },
	{ "two take back, and a fault",
	  NULL,
	  setup_entered,
	  { take_back, take_back, twin, cpu },
	  check,
	  2 },
	{ "a fault and the end", NULL, setup, { twin, end, cpu }, check, 2 },
	{ "a taking back and the end", NULL, setup_entered, { take_back, end, cpu }, check, 2 },
	{ "all at once", NULL, setup_entered, { take_back, take_back, twin, end, cpu }, check, 2 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
