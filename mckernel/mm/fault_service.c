/* SPDX-License-Identifier: GPL-2.0-only */
/* Who faults: Linux, which must not be kept waiting, and our own threads, which wait and read files. */
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/task.h"
#include "internal.h"

#define SHRINK_PAGES 64 /* freed at once when a fault finds no memory */

/* ---- copies that wait for the module ---- */

struct copy_job {
	struct space *space; /* pinned */
	u64 va, copy_pa;
};

static void copy_thread(void *arg)
{
	struct copy_job *job = arg;

	cow_finish(job->space, job->va, job->copy_pa);
	space_unpin(job->space);
	kfree(job);
}

/* Without a thread the entry becomes again what it was. */
static void copy_undo(struct fault *f)
{
	struct space *s = f->space;
	u64 *slot;
	int level;
	u64 old;

	spin_lock(&s->lock);
	slot = entry_at(s, f->va, &level);
	old = pte_load(slot);
	kassert(level == 1 && pte_is_busy(old));
	pte_swap(slot, pte_remake(region_at(s, f->va), old, 1));
	spin_unlock(&s->lock);
	mm_wake();
	if (upage_unmap(f->copy_pa))
		upage_free(f->copy_pa);
}

static enum fault_result copy_defer(struct fault *f)
{
	struct copy_job *job = kmalloc(sizeof(*job));

	if (job) {
		*job = (struct copy_job){ f->space, f->va, f->copy_pa };
		/* The asker has the space until it is answered, so it can be pinned once more. */
		__atomic_add_fetch(&f->space->pins, 1, __ATOMIC_SEQ_CST);
		if (ikc_defer(copy_thread, job))
			return FR_BUSY;
		space_unpin(f->space);
		kfree(job);
	}
	copy_undo(f);
	return FR_OOM;
}

/* ---- one attempt ---- */

static enum fault_result fault_once(struct fault *f)
{
	enum fault_result result;

	if (f->va >= SHADOW_END)
		return FR_NOMAP;
	spin_lock(&f->space->lock);
	result = fault_locked(f);
	spin_unlock(&f->space->lock);
	return result;
}

enum fault_result space_fault(struct space *s, u64 addr, enum access access, struct fill_wanted *fill)
{
	struct fault f = { .space = s, .va = addr & PAGE_MASK, .access = access, .fill = fill };
	enum fault_result result;

	assert_no_lock();
	result = fault_once(&f);
	if (result == FR_OOM) {
		file_shrink(SHRINK_PAGES);
		result = fault_once(&f);
	}
	return f.copying ? copy_defer(&f) : result;
}

/* ---- our own threads ---- */

struct fault_wait {
	struct space *space;
	u64 va;
};

/* Nothing that a fault at this address would wait for is under way any more. */
static bool fault_may_go_on(void *arg)
{
	struct fault_wait *w = arg;
	struct space *s = w->space;
	struct region *r;
	int level;
	u64 e;
	bool go;

	spin_lock(&s->lock);
	e = pte_load(entry_at(s, w->va, &level));
	r = region_after(s, w->va);
	if (!r)
		go = true;
	else if (r->start > w->va)
		go = !claim_overlaps(s, w->va, r->start);
	else if (e)
		go = !pte_is_busy(e);
	else
		go = !r->file ||
		     !file_page_filling(r->file, r->pgoff + ((w->va - r->start) >> PAGE_SHIFT));
	spin_unlock(&s->lock);
	return go;
}

/* RLIMIT_STACK as Linux has it now, also for faults that Linux will ask for. */
static void limits_refresh(struct space *s)
{
	struct thread *t = current_thread();

	if (t && t->space == s && t->kpage)
		WRITE_ONCE(s->stack_limit, READ_ONCE(t->kpage->rlimit_stack));
}

static enum fault_result wait_for_change(struct fault *f)
{
	struct fault_wait w = { f->space, f->va };

	/* The thread must end: what is told to it then does not matter. */
	return mm_wait(fault_may_go_on, &w, true) ? FR_BUS : FR_OK;
}

static enum fault_result fill_by_twin(struct fill_wanted *fill)
{
	int err = file_read_around(fill->file, fill->index, fill->frame_pa);

	file_put(fill->file);
	return err ? FR_BUS : FR_OK;
}

