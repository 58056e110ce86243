// SPDX-License-Identifier: GPL-2.0-only
/* Twins: making, binding, finding and ending them. */
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "object/object.h"
#include "os/os.h"
#include "space/space.h"
#include "twin/twin.h"

/*
 * Twins by task. Changed under hash_lock, read under RCU by the tracepoints,
 * which see every fork and exit of the system: so large that there are few in a
 * bucket even if twins fill half of the memory, at some ten pages each.
 */
#define PAGES_OF_BUCKET_BITS 5 /* of memory */
#define TASK_BITS_MIN 10
#define TASK_BITS_MAX 20
static struct hlist_head *task_hash;
static unsigned int task_bits;
static DEFINE_RAW_SPINLOCK(hash_lock);
#define BOX_LOOKS 8U /* at mailboxes that may not be free yet, before a new one is made */
#define BOXES_SPARE 4096U /* so many more than there are twins */
/* Frees twins: putting a task may sleep on some kernels. */
static struct workqueue_struct *free_queue;

int ihk_twin_init(void)
{
	task_bits =
		clamp(ilog2(totalram_pages()) - PAGES_OF_BUCKET_BITS, TASK_BITS_MIN, TASK_BITS_MAX);
	task_hash = kvcalloc(1UL << task_bits, sizeof(*task_hash), GFP_KERNEL);
	if (!task_hash)
		return -ENOMEM;
	free_queue = alloc_workqueue("ihk_free", 0, 0);
	if (free_queue)
		return 0;
	kvfree(task_hash);
	return -ENOMEM;
}

static struct hlist_head *task_bucket(struct task_struct *task)
{
	return &task_hash[hash_ptr(task, task_bits)];
}

void ihk_twin_exit(void)
{
	rcu_barrier();
	destroy_workqueue(free_queue);
	kvfree(task_hash);
}

struct ihk_twin *ihk_twin_of(struct task_struct *task)
{
	struct ihk_twin *twin;

	rcu_read_lock();
	hlist_for_each_entry_rcu(twin, task_bucket(task), hash) {
		if (twin->task == task)
			goto out;
	}
	twin = NULL;
out:
	rcu_read_unlock();
	return twin;
}

/* The LWK has not taken the note about it yet, which it does soon. */
static bool box_is_noted(const struct ihk_box *box)
{
	const struct kpage *k = page_address(box->kpage);

	return smp_load_acquire(&k->note_queued);
}

/* Has the pool more than it should need? */
static bool boxes_abound(const struct ihk_procs *procs)
{
	return procs->boxes_idle >= BOXES_SPARE + atomic_read(&procs->twin_count);
}

/*
 * A mailbox of the pool that nobody but the two kernels holds: a call of its last
 * owner may have pinned the slot. One that is not free yet goes behind the others:
 * a few are looked at, and those after them by the next who comes. NULL: a new one
 * is to be made. An error: the pool abounds with notes that the LWK does not take.
 */
static struct ihk_box *box_reuse(struct ihk_procs *procs, bool *abound)
{
	struct ihk_box *box, *found = NULL;
	unsigned int n, looks, noted = 0;

	mutex_lock(&procs->box_lock);
	*abound = boxes_abound(procs);
	looks = min(procs->boxes_idle, *abound ? BOXES_SPARE : BOX_LOOKS);
	for (n = 0; n < looks && !found; n++) {
		box = list_first_entry(&procs->boxes, struct ihk_box, node);
		noted += box_is_noted(box);
		if (page_count(box->slot) == 1 && !box_is_noted(box)) {
			list_del(&box->node);
			procs->boxes_idle--;
			found = box;
		} else {
			list_move_tail(&box->node, &procs->boxes);
		}
	}
	mutex_unlock(&procs->box_lock);
	return *abound && noted == looks ? ERR_PTR(-ENOMEM) : found;
}

/*
 * The pages are the instance's, and no user's memory cgroup is charged for them:
 * they outlive their first owner. There are no more of them than there were
 * twins at once, but for those that are not free and one for each seven of these.
 * Who makes more than the pool should need, because slots are pinned, pays himself.
 */
static struct ihk_box *box_take(struct ihk_procs *procs)
{
	bool abound;
	struct ihk_box *box = box_reuse(procs, &abound);
	gfp_t gfp = abound ? GFP_KERNEL_ACCOUNT : GFP_KERNEL;

