/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends the requests of a thread to its twin and takes the answers. */
#include "mck/offload.h"
#include "mck/ikc.h"
#include "mck/restart.h"
#include "mck/sysnr.h"

static bool request_done(void *arg)
{
	const struct thread *t = arg;

	/* Pairs with the module's release: the results are there. */
	return __atomic_load_n(&t->kpage->done_seq, __ATOMIC_ACQUIRE) == t->kpage->req_seq;
}

/*
 * Post the request that the slot and the page describe, and wait until the
 * twin is back in its wait. False: the thread must end, and what was posted
 * may still be carried out; nothing more may be asked.
 */
static bool offload_request(struct thread *t, enum request_kind kind, u64 mask)
{
	struct kpage *k = t->kpage;
	u64 seq = k->req_seq + 1;
	bool ended;

	assert_no_lock();
	if (thread_must_end(t))
		return false;
	t->slot->seq = (u32)seq;
	t->slot->kind = kind;
	k->req_kind = kind;
	k->mask = mask;
	if (!REQ_SERVED_IN_WAIT(kind))
		this_cpu()->boot->calls_offloaded++;
	/* Pairs with the module's acquire: the request is there. */
	__atomic_store_n(&k->req_seq, seq, __ATOMIC_RELEASE);
	/* req_seq before twin_state, against the twin's opposite order. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&k->twin_state, __ATOMIC_RELAXED) == TWIN_SLEEPING) {
		/* A doorbell can be lost: until the request is taken, the scheduler rings again. */
		ikc_send(IKC_WORD(IKC_REQUEST, t->twin_index, t->twin_gen), false);
		sched_posted();
	}
	ended = wait_told(request_done, t, true) != 0;
	/* Linux has another mask now, or has caught something. */
	t->look = true;
	if (ended)
		return false;
	k->seen_seq = seq;
	return true;
}

static void bad_slot(struct thread *t, const char *what, u64 value)
{
	__atomic_add_fetch(&boot_params->counters.bad_messages, 1, __ATOMIC_RELAXED);
	log_warn("twin %u: %s %lu in its slot\n", t->twin_index, what, value);
}

/*
 * Did the catcher meet a signal during request `seq`? The proxy's half of the
 * slot is never cleared, so its record counts only for the request that it
 * names. One signal per catch: until its frame is built, further requests
 * carry a full mask.
 */
static u32 take_signal(struct thread *t, u64 seq)
{
	struct slot *slot = t->slot;
	u32 signo = READ_ONCE(slot->signo);

	if (!signo || READ_ONCE(slot->aborted_seq) != (u32)seq)
		return 0;
	if (signo > NSIG || t->caught) {
		bad_slot(t, "signal", signo);
		return 0;
	}
	t->caught = signo;
	memcpy(t->caught_info, slot->siginfo, SLOT_SIGINFO_SIZE);
	memcpy(t->caught_info, &signo, sizeof(signo));
	return signo;
}

static void take_result(struct thread *t, bool ended, struct offload_result *res)
{
	struct slot *slot = t->slot;

	*res = (struct offload_result){ .value = -EINTR, .ended = ended };
	if (ended)
		return;
	res->value = READ_ONCE(slot->result);
	res->signo = take_signal(t, t->kpage->req_seq);
	/* An outcome other than COMPLETE is the catcher's, so it goes with a signal of this request. */
	if (READ_ONCE(slot->aborted_seq) == (u32)t->kpage->req_seq)
		res->outcome = READ_ONCE(slot->outcome);
	if (res->outcome > CALL_RESTART_BLOCK) {
		bad_slot(t, "outcome", res->outcome);
		res->outcome = CALL_COMPLETE;
	}
}

/* The mask that a request may carry: nothing more is caught before the frame of what was. */
static u64 request_mask(struct thread *t, u64 mask)
{
	return t->caught ? ~0UL : mask;
}

void offload_call(u64 nr, const u64 arg[6], u64 mask, struct offload_result *res)
{
	struct thread *t = current_thread();

	t->slot->nr = nr;
	for (int i = 0; i < 6; i++)
		t->slot->arg[i] = arg[i];
	take_result(t, !offload_request(t, REQ_CALL, request_mask(t, mask)), res);
}

void offload_clone(const struct clone_request *request, u64 mask, struct offload_result *res)
{
	struct thread *t = current_thread();

	/* The proxy makes clone3's structure of them. */
	t->slot->nr = request->clone3 ? NR_clone3 : NR_clone;
	t->slot->arg[0] = request->flags;
	t->slot->arg[1] = 0;
	t->slot->arg[2] = request->pidfd; /* clone's parent_tid, which CLONE_PIDFD uses */
	t->slot->arg[3] = request->set_tid;
	t->slot->arg[4] = request->set_tid_size;
	t->slot->arg[5] = request->cgroup;
	take_result(t, !offload_request(t, REQ_CLONE, request_mask(t, mask)), res);
	/* Refused by the module: the proxy has not been asked. */
	if (!res->ended && READ_ONCE(t->kpage->kresult) < 0)
		res->value = READ_ONCE(t->kpage->kresult);
}

static bool catches(enum request_kind kind)
{
	return kind == REQ_NULL || kind == REQ_FAULT;
}

void offload_kernel(enum request_kind kind, const u64 karg[6], struct offload_result *res)
{
	struct thread *t = current_thread();
	u64 mask = t->kpage->linux_mask;

	memset(res, 0, sizeof(*res));
	/* Only these requests are meant to let signals through. */
	if (catches(kind))
		mask = request_mask(t, t->mask);
	memcpy(t->kpage->karg, karg, sizeof(t->kpage->karg));
	res->ended = !offload_request(t, kind, mask);
	if (res->ended) {
		res->value = -EINTR;
		return;
	}
	res->value = READ_ONCE(t->kpage->kresult);
	if (catches(kind))
		res->signo = take_signal(t, t->kpage->req_seq);
}

s64 offload_syscall(u64 nr, const u64 arg[6])
{
	struct offload_result res;

	offload_call(nr, arg, current_thread()->mask, &res);
	if (res.ended)
		return -EINTR;
	return restart_value(res.outcome, res.value, nr, arg);
}

u64 offload_data(size_t offset, const void *src, size_t size)
{
	struct thread *t = current_thread();

	kassert(offset + size <= SLOT_DATA_SIZE);
	memcpy(t->slot->data + offset, src, size);
	return t->slot_uva + offsetof(struct slot, data) + offset;
}

void *offload_data_ptr(size_t offset)
{
	kassert(offset < SLOT_DATA_SIZE);
	return current_thread()->slot->data + offset;
}

void offload_fatal(int signo, int code, u64 addr)
{
	const u64 karg[6] = { (u64)signo, (u64)(s64)code, addr };
	struct offload_result res;

	/*
	 * Linux may give the twin back: a tracer can swallow the signal. The
	 * program cannot go on, so ask again; each answer is a round trip.
	 */
	do {
		offload_kernel(REQ_FATAL, karg, &res);
	} while (!res.ended);
	thread_exit();
}