enum fault_result space_fault_wait(struct space *s, u64 addr, enum access access)
{
	struct fill_wanted fill;
	enum fault_result result;
	bool drained = false;

	assert_no_lock();
	limits_refresh(s);
	for (;;) {
		struct fault f = { .space = s, .va = addr & PAGE_MASK, .access = access, .fill = &fill };

		result = fault_once(&f);
		if (f.copying) {
			cow_finish(s, f.va, f.copy_pa);
			return FR_OK;
		}
		if (result == FR_BUSY)
			result = wait_for_change(&f);
		else if (result == FR_FILL)
			result = fill_by_twin(&fill);
		else if (result == FR_OOM && !drained) {
			drained = true;
			file_shrink(SHRINK_PAGES);
			lend_drain();
			continue;
		} else
			return result;
		if (result != FR_OK)
			return result;
	}
}

/* ---- Linux ---- */

static enum fault_answer answer_of(enum fault_result result)
{
	switch (result) {
	case FR_OK: return FAULT_OK;
	case FR_BUS: return FAULT_BUS;
	case FR_OOM: return FAULT_OOM;
	case FR_BUSY: return FAULT_WAIT;
	case FR_FILL: return FAULT_FILL;
	default: return FAULT_BAD;
	}
}

static void serve_fault(u32 index, const struct ikc_call *call)
{
	/* Each word is read once: Linux may not be trusted to leave it. */
	u64 id = READ_ONCE(call->arg[0]), addr = READ_ONCE(call->arg[1]);
	enum access access = READ_ONCE(call->arg[2]) ? ACCESS_WRITE : ACCESS_READ;
	struct space *s = space_pin(id);
	struct fill_wanted fill;
	enum fault_result result;
	u64 out[3];

	if (!s) {
		ikc_answer(index, FAULT_BAD, NULL, 0);
		return;
	}
	result = space_fault(s, addr, access, &fill);
	if (result == FR_FILL) {
		out[0] = file_id(fill.file);
		out[1] = fill.index;
		out[2] = fill.frame_pa;
		/* The page that is being filled keeps the file until the report. */
		file_put(fill.file);
	}
	space_unpin(s);
	ikc_answer(index, answer_of(result), out, result == FR_FILL ? 3 : 0);
}

static void serve_fill_done(u32 index, const struct ikc_call *call)
{
	file_filled(READ_ONCE(call->arg[0]), READ_ONCE(call->arg[1]), READ_ONCE(call->arg[2]),
		    (int)(s64)READ_ONCE(call->arg[3]));
	ikc_answer(index, 0, NULL, 0);
}

/* Only what went there comes back, and once. */
static bool page_comes_back(u64 pa)
{
	struct frame *f = frame_of(pa);
	u8 away = FRAME_AWAY;

	return f && !(pa & ~PAGE_MASK) &&
	       __atomic_compare_exchange_n(&f->flags, &away, 0, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static void serve_pages_back(u32 index, const struct ikc_call *call)
{
	u64 count = READ_ONCE(call->arg[0]);
	s64 ret = 0;

	if (count > IKC_CALL_ARGS - 1)
		count = 0, ret = -EINVAL;
	for (u64 i = 1; i <= count; i++) {
		u64 pa = READ_ONCE(call->arg[i]);

		if (page_comes_back(pa))
			phys_unquarantined(pa);
		else
			ret = -EINVAL;
	}
	if (ret)
		__atomic_add_fetch(&boot_params->counters.bad_messages, 1, __ATOMIC_RELAXED);
	ikc_answer(index, ret, NULL, 0);
}

/* Pages that were in the quarantine at boot come back by the same call. */
static void mark_boot_quarantine(void)
{
	u64 count = boot_params->quarantine_count;
	const u64 *pages = count ? arch_map_linux(boot_params->quarantine, count * sizeof(u64)) : NULL;

	for (u64 i = 0; pages && i < count; i++)
		if (frame_of(pages[i]))
			frame_of(pages[i])->flags = FRAME_AWAY;
}

void fault_service_init(void)
{
	mark_boot_quarantine();
	ikc_set_handler(CALL_FAULT, serve_fault);
	ikc_set_handler(CALL_FILL_DONE, serve_fill_done);
	ikc_set_handler(CALL_PAGES_BACK, serve_pages_back);
}
