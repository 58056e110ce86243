// SPDX-License-Identifier: GPL-2.0-only
/* Linux's own mappings of a proxy, shown to the program: the LWK's tables as a secondary MMU. */
#include <linux/hmm.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"
#include "space/space.h"

/*
 * The protocol is KVM's for its MMU. A fault of the program is Linux's fault first,
 * by the twin; then what Linux's table has is entered into the LWK's, unless Linux
 * has begun to take back something nearby since before. Whoever takes back calls
 * invalidate(), which takes the entries out and waits until no CPU of the LWK has
 * them in its TLB. That may be any task, with mmap_lock, folio locks and locks of
 * file systems held, out of memory reclaim too: so neither it nor the LWK's answer
 * needs any of those, memory, or a twin.
 *
 * An entry is writable only where Linux's is writable and dirty: then Linux knows
 * that the page may change, and asks for it back before it forgets that.
 */

#define MIRROR_SIZE SZ_1G
#define AROUND 16U /* pages, aligned, that are entered with the one that is missing */
#define HUGE_TRIES 1000U /* for what Linux maps in a way that can be followed by none of the two */

/*
 * The watch over one GiB of a space. Made at the first fault there, it stays until the
 * space is retired, whatever is mapped there meanwhile: an entry is under watch
 * when it is made.
 */
struct mirror {
	struct mmu_interval_notifier sub;
	struct ihk_space *space; /* no reference: the watch ends before it does */
	/* Tables of level 1 that have had entries of ours; set under mirror_lock, never cleared. */
	DECLARE_BITMAP(tables, PT_ENTRIES);
};

void ihk_mirror_init(struct ihk_space *space)
{
	spin_lock_init(&space->mirror_lock);
	xa_init_flags(&space->mirrors, XA_FLAGS_ACCOUNT);
}

/* ---- taking back ---- */

/* Our entries in [start, end), which lies in one table. Whether there were any. Context: inside. */
static bool drop_table(struct ihk_space *space, u64 start, u64 end)
{
	unsigned int epoch = ihk_walk_begin(space);
	u64 *table = ihk_walk_table(space, start);
	bool found = false;
	u64 va;

	for (va = start; table && va < end; va += PAGE_SIZE) {
		u64 *entry = &table[pt_index(va, 1)];

		if (!(READ_ONCE(*entry) & PTE_MIRROR))
			continue;
		xchg(entry, PTE_NONE);
		found = true;
	}
	ihk_walk_end(space, epoch);
	return found;
}

/* A hold of the lock for each table: nothing is entered in the range meanwhile, see mmu_interval_read_begin(). */
static bool drop_range(struct mirror *m, u64 start, u64 end)
{
	struct ihk_space *space = m->space;
	bool found = false;
	u64 stop;

	for (; start < end; start = stop) {
		stop = min(ALIGN_DOWN(start, pt_span(2)) + pt_span(2), end);
		if (!test_bit(pt_index(start, 2), m->tables))
			continue;
		spin_lock(&space->mirror_lock);
		found |= drop_table(space, start, stop);
		spin_unlock(&space->mirror_lock);
		cond_resched();
	}
	return found;
}

/* Is there a table with entries, or has there been one? Context: mirror_lock. */
static bool touches(const struct mirror *m, u64 start, u64 end)
{
	unsigned int first = pt_index(start, 2), last = pt_index(end - 1, 2);

	return find_next_bit(m->tables, last + 1, first) <= last;
}

/*
 * What another has taken out by now we did not find, but it may be in TLBs still:
 * he is counted from before he takes it out until no CPU has it any more.
 */
static bool others_drop(struct ihk_space *space)
{
	bool others;

	spin_lock(&space->mirror_lock);
	others = space->mirror_drops > 1;
	spin_unlock(&space->mirror_lock);
	return others;
}

static void drop_end(struct ihk_space *space)
{
	spin_lock(&space->mirror_lock);
	space->mirror_drops--;
	spin_unlock(&space->mirror_lock);
	wake_up_var(&space->mirror_drops);
}