	if (IS_ERR(box))
		return NULL;
	if (box) {
		clear_page(page_address(box->slot));
		clear_page(page_address(box->kpage));
		return box;
	}
	box = kzalloc(sizeof(*box), gfp);
	if (!box)
		return NULL;
	box->slot = alloc_page(gfp | __GFP_ZERO);
	box->kpage = alloc_page(gfp | __GFP_ZERO);
	if (box->slot && box->kpage)
		return box;
	if (box->slot)
		__free_page(box->slot);
	if (box->kpage)
		__free_page(box->kpage);
	kfree(box);
	return NULL;
}

/* To the end: the longer it rests, the surer nobody holds it. */
static void box_return(struct ihk_procs *procs, struct ihk_box *box)
{
	mutex_lock(&procs->box_lock);
	list_add_tail(&box->node, &procs->boxes);
	procs->boxes_idle++;
	mutex_unlock(&procs->box_lock);
}

static void twin_uncount(struct ihk_procs *procs)
{
	if (atomic_dec_and_test(&procs->twin_count))
		wake_up_all(&procs->gone);
}

/*
 * Into the table, at the lowest index: it stays flat, and the doorbell finds what
 * it looks for in few steps. Counted before, so that who finds none counted finds
 * none in the table.
 */
static int twin_enlist(struct ihk_procs *procs, struct ihk_twin *twin)
{
	int err;

	atomic_inc(&procs->twin_count);
	twin->gen = atomic_inc_return(&procs->twin_gen);
	err = xa_alloc(&procs->twins, &twin->index, twin, XA_LIMIT(0, ABI_MAX_TWINS - 1),
		       GFP_KERNEL);
	if (!err)
		return 0;
	twin_uncount(procs);
	return err == -EBUSY ? -EAGAIN : err;
}

static void twin_delist(struct ihk_procs *procs, struct ihk_twin *twin)
{
	xa_erase(&procs->twins, twin->index);
	twin_uncount(procs);
}

static void twin_free(struct work_struct *work)
{
	struct ihk_twin *twin = container_of(to_rcu_work(work), struct ihk_twin, free_work);

	if (twin->task)
		put_task_struct(twin->task);
	if (twin->cred)
		put_cred(twin->cred);
	kfree(twin);
}

struct ihk_twin *ihk_twin_new(struct ihk_space *space, int slot_number)
{
	struct ihk_procs *procs = space->procs;
	struct ihk_twin *twin = kzalloc(sizeof(*twin), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!twin)
		return ERR_PTR(-ENOMEM);
	twin->box = box_take(procs);
	if (!twin->box)
		goto free;
	err = ihk_space_add_slot(space, slot_number, twin->box->slot);
	if (err < 0)
		goto box;
	twin->slot_number = err;
	twin->procs = ihk_procs_ref(procs);
	twin->space = space;
	kref_get(&space->ref);
	twin->slot = page_address(twin->box->slot);
	twin->k = page_address(twin->box->kpage);
	twin->slot->index = twin->slot_number;
	twin->slot->self = PROXY_SLOTS + twin->slot_number * PAGE_SIZE;
	/* Odd until the first wait: no user code before it. */
	twin->k->hold = 1;
	INIT_RCU_WORK(&twin->free_work, twin_free);
	INIT_HLIST_NODE(&twin->hash);
	err = twin_enlist(procs, twin);
	if (!err)
		return twin;

	ihk_space_leave(space);
	ihk_space_drop_slot(space, twin->slot_number);
	ihk_space_put(space);
	ihk_procs_put(procs);
box:
	box_return(procs, twin->box);
free:
	kfree(twin);
	return ERR_PTR(err);
}

int ihk_twin_attach(struct ihk_twin *twin, u64 thread)
{
	struct ihk_call c = {
		.op = CALL_THREAD_ATTACH,
		.arg = { thread, page_to_phys(twin->box->slot), page_to_phys(twin->box->kpage),
			 twin->index, twin->gen, twin->slot_number, twin->space->id },
	};
	int err;

	twin->thread = thread;
	err = ihk_procs_call(twin->procs, -1, &c);
	if (!err)
		err = ihk_call_error(twin->procs->os, &c);
	if (!err)
		ihk_cputime_attach(twin);
	return err;
}

