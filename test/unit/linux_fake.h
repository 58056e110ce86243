/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module's protocols use of Linux, for the interleaving tests: each
 * primitive is one step, waits go through weave_wait(). Every <linux/...> that
 * a file of the module includes is this file there.
 */
#ifndef LINUX_FAKE_H
#define LINUX_FAKE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "weave.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int32_t s32;
typedef long long s64;
typedef unsigned int gfp_t, fmode_t, vm_fault_t;
typedef long loff_t, ssize_t;
typedef unsigned long pgoff_t, dev_t, ino_t;

#define __user
#define __rcu
#define __acquire(lock) ((void)0)
#define __release(lock) ((void)0)
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define likely(x) (x)
#define unlikely(x) (x)
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define swap(a, b)             \
	do {                   \
		void *old = a; \
		a = b;         \
		b = old;       \
	} while (0)
#define max(a, b) ((a) > (b) ? (a) : (b))
#define clamp(v, low, high) min(max(v, low), high)
#define ilog2(v) (63 - __builtin_clzl(v))
#define totalram_pages() 0x1000UL
#define IS_ALIGNED(x, a) (((x) & ((a)-1)) == 0)
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define HZ 100
#define MAX_ERRNO 4095
#define ERESTARTSYS 512
#define GFP_KERNEL 0U
#define __GFP_NORETRY 0U
#define __GFP_NOWARN 0U
#define __GFP_ZERO 0U
#define __GFP_NOFAIL 0U
#define __GFP_ACCOUNT 0U
#define GFP_KERNEL_ACCOUNT 0U
#define module_param(name, type, mode)
#define MODULE_PARM_DESC(name, text)
#define cond_resched() ((void)0)
#define might_sleep() ((void)0)

static inline __attribute__((format(printf, 1, 2))) int no_print(const char *fmt, ...)
{
	return !fmt;
}
#define pr_err no_print
#define pr_warn no_print
#define pr_info no_print
#define pr_warn_ratelimited no_print
#define pr_info_ratelimited no_print

static inline bool fake_warn(bool condition, const char *text)
{
	if (condition)
		weave_fail("WARN_ON(%s)", text);
	return condition;
}
#define WARN_ON(condition) fake_warn(condition, #condition)
#define WARN_ON_ONCE WARN_ON
#define lockdep_assert_held(lock) WARN_ON(!(lock)->taken)

#define ERESTARTSYS 512
#define ERR_PTR(err) ((void *)(long)(err))
#define PTR_ERR(p) ((long)(p))
#define IS_ERR(p) ((unsigned long)(p) >= (unsigned long)-4095)
#define ERR_CAST(p) ((void *)(p))

/* ---- memory ---- */

#define kzalloc(size, gfp) weave_alloc(size)
#define kmalloc(size, gfp) weave_alloc(size)
#define kvzalloc(size, gfp) weave_alloc(size)
#define kvcalloc(n, size, gfp) weave_alloc((n) * (size))
#define kfree(p) weave_free((void *)(p))
#define kvfree(p) weave_free((void *)(p))

struct maple_tree {
	int unused;
};
struct page {
	int count;
	void *address;
};
extern struct page fake_pages[];
#define pfn_to_page(pfn) (&fake_pages[pfn])
#define page_to_phys(page) ((u64)(uintptr_t)(page))
#define page_count(page) __atomic_load_n(&(page)->count, __ATOMIC_RELAXED)
void __free_page(struct page *page);
#define page_address(page) ((page)->address)
struct page *alloc_page(gfp_t gfp);
#define clear_page(p) memset(p, 0, PAGE_SIZE)

/* ---- atomic ---- */

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb smp_mb
#define smp_wmb smp_mb
#define smp_mb__after_atomic smp_mb

typedef struct {
	int value;
} atomic_t;
typedef struct {
	s64 value;
} atomic64_t;
#define atomic_read(a) READ_ONCE((a)->value)
#define atomic_inc(a) __atomic_add_fetch(&(a)->value, 1, __ATOMIC_SEQ_CST)
#define atomic_inc_return atomic_inc
#define atomic_dec(a) __atomic_sub_fetch(&(a)->value, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_and_test(a) (atomic_dec(a) == 0)
#define atomic64_read atomic_read
#define atomic64_inc atomic_inc
#define atomic64_set(a, v) WRITE_ONCE((a)->value, v)