static bool invalidate(struct mmu_interval_notifier *sub, const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct mirror *m = container_of(sub, struct mirror, sub);
	u64 start = max_t(u64, range->start, sub->interval_tree.start);
	u64 end = min_t(u64, range->end - 1, sub->interval_tree.last) + 1;
	struct ihk_space *space = m->space;
	bool go;
	int token;

	/* Only the OOM killer's helper, which leaves shared mappings alone. */
	if (!mmu_notifier_range_blockable(range))
		return false;
	token = ihk_enter(space->procs);
	spin_lock(&space->mirror_lock);
	mmu_interval_set_seq(sub, seq);
	/* Who closes may not have come here yet, and waits for us before the tables go. */
	go = token >= 0 && (!space->mirror_closed || space->mirror_drops) && touches(m, start, end);
	space->mirror_drops += go;
	spin_unlock(&space->mirror_lock);
	if (go) {
		if (drop_range(m, start, end) || others_drop(space))
			ihk_flush_lwk(space->procs, space->epoch->cpus);
		drop_end(space);
	}
	if (token >= 0)
		ihk_leave(space->procs, token);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = invalidate,
};

static void drop_all(struct ihk_space *space)
{
	struct mirror *m;
	unsigned long i;
	bool found = false;
	int token = ihk_enter(space->procs);

	if (token < 0)
		return;
	xa_for_each(&space->mirrors, i, m)
		found |= drop_range(m, i * MIRROR_SIZE, (i + 1) * MIRROR_SIZE);
	if (found)
		ihk_flush_lwk(space->procs, space->epoch->cpus);
	ihk_leave(space->procs, token);
}

/* From then on nothing comes in any more. Who is at it, another closer too, has ended when we return. */
void ihk_mirror_close(struct ihk_space *space)
{
	bool first;

	spin_lock(&space->mirror_lock);
	first = !space->mirror_closed;
	space->mirror_closed = true;
	space->mirror_drops += first;
	spin_unlock(&space->mirror_lock);
	if (first) {
		drop_all(space);
		drop_end(space);
	}
	wait_var_event(&space->mirror_drops, !READ_ONCE(space->mirror_drops));
}

void ihk_mirror_end(struct ihk_space *space)
{
	struct mirror *m;
	unsigned long i;

	ihk_mirror_close(space);
	/* A watch that was being made is there by now, and no other will be. */
	mutex_lock(&space->lock);
	mutex_unlock(&space->lock);
	xa_for_each(&space->mirrors, i, m) {
		xa_erase(&space->mirrors, i);
		mmu_interval_notifier_remove(&m->sub);
		kfree(m);
	}
}

/* ---- the watch ---- */

static struct mirror *mirror_new(struct ihk_space *space, unsigned long index)
{
	struct mirror *m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	int err;

	if (!m)
		return NULL;
	m->space = space;
	err = mmu_interval_notifier_insert(&m->sub, current->mm, index * MIRROR_SIZE, MIRROR_SIZE,
					   &mirror_ops);
	if (err) {
		kfree(m);
		return NULL;
	}
	if (!xa_err(xa_store(&space->mirrors, index, m, GFP_KERNEL)))
		return m;
	mmu_interval_notifier_remove(&m->sub);
	kfree(m);
	return NULL;
}

/* NULL: no memory, or the mm is about to end. */
static struct mirror *mirror_at(struct ihk_space *space, u64 va)
{
	unsigned long index = va / MIRROR_SIZE;
	struct mirror *m = xa_load(&space->mirrors, index);

	if (m)
		return m;
	mutex_lock(&space->lock);
	m = xa_load(&space->mirrors, index);
	if (!m && !READ_ONCE(space->mirror_closed))
		m = mirror_new(space, index);
	mutex_unlock(&space->lock);
	return m;
}

/* ---- entering ---- */

struct fault {
	struct mirror *m;
	u64 va;
	bool write, exec;
	unsigned int flags; /* for Linux's fault */
	unsigned int tries; /* in which nothing could be followed */
	unsigned long seq;
	u64 start, end; /* the LWK has asked for all of this */
	u64 first; /* address of the first of: */
	u64 leaf[AROUND]; /* 0: leave it */
	struct page *
		dirty; /* of a large page that is to be written to; looked at only while it is under watch */
};

