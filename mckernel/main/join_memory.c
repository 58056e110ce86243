/* SPDX-License-Identifier: GPL-2.0-only */
/* Joins mm/ with the rooms above it: what it asks of them, and the calls of Linux that it serves. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/ikc.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/task.h"

/* ---- what mm/ asks (mck/mm.h) ---- */

int up_wait(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	return wait_for(cond, arg, interruptible);
}

void up_wake(u32 place)
{
	wake_cpu(place);
}

bool up_defer(void (*fn)(void *arg), void *arg)
{
	return ikc_defer(fn, arg);
}

s64 up_lcall(u32 op, const u64 *arg)
{
	return ikc_lcall(op, arg);
}

bool up_lcall_async(u32 op, const u64 *arg)
{
	return ikc_lcall_async(op, arg);
}

bool up_limits(const struct space *s, struct mm_limits *l)
{
	const struct thread *t = current_thread();
	const struct kpage *k = t && t->space == s ? t->kpage : NULL;

	if (!k)
		return false;
	l->as = READ_ONCE(k->rlimit_as);
	l->data = READ_ONCE(k->rlimit_data);
	l->stack = READ_ONCE(k->rlimit_stack);
	l->admin = READ_ONCE(k->caps) & KPAGE_CAP_SYS_ADMIN;
	l->lowest = READ_ONCE(k->caps) & KPAGE_CAP_SYS_RAWIO ? 0 : SHADOW_START;
	l->memlock = READ_ONCE(k->caps) & KPAGE_CAP_IPC_LOCK ? ~0UL : READ_ONCE(k->rlimit_memlock);
	return true;
}

enum read_end up_read_file(u64 id, u64 first, const u64 *frames, u32 count, u32 *filled)
{
	struct thread *t = current_thread();
	u64 karg[6] = { id, first, count };
	struct offload_result res;

	*filled = 0;
	/* A kernel thread has no twin. */
	if (!t || !t->kpage || !t->attached)
		return READ_DONE;
	memcpy(t->kpage->list, frames, count * sizeof(frames[0]));
	offload_kernel(REQ_FILE_READ, karg, &res);
	if (res.ended)
		return READ_ENDED;
	if (res.value == -EINTR || res.value == -ERESTARTSYS)
		return READ_AWAY;
	/* The answer is Linux's, but a number of frames is checked like any other. */
	if (res.value > 0 && res.value <= (s64)count)
		*filled = (u32)res.value;
	return READ_DONE;
}

s64 up_mirror(u32 kind, u64 arg0, u64 arg1, u64 arg2)
{
	const u64 karg[6] = { arg0, arg1, arg2 };
	struct offload_result res;

	offload_kernel(kind, karg, &res);
	return res.value;
}

s64 up_linux_call(u64 nr, const u64 arg[6])
{
	struct offload_result res;

	offload_call(nr, arg, ~0UL, &res);
	return res.ended || res.outcome != CALL_COMPLETE ? -EINTR : res.value;
}

bool up_is_held(void)
{
	return hold_is_on();
}

void up_hold_over(void)
{
	hold_wait();
}

bool up_turn(void)
{
	return sched_turn();
}

/* ---- Linux ---- */

static enum fault_answer answer_of(enum fault_result result)
{
	switch (result) {
	case FR_OK:
		return FAULT_OK;
	case FR_BUS:
		return FAULT_BUS;
	case FR_OOM:
		return FAULT_OOM;
	case FR_BUSY:
		return FAULT_WAIT;
	case FR_FILL:
		return FAULT_FILL;
	case FR_FILLING:
		return FAULT_FILLING;
	default:
		return FAULT_BAD;
	}
}

static enum access access_of(u64 fault)
{
	switch (fault) {
	case FAULT_READ:
		return ACCESS_READ;
	case FAULT_FORCE:
		return ACCESS_FORCE;
	default:
		return ACCESS_WRITE;
	}
}

/* Under the lock of the table of threads: as the thread itself would have it. */
static void placer_of(struct thread *t, void *arg)
{
	struct placer *by = arg;

	by->policy = t->policy;
	by->node = (int)boot_params->cpus[t->cpu].node % ABI_MAX_NODES;
}