struct kref {
	int refs;
};
#define kref_init(k) WRITE_ONCE((k)->refs, 1)
static inline void kref_get(struct kref *k)
{
	WARN_ON(__atomic_fetch_add(&k->refs, 1, __ATOMIC_SEQ_CST) <= 0);
}

static inline int kref_put(struct kref *k, void (*release)(struct kref *k))
{
	if (__atomic_sub_fetch(&k->refs, 1, __ATOMIC_SEQ_CST))
		return 0;
	release(k);
	return 1;
}

/* ---- bits ---- */

#define BITS_PER_LONG 64
#define DECLARE_BITMAP(name, bits) unsigned long name[((bits) + 63) / 64]
#define bit_of(nr) (1UL << ((nr) % 64))
#define test_bit(nr, map) ((READ_ONCE((map)[(nr) / 64]) & bit_of(nr)) != 0)
#define test_and_set_bit(nr, map) \
	((__atomic_fetch_or(&(map)[(nr) / 64], bit_of(nr), __ATOMIC_SEQ_CST) & bit_of(nr)) != 0)
#define set_bit(nr, map) ((void)__atomic_fetch_or(&(map)[(nr) / 64], bit_of(nr), __ATOMIC_SEQ_CST))
#define clear_bit(nr, map) \
	((void)__atomic_fetch_and(&(map)[(nr) / 64], ~bit_of(nr), __ATOMIC_SEQ_CST))
#define clear_bit_unlock clear_bit
#define __set_bit(nr, map) ((void)((map)[(nr) / 64] |= bit_of(nr)))
#define __clear_bit(nr, map) ((void)((map)[(nr) / 64] &= ~bit_of(nr)))
#define bitmap_zero(map, bits) memset(map, 0, (bits) / 8)
#define bitmap_copy(to, from, bits) memcpy(to, from, (bits) / 8)
bool bitmap_empty(const unsigned long *map, unsigned int bits);
unsigned int find_first_zero_bit(const unsigned long *map, unsigned int bits);
unsigned int find_next_bit(const unsigned long *map, unsigned int bits, unsigned int from);
#define for_each_set_bit(nr, map, bits)                         \
	for ((nr) = find_next_bit(map, bits, 0); (nr) < (bits); \
	     (nr) = find_next_bit(map, bits, (nr) + 1))

/* ---- lists ---- */

struct list_head {
	struct list_head *next, *prev;
};
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};
#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }
static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline void list_add(struct list_head *n, struct list_head *head)
{
	n->next = head->next;
	n->prev = head;
	head->next->prev = n;
	head->next = n;
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_add(n, head->prev);
}

static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
}

static inline void list_del_init(struct list_head *n)
{
	list_del(n);
	INIT_LIST_HEAD(n);
}

static inline void list_move_tail(struct list_head *n, struct list_head *head)
{
	list_del(n);
	list_add_tail(n, head);
}

#define list_empty(l) ((l)->next == (l))
#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(l, type, member) list_entry((l)->next, type, member)
#define list_for_each_entry(pos, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

#define INIT_HLIST_NODE(n) ((n)->next = NULL, (n)->pprev = NULL)
#define hlist_unhashed(n) (!(n)->pprev)
#define hash_ptr(p, bits) ((unsigned int)((uintptr_t)(p) >> 6) & ((1U << (bits)) - 1))
static inline void hlist_add_head_rcu(struct hlist_node *n, struct hlist_head *head)
{
	n->next = head->first;
	n->pprev = &head->first;
	if (head->first)
		head->first->pprev = &n->next;
	__atomic_store_n(&head->first, n, __ATOMIC_RELEASE);
}

static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	__atomic_store_n(n->pprev, n->next, __ATOMIC_RELAXED);
	if (n->next)
		n->next->pprev = n->pprev;
	n->pprev = NULL;
}

#define hlist_for_each_entry_rcu(pos, head, member) \
	for (struct hlist_node *n_ = (head)->first; \
	     n_ && ((pos) = list_entry(n_, __typeof__(*pos), member), true); n_ = n_->next)

/* ---- locks ---- */