static int check_area(const struct vm_area_struct *vma, const struct fault *f)
{
	/* What we show to Linux is not shown back. */
	if (!vma || vma->vm_ops == &ihk_shadow_ops)
		return -EFAULT;
	if (f->write)
		return vma->vm_flags & VM_WRITE ? 0 : -EACCES;
	if (f->exec)
		return vma->vm_flags & VM_EXEC ? 0 : -EACCES;
	return vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC) ? 0 : -EACCES;
}

/* Linux's fault, also where it has the page: that marks it as used, and for a write as dirty. */
static int touch(struct vm_area_struct *vma, struct fault *f, bool *unlocked)
{
	vm_fault_t ret = handle_mm_fault(vma, f->va, f->flags, NULL);

	*unlocked = ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED);
	if (ret & VM_FAULT_RETRY)
		f->flags |= FAULT_FLAG_TRIED;
	if (*unlocked)
		return -EBUSY;
	if (ret & VM_FAULT_OOM)
		return -ENOMEM;
	if (ret & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE))
		return -EIO;
	return ret & VM_FAULT_ERROR ? -EFAULT : 0;
}

/* What the LWK's entry for Linux's would be; 0: there is none to be had. */
static u64 follow_small(struct vm_area_struct *vma, u64 va)
{
	spinlock_t *ptl;
	pte_t *at, pte;

	if (is_vm_hugetlb_page(vma) || follow_pte(vma->vm_mm, va, &at, &ptl))
		return 0;
	/* Sparse knows no lock that is taken on success only. */
	__acquire(ptl);
	pte = *at;
	pte_unmap_unlock(at, ptl);
	if (pte_protnone(pte))
		return 0;
	return ihk_leaf(pte_pfn(pte), pte_val(pte), pte_write(pte) && pte_dirty(pte),
			vma->vm_flags & VM_EXEC);
}

/*
 * A piece of a large page. That it is dirty, Linux's table does not tell: so it is made
 * so when it is entered. Until then it may go, for nobody has a reference.
 */
static u64 follow_huge(struct vm_area_struct *vma, struct fault *f)
{
	unsigned long pfn = 0;
	struct hmm_range range = {
		.notifier = &f->m->sub,
		.notifier_seq = f->seq,
		.start = f->va,
		.end = f->va + PAGE_SIZE,
		.hmm_pfns = &pfn,
	};

	if (hmm_range_fault(&range) || !(pfn & HMM_PFN_VALID) ||
	    (f->write && !(pfn & HMM_PFN_WRITE)))
		return 0;
	f->dirty = f->write ? hmm_pfn_to_page(pfn) : NULL;
	return ihk_leaf(pfn & ~HMM_PFN_FLAGS, pgprot_val(vma->vm_page_prot), f->write,
			vma->vm_flags & VM_EXEC);
}