void ihk_twin_bind(struct ihk_twin *twin, struct task_struct *task)
{
	unsigned long flags;

	get_task_struct(task);
	/* Pairs with the doorbell's and the stop's acquire: the reference is there. */
	smp_store_release(&twin->task, task);
	raw_spin_lock_irqsave(&hash_lock, flags);
	hlist_add_head_rcu(&twin->hash, task_bucket(task));
	raw_spin_unlock_irqrestore(&hash_lock, flags);
}

int ihk_twin_place(struct ihk_twin *twin)
{
	u32 cpu = READ_ONCE(twin->k->cpu);

	return cpu < READ_ONCE(twin->procs->os->cpu_count) ? (int)cpu : -1;
}

int ihk_place_of_current(struct ihk_os *os)
{
	struct ihk_twin *twin = ihk_twin_of(current);

	return twin && twin->procs->os == os ? ihk_twin_place(twin) : -1;
}

u64 ihk_thread_of_current(struct ihk_os *os)
{
	struct ihk_twin *twin = ihk_twin_of(current);

	return twin && twin->procs->os == os ? twin->thread : 0;
}

unsigned long ihk_room_of_current(unsigned long len)
{
	struct ihk_twin *twin = ihk_twin_of(current);

	return twin && twin->open_len == len ? twin->open_start : 0;
}

void ihk_twin_ring(struct ihk_twin *twin)
{
	/*
	 * A later boot knows nothing of this twin's mailbox. It does not begin
	 * before we leave: the stop waits for readers.
	 */
	rcu_read_lock();
	if (ihk_procs_alive(twin->procs))
		ihk_note_lwk(twin->procs->os, ihk_twin_place(twin), twin->k);
	rcu_read_unlock();
}

void ihk_twin_sched(struct task_struct *task)
{
	struct ihk_twin *twin = ihk_twin_of(task);
	unsigned long flags;

	if (!twin || READ_ONCE(twin->k->sched) == ihk_sched_word(task))
		return;
	/* One that is in the hash has its page still: for the word, and for the note about it. */
	raw_spin_lock_irqsave(&hash_lock, flags);
	if (!hlist_unhashed(&twin->hash) && ihk_sched_publish(twin->k, task)) {
		/* The word before the look at the state of the LWK's CPU. */
		smp_mb();
		ihk_twin_ring(twin);
	}
	raw_spin_unlock_irqrestore(&hash_lock, flags);
}

void ihk_twin_request(struct ihk_os *os, u32 index, u32 gen)
{
	struct task_struct *task;
	struct ihk_procs *procs;
	struct ihk_twin *twin;

	if (index >= ABI_MAX_TWINS)
		return;
	rcu_read_lock();
	procs = rcu_dereference(os->procs);
	twin = procs ? xa_load(&procs->twins, index) : NULL;
	/* Pairs with the release in ihk_twin_bind(). */
	task = twin && twin->gen == gen ? smp_load_acquire(&twin->task) : NULL;
	/*
	 * The LWK's request is there; pairs with the fence between `waiting`
	 * and the look at req_seq. Awake elsewhere in Linux it is left alone.
	 */
	smp_mb();
	if (task && READ_ONCE(twin->waiting))
		wake_up_process(task);
	rcu_read_unlock();
}

static void call_end(struct ihk_twin *twin, enum thread_end why)
{
	struct ihk_call c = { .op = CALL_THREAD_END, .arg = { twin->thread, why } };
	int err = ihk_procs_call(twin->procs, ihk_twin_place(twin), &c);

	if (!err && c.ret)
		pr_warn_ratelimited("ihk: os %d: the end of thread %#llx is answered by %lld\n",
				    twin->procs->os->index, twin->thread, c.ret);
}

void ihk_twin_end(struct ihk_twin *twin, enum thread_end why)
{
	struct ihk_procs *procs = twin->procs;
	struct ihk_space *space = twin->space;

	if (twin->child) {
		ihk_twin_end(twin->child, THREAD_UNBORN);
		twin->child = NULL;
	}
	ihk_life_forget(twin);
	ihk_space_leave(space);
	if (twin->thread)
		call_end(twin, why);
	ihk_cputime_end(twin);

	raw_spin_lock_irq(&hash_lock);
	if (!hlist_unhashed(&twin->hash))
		hlist_del_init_rcu(&twin->hash);
	raw_spin_unlock_irq(&hash_lock);
	ihk_space_drop_slot(space, twin->slot_number);
	box_return(procs, twin->box);
	twin_delist(procs, twin);
	queue_rcu_work(free_queue, &twin->free_work);
	ihk_space_put(space);
	ihk_procs_put(procs);
}
