/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ihk/space/mirror.c uses of Linux's memory management, for its interleaving
 * test: one area of one page, whose entry in Linux's table is a word, and the
 * notifiers of that mm with their sequence numbers, as mm/mmu_notifier.c has them.
 */
#ifndef LINUX_FAKE_MM_H
#define LINUX_FAKE_MM_H

#include "linux_fake.h"

#define SZ_1G 0x40000000UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define spin_lock_init raw_spin_lock_init
#define XA_FLAGS_ACCOUNT 0
#define xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)                                                         \
	({                                                                           \
		__typeof__(*(p)) seen_ = (old);                                      \
		__atomic_compare_exchange_n(p, &seen_, new, false, __ATOMIC_SEQ_CST, \
					    __ATOMIC_SEQ_CST);                       \
		seen_;                                                               \
	})
#define wake_up_var(p) wake_up_all(p)
#define wait_var_event(p, condition) wait_event(p, condition)
#define fatal_signal_pending(task) false

/* ---- areas ---- */

#define VM_READ 1UL
#define VM_WRITE 2UL
#define VM_EXEC 4UL
#define VM_IO 8UL
#define VM_PFNMAP 16UL
typedef struct {
	unsigned long pgprot;
} pgprot_t;
#define pgprot_val(p) ((p).pgprot)
struct vm_operations_struct {
	int unused;
};
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags;
	const struct vm_operations_struct *vm_ops;
	struct mm_struct *vm_mm;
	pgprot_t vm_page_prot;
};
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr);
#define is_vm_hugetlb_page(vma) false
#define mmap_read_lock_killable(mm) ((void)(mm), 0)
#define mmap_read_unlock(mm) ((void)(mm))

/* ---- Linux's faults and its table ---- */

#define FAULT_FLAG_REMOTE 1U
#define FAULT_FLAG_ALLOW_RETRY 2U
#define FAULT_FLAG_KILLABLE 4U
#define FAULT_FLAG_WRITE 8U
#define FAULT_FLAG_TRIED 16U
#define VM_FAULT_OOM 1U
#define VM_FAULT_SIGBUS 2U
#define VM_FAULT_HWPOISON 4U
#define VM_FAULT_HWPOISON_LARGE 8U
#define VM_FAULT_RETRY 16U
#define VM_FAULT_COMPLETED 32U
#define VM_FAULT_ERROR 15U
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags,
			   void *regs);

typedef unsigned long pte_t; /* the frame, 0: none; always writable and dirty */
int follow_pte(struct mm_struct *mm, unsigned long addr, pte_t **pte, spinlock_t **lock);
#define pte_unmap_unlock(pte, lock) spin_unlock(lock)
#define pte_protnone(pte) false
#define pte_pfn(pte) (pte)
#define pte_val(pte) 0UL
#define pte_write(pte) true
#define pte_dirty(pte) true

/* ---- notifiers ---- */

struct mmu_notifier_range {
	unsigned long start, end;
};
#define mmu_notifier_range_blockable(range) true
struct mmu_interval_notifier;
struct mmu_interval_notifier_ops {
	bool (*invalidate)(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range, unsigned long seq);
};
struct mmu_interval_notifier {
	struct {
		unsigned long start, last;
	} interval_tree;
	const struct mmu_interval_notifier_ops *ops;
	unsigned long invalidate_seq;
};
int mmu_interval_notifier_insert(struct mmu_interval_notifier *sub, struct mm_struct *mm,
				 unsigned long start, unsigned long length,
				 const struct mmu_interval_notifier_ops *ops);
void mmu_interval_notifier_remove(struct mmu_interval_notifier *sub);
unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *sub);
#define mmu_interval_set_seq(sub, seq) WRITE_ONCE((sub)->invalidate_seq, seq)
#define mmu_interval_read_retry(sub, seq) (READ_ONCE((sub)->invalidate_seq) != (seq))

/* ---- large pages: there are none ---- */

#define HMM_PFN_VALID (1UL << 63)
#define HMM_PFN_WRITE (1UL << 62)
#define HMM_PFN_FLAGS (3UL << 62)
struct hmm_range {
	struct mmu_interval_notifier *notifier;
	unsigned long notifier_seq, start, end;
	unsigned long *hmm_pfns;
};
#define hmm_range_fault(range) ((void)(range), -EBUSY)
#define hmm_pfn_to_page(pfn) pfn_to_page(pfn)
#define set_page_dirty(page) ((void)(page))

#endif