static void serve_fault(u32 index, const struct ikc_call *call)
{
	/* Each word is read once: Linux may not be trusted to leave it. */
	u64 id = READ_ONCE(call->arg[0]), addr = READ_ONCE(call->arg[1]);
	enum access access = access_of(READ_ONCE(call->arg[2]));
	struct space *s = space_pin(id);
	struct fill_wanted fill;
	struct placer by = { .node = NO_NODE };
	u64 thread = READ_ONCE(call->arg[3]);
	enum fault_result result;
	u64 out[3];

	if (!s) {
		ikc_answer(index, FAULT_BAD, NULL, 0);
		return;
	}
	if (thread)
		thread_with(thread, placer_of, &by);
	result = space_fault(s, addr, access, &fill, &by);
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
	u64 id = READ_ONCE(call->arg[0]), page = READ_ONCE(call->arg[1]);
	int err = (int)(s64)READ_ONCE(call->arg[3]);

	file_filled(id, page, READ_ONCE(call->arg[2]), err);
	/* A reader that was killed has learned nothing about the page. */
	if (err && err != -EINTR && err != -ERESTARTSYS)
		file_refused(id, page);
	ikc_answer(index, 0, NULL, 0);
}

static void serve_pages_back(u32 index, const struct ikc_call *call)
{
	u64 count = READ_ONCE(call->arg[0]);
	s64 ret = 0;

	if (count > IKC_CALL_ARGS - 1)
		count = 0, ret = -EINVAL;
	for (u64 i = 1; i <= count; i++)
		if (!phys_unquarantine(READ_ONCE(call->arg[i])))
			ret = -EINVAL;
	if (ret)
		__atomic_add_fetch(&boot_params->counters.bad_messages, 1, __ATOMIC_RELAXED);
	ikc_answer(index, ret, NULL, 0);
}

/* Files that have changed, told by call `index`. */
struct change {
	u32 index, count;
	u64 id[IKC_CALL_ARGS - 1];
};

static void change_thread(void *arg)
{
	struct change *change = arg;
	u32 index = change->index;

	for (u32 i = 0; i < change->count; i++)
		file_changed(change->id[i]);
	kfree(change);
	ikc_answer(index, 0, NULL, 0);
}

static void serve_file_changed(u32 index, const struct ikc_call *call)
{
	u64 count = READ_ONCE(call->arg[0]);
	struct change *change;

	if (count > IKC_CALL_ARGS - 1) {
		__atomic_add_fetch(&boot_params->counters.bad_messages, 1, __ATOMIC_RELAXED);
		ikc_answer(index, -EINVAL, NULL, 0);
		return;
	}
	change = kmalloc(sizeof(*change));
	if (change) {
		change->index = index;
		change->count = (u32)count;
		for (u32 i = 0; i < count; i++)
			change->id[i] = READ_ONCE(call->arg[1 + i]);
		if (ikc_defer(change_thread, change))
			return;
		kfree(change);
	}
	ikc_answer(index, -ENOMEM, NULL, 0);
}

static void copy_policy(struct thread *t, void *arg)
{
	*(struct policy *)arg = t->policy;
}

/* A region without a policy has its thread's. */
static void fill_policies(struct region_info *info, s64 count, u64 thread)
{
	struct policy p;

	if (!thread_with(thread, copy_policy, &p))
		return;
	for (s64 i = 0; i < count; i++) {
		if (info[i].policy == MPOL_DEFAULT) {
			info[i].policy = p.mode | p.flags;
			info[i].policy_nodes = p.nodes;
		}
	}
}

static void serve_regions(u32 index, const struct ikc_call *call)
{
	struct region_info *info = ikc_bulk(READ_ONCE(call->arg[2]));
	u64 from = READ_ONCE(call->arg[1]);
	bool count = READ_ONCE(call->arg[3]);
	struct space *s = space_pin(READ_ONCE(call->arg[0]));
	s64 ret = info ? -ESRCH : -EINVAL;

	_Static_assert(REGIONS_PER_CALL * sizeof(*info) <= IKC_BULK_SIZE, "an answer has room");
	if (s && info)
		ret = space_describe(s, from, info, REGIONS_PER_CALL, count);
	if (s)
		space_unpin(s);
	fill_policies(info, ret, READ_ONCE(call->arg[4]));
	ikc_answer(index, ret, NULL, 0);
}

/* Pages that were in the quarantine at boot come back by the same call. */
static void mark_boot_quarantine(void)
{
	u64 count = boot_params->quarantine_count;
	const u64 *pages = count ? arch_map_linux(boot_params->quarantine, count * sizeof(u64))
				 : NULL;

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
	ikc_set_handler(CALL_FILE_CHANGED, serve_file_changed);
	ikc_set_handler(CALL_REGIONS, serve_regions);
}