struct fake_lock {
	int taken; /* for writing: -1; else by how many */
};
typedef struct fake_lock spinlock_t, raw_spinlock_t;
struct mutex {
	int taken;
};
struct rw_semaphore {
	int taken;
};
void fake_lock(int *taken, int how);
void fake_unlock(int *taken, int how);
#define DEFINE_SPINLOCK(name) spinlock_t name
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name
#define DEFINE_MUTEX(name) struct mutex name
#define raw_spin_lock_init(l) ((l)->taken = 0)
#define mutex_init raw_spin_lock_init
#define init_rwsem raw_spin_lock_init
#define spin_lock(l) fake_lock(&(l)->taken, -1)
#define spin_unlock(l) fake_unlock(&(l)->taken, -1)
#define raw_spin_lock spin_lock
#define raw_spin_unlock spin_unlock
#define raw_spin_lock_irq spin_lock
#define raw_spin_unlock_irq spin_unlock
#define raw_spin_lock_irqsave(l, flags) ((void)((flags) = 0), spin_lock(l))
#define raw_spin_unlock_irqrestore(l, flags) ((void)(flags), spin_unlock(l))
#define mutex_lock spin_lock
#define mutex_unlock spin_unlock
#define down_write spin_lock
#define up_write spin_unlock
#define down_read(l) fake_lock(&(l)->taken, 1)
#define up_read(l) fake_unlock(&(l)->taken, 1)

/* ---- waiting ---- */

u64 get_cycles(void);
extern unsigned long jiffies; /* one more each time that a wait's time is over */
#define msecs_to_jiffies(ms) ((ms) / 10)
/* Until something has happened, if anything still does. */
#define msleep(ms) ((void)(ms), (void)weave_wait_change(WEAVE_TIMED, weave_look()))
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)

struct completion {
	unsigned int done;
};
#define init_completion(c) WRITE_ONCE((c)->done, 0)
#define reinit_completion init_completion
void complete(struct completion *c);
long wait_for_completion_timeout(struct completion *c, unsigned long timeout);
long wait_for_completion_killable_timeout(struct completion *c, unsigned long timeout);
void fake_kill(int actor); /* its killable waits end */

struct semaphore {
	int count;
};
#define sema_init(s, n) ((s)->count = (n))
extern int fake_downs; /* without their up() */
void down(struct semaphore *s);
void up(struct semaphore *s);
static inline int down_killable(struct semaphore *s)
{
	down(s);
	return 0;
}

typedef struct {
	int unused;
} wait_queue_head_t;
#define init_waitqueue_head(q) ((void)(q))
#define wake_up_all(q) ((void)(q))
#define wait_event(q, condition)                         \
	do {                                             \
		unsigned int look_ = weave_look();       \
                                                         \
		if (condition)                           \
			break;                           \
		weave_wait_change(WEAVE_BLOCKED, look_); \
	} while (1)
#define wait_event_killable(q, condition) \
	({                                \
		wait_event(q, condition); \
		0;                        \
	})

/* ---- work: run by the actors that call fake_worker() ---- */

struct work_struct {
	void (*fn)(struct work_struct *work);
	bool pending, running, after_readers;
};
struct timer_list {
	unsigned long expires;
};

struct delayed_work {
	struct work_struct work;
};
struct rcu_work {
	struct work_struct work;
};
struct workqueue_struct;
#define WQ_UNBOUND 0
#define WQ_MEM_RECLAIM 0
extern struct workqueue_struct *system_unbound_wq;
#define alloc_workqueue(fmt, flags, max, ...) ((struct workqueue_struct *)&jiffies)
#define destroy_workqueue(q) ((void)(q))
#define flush_workqueue(q) ((void)(q))
#define INIT_WORK(w, function) (*(w) = (struct work_struct){ .fn = (function) })
#define INIT_DELAYED_WORK(w, function) INIT_WORK(&(w)->work, function)
#define INIT_RCU_WORK(w, function) INIT_WORK(&(w)->work, function)
#define to_rcu_work(w) container_of(w, struct rcu_work, work)
bool queue_work(struct workqueue_struct *q, struct work_struct *work);
bool queue_delayed_work(struct workqueue_struct *q, struct delayed_work *work, unsigned long delay);
#define cancel_delayed_work_sync(w) ((void)(w))
/* After a grace period: when nobody is reading. */
bool queue_rcu_work(struct workqueue_struct *q, struct rcu_work *work);
#define rcu_barrier() ((void)0)
/* Run one piece of work that is due; false: there is none. */
bool fake_work(void);
bool fake_work_due(void *arg);
/* An actor: work for ever. */
void fake_worker(void);

/* ---- RCU and SRCU ---- */