/* What Linux's table has now. -EBUSY: not what was asked for. */
static int follow(struct vm_area_struct *vma, struct fault *f)
{
	unsigned int wanted = (f->va - f->first) >> PAGE_SHIFT, i;

	memset(f->leaf, 0, sizeof(f->leaf));
	f->dirty = NULL;
	f->leaf[wanted] = follow_small(vma, f->va);
	if (!f->leaf[wanted] && !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		f->leaf[wanted] = follow_huge(vma, f);
	if (!f->leaf[wanted] || (f->write && !(f->leaf[wanted] & PTE_WRITE)))
		return ++f->tries < HUGE_TRIES ? -EBUSY : -EIO;
	for (i = 0; i < AROUND; i++) {
		u64 va = f->first + i * PAGE_SIZE;

		if (i != wanted && va >= max_t(u64, vma->vm_start, f->start) &&
		    va < min_t(u64, vma->vm_end, f->end))
			f->leaf[i] = follow_small(vma, va);
	}
	return 0;
}

/* Rights that the entry has of the same page stay: the LWK's CPUs may use them. */
static void set_entry(u64 *entry, u64 leaf)
{
	u64 old = READ_ONCE(*entry), seen;

	for (;;) {
		if (old && (!(old & PTE_MIRROR) || (old ^ leaf) & PTE_ADDR_MASK))
			return;
		seen = cmpxchg(entry, old, leaf | (old & (PTE_WRITE | PTE_DIRTY)));
		if (seen == old)
			return;
		old = seen;
	}
}

/* Has the range been closed meanwhile? Its pages have not been taken out yet, then. */
static bool still_open(struct ihk_space *space, const struct fault *f)
{
	u64 start, end;

	return ihk_ranges_at(space, f->va, &start, &end) && start <= f->start && end >= f->end;
}

/* Context: inside, mirror_lock. */
static int enter_leaves(struct ihk_space *space, struct fault *f)
{
	unsigned int epoch = ihk_walk_begin(space), i;
	u64 *table = ihk_walk_table(space, f->va);

	for (i = 0; table && i < AROUND; i++)
		if (f->leaf[i])
			set_entry(&table[pt_index(f->first, 1) + i], f->leaf[i]);
	ihk_walk_end(space, epoch);
	if (!table)
		return -EAGAIN;
	__set_bit(pt_index(f->va, 2), f->m->tables);
	return 0;
}

/* Context: inside. */
static int enter_checked(struct ihk_space *space, struct fault *f)
{
	int err;

	spin_lock(&space->mirror_lock);
	if (space->mirror_closed) {
		err = -EINTR;
	} else if (mmu_interval_read_retry(&f->m->sub, f->seq) || !still_open(space, f)) {
		err = -EBUSY;
	} else {
		if (f->dirty)
			set_page_dirty(f->dirty);
		err = enter_leaves(space, f);
	}
	spin_unlock(&space->mirror_lock);
	return err;
}

/* Who is inside when the instance stops is waited for: the watch is there until he has left. */
static int follow_and_enter(struct ihk_space *space, struct vm_area_struct *vma, struct fault *f)
{
	int token = ihk_enter(space->procs), err;

	if (token < 0)
		return -EINTR;
	err = follow(vma, f);
	if (!err)
		err = enter_checked(space, f);
	ihk_leave(space->procs, token);
	return err;
}

/* What is to be compared afterwards. */
static int begin(struct ihk_space *space, struct fault *f)
{
	int token = ihk_enter(space->procs), err = 0;

	if (token < 0)
		return -EINTR;
	f->m = xa_load(&space->mirrors, f->va / MIRROR_SIZE);
	if (!f->m)
		err = -EINTR;
	else if (!ihk_ranges_at(space, f->va, &f->start, &f->end))
		err = -EFAULT;
	else /* Waits while something is being taken back. */
		f->seq = mmu_interval_read_begin(&f->m->sub);
	ihk_leave(space->procs, token);
	return err;
}

static int try(struct ihk_space *space, struct fault *f)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool unlocked = false;
	int err = begin(space, f);

	if (err)
		return err;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, f->va);
	err = check_area(vma, f);
	if (!err)
		err = touch(vma, f, &unlocked);
	if (!err)
		err = follow_and_enter(space, vma, f);
	if (!unlocked)
		mmap_read_unlock(mm);
	return err;
}

int ihk_mirror_fault(struct ihk_space *space, u64 va, bool write, bool exec)
{
	const unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY |
				   FAULT_FLAG_KILLABLE | (write ? FAULT_FLAG_WRITE : 0);
	struct fault f = {
		.va = va & PAGE_MASK,
		.write = write,
		.exec = exec,
		.flags = flags,
		.first = ALIGN_DOWN(va, AROUND * PAGE_SIZE),
	};
	int err;

	if (va >= SHADOW_END || current->mm != space->mm)
		return -EFAULT;
	if (!mirror_at(space, va))
		return -ENOMEM;
	do {
		err = try(space, &f);
		if (!(f.flags & FAULT_FLAG_TRIED))
			f.flags = flags;
		cond_resched();
	} while (err == -EBUSY && !fatal_signal_pending(current));
	return err == -EBUSY ? -EINTR : err;
}