void rcu_read_lock(void);
void rcu_read_unlock(void);
#define rcu_dereference(p) READ_ONCE(p)
#define rcu_dereference_protected(p, held) (p)
#define rcu_access_pointer(p) READ_ONCE(p)
#define rcu_assign_pointer(p, v) smp_store_release(&(p), v)
struct srcu_struct {
	int readers;
};
#define srcu_read_lock(s) ((void)(s), 0)
#define srcu_read_unlock(s, token) ((void)(s), (void)(token))

/* ---- xarray: small, its lock apart ---- */

#define XA_MAX 8
struct xarray {
	int taken;
	void *entry[XA_MAX];
};
struct xa_limit {
	u32 min, max;
};
#define XA_LIMIT(low, high) ((struct xa_limit){ low, high })
#define XA_FLAGS_ALLOC 0
#define XA_FLAGS_ALLOC1 1
#define XA_PRESENT 0
#define XA_ZERO_ENTRY ((void *)2UL)
#define DEFINE_XARRAY(name) struct xarray name
#define xa_init_flags(xa, flags) memset(xa, 0, sizeof(struct xarray))
#define xa_init(xa) xa_init_flags(xa, 0)
#define xa_destroy(xa) ((void)(xa))
#define xa_lock(xa) spin_lock(xa)
#define xa_unlock(xa) spin_unlock(xa)
int xa_alloc(struct xarray *xa, u32 *index, void *entry, struct xa_limit limit, gfp_t gfp);
#define __xa_alloc_cyclic(xa, index, entry, limit, next, gfp) xa_alloc(xa, index, entry, limit, gfp)
int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_erase(struct xarray *xa, unsigned long index);
/* Whatever is there, from *index on. */
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, unsigned int filter);
#define xa_err(entry) (IS_ERR(entry) ? (int)PTR_ERR(entry) : 0)
bool xa_empty(struct xarray *xa);
#define xa_reserve(xa, index, gfp) xa_insert(xa, index, NULL, gfp)
#define xa_for_each_range(xa, index, e, first, last)                              \
	for ((index) = (first); (index) < XA_MAX && (index) <= (last); (index)++) \
		if (((e) = xa_load(xa, index)) != NULL)
#define xa_for_each(xa, index, e) xa_for_each_range(xa, index, e, 0UL, ULONG_MAX)

/* ---- files, tasks: as far as declarations need them ---- */

struct address_space;
struct inode;
struct file {
	struct address_space *f_mapping;
	int refs;
};
struct file_operations {
	int unused;
};
struct vm_area_struct;
struct vm_operations_struct;
struct linux_binprm;
struct linux_binfmt {
	int unused;
};
struct cred;
struct callback_head {
	int unused;
};
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};
struct elf64_phdr;
struct elf64_hdr {
	int unused;
};
struct super_block;
struct kernel_siginfo;
#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
struct mmu_notifier;
struct mm_struct {
	struct linux_binfmt *binfmt;
	struct mmu_notifier *notifier; /* a list of at most one */
	int taken; /* the lock of the list */
};
struct sighand_struct {
	spinlock_t siglock;
};
struct task_struct {
	struct mm_struct *mm;
	struct sighand_struct *sighand;
	int refs;
	u64 utime, stime;
	struct {
		u64 sum_exec_runtime;
	} se;
};
extern struct task_struct fake_current;
#define current (&fake_current)

struct mmu_notifier_ops {
	void (*release)(struct mmu_notifier *n, struct mm_struct *mm);
	struct mmu_notifier *(*alloc_notifier)(struct mm_struct *mm);
	void (*free_notifier)(struct mmu_notifier *n);
};
struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	int users;
};
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops, struct mm_struct *mm);
void mmu_notifier_put(struct mmu_notifier *n);
void set_binfmt(struct linux_binfmt *new);

#define get_task_struct(t) __atomic_add_fetch(&(t)->refs, 1, __ATOMIC_SEQ_CST)
#define put_task_struct(t) __atomic_sub_fetch(&(t)->refs, 1, __ATOMIC_SEQ_CST)
int wake_up_process(struct task_struct *task);
#define put_cred(cred) ((void)(cred))
#define local_irq_disable() ((void)0)
#define local_irq_enable() ((void)0)

struct file *get_file(struct file *file);
void fput(struct file *file);
int deny_write_access(struct file *file);
void allow_write_access(struct file *file);
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t count, bool even);

#endif
