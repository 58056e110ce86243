// SPDX-License-Identifier: GPL-2.0-only
/* The wait of a twin: msync() on its page of the control mapping ends up here. */
#include <linux/module.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/unistd.h>

#include "object/object.h"
#include "file/file.h"
#include "space/space.h"
#include "twin/twin.h"

static unsigned int poll_us = 20;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "Longest time that a twin polls for its next request before it sleeps");

/* What a twin that has not polled begins with. */
#define POLL_NS_MIN 5000U

/* Longest sleep in front of something that the LWK has not taken yet. */
#define NAP_MAX (HZ / 4)

enum event { EVENT_REQUEST, EVENT_SIGNAL, EVENT_EXPIRED, EVENT_DEAD };

static bool has_request(const struct kpage *k)
{
	/* Pairs with the LWK's release: the request is there with its number. */
	return smp_load_acquire(&k->req_seq) != k->taken_seq;
}

/* Has the LWK seen everything that it was rung for? Then sleep needs no bound. */
static bool all_taken(const struct kpage *k)
{
	return READ_ONCE(k->seen_seq) == k->done_seq && READ_ONCE(k->held) == k->hold &&
	       !k->sigpend;
}

/* Look for a request without sleeping; the same tests as in front of a sleep. */
static void poll(struct ihk_twin *twin, u64 began, u64 limit)
{
	u64 end = min_t(u64, twin->poll_ns, limit);

	WRITE_ONCE(twin->k->twin_state, TWIN_POLLING);
	while (!has_request(twin->k) && !signal_pending(current) && !need_resched() &&
	       ihk_procs_alive(twin->procs) && local_clock() - began < end)
		cpu_relax();
}

/*
 * As KVM's halt polling: a wait that polling within the limit would have
 * covered makes the next poll longer, a longer wait makes it shorter.
 */
static void poll_adapt(struct ihk_twin *twin, u64 waited, u64 limit)
{
	if (waited < limit)
		twin->poll_ns = min_t(u64, max(2 * twin->poll_ns, (u64)POLL_NS_MIN), limit);
	else
		twin->poll_ns = twin->poll_ns > POLL_NS_MIN ? twin->poll_ns / 2 : 0;
}

static enum event wait_event_of(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	u64 limit = READ_ONCE(poll_us) * (u64)NSEC_PER_USEC, began = 0;
	enum event event;
	long nap = 1;

	if (limit) {
		began = local_clock();
		if (twin->poll_ns)
			poll(twin, began, limit);
	}
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		WRITE_ONCE(twin->waiting, true);
		WRITE_ONCE(k->twin_state, TWIN_SLEEPING);
		/*
		 * Both before the look at req_seq. Pairs with the LWK's fence
		 * between req_seq and twin_state, and the doorbell's before its
		 * look at `waiting`.
		 */
		smp_mb();
		event = EVENT_REQUEST;
		if (has_request(k))
			break;
		event = EVENT_SIGNAL;
		if (signal_pending(current))
			break;
		event = EVENT_EXPIRED;
		if (READ_ONCE(twin->expired))
			break;
		event = EVENT_DEAD;
		if (!ihk_procs_alive(twin->procs))
			break;
		if (all_taken(k)) {
			schedule();
		} else if (!schedule_timeout(nap) && !all_taken(k)) {
			/* Not for what it has taken meanwhile: the program may compute by now. */
			ihk_twin_ring(twin);
			nap = min_t(long, 2 * nap, NAP_MAX);
		}
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(twin->waiting, false);
	WRITE_ONCE(k->twin_state, TWIN_AWAY);
	if (limit && event == EVENT_REQUEST)
		poll_adapt(twin, local_clock() - began, limit);
	return event;
}

/* The request in `cur` has ended; the twin is in its wait, or about to be. */
static void complete_request(struct ihk_twin *twin, s64 kresult)
{
	struct kpage *k = twin->k;

	WRITE_ONCE(k->kresult, kresult);
	/* Results before the number that says so. */
	smp_store_release(&k->done_seq, twin->cur);
	twin->cur = 0;
}

/*
 * The proxy has carried out a call of its program's. What it says of it is not believed: it
 * only says where to look.
 */
static void called(struct ihk_twin *twin)
{
	s64 result = READ_ONCE(twin->slot->result);

	switch (READ_ONCE(twin->slot->nr)) {
#ifdef __NR_open
	case __NR_open:
#endif
	case __NR_openat:
	case __NR_openat2:
		if (result >= 0 && result <= INT_MAX)
			ihk_up.file_opened(result);
		break;
	default:
		ihk_sched_called(twin);
	}
}

/* Publish all that has changed outside, and let the thread run. */
static int enter(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;
	bool news = !twin->entered;
	int err;

	if (twin->cur_kind == REQ_CLONE)
		ihk_life_settle(twin);
	else if (twin->cur_kind == REQ_CALL)
		called(twin);
	if (!twin->entered) {
		err = ihk_window_map_child(twin->space);
		if (err)
			return err;
	}
	if (twin->leaving)
		ihk_signal_return(twin);
	ihk_twin_publish(twin);
	twin->entered = true;
	if (twin->cur) {
		/* What others did to files before they let this call return. */
		ihk_news_tell(twin->procs);
		complete_request(twin, 0);
		twin->cur_kind = 0;
		news = true;
	}
	/* Before the end of the hold: whoever has seen that sees this too. */
	WRITE_ONCE(k->in_wait, 1);
	if (k->hold & 1) {
		smp_wmb();
		WRITE_ONCE(k->hold, k->hold + 1);
		news = true;
	}
	ihk_cputime_go_on(twin->procs);
	if (news) {
		/* All of it before the look at the state of the LWK's CPU. */
		smp_mb();
		ihk_twin_ring(twin);
	}
	return 0;
}

static void take_request(struct ihk_twin *twin)
{
	struct kpage *k = twin->k;

	twin->cur = READ_ONCE(k->req_seq);
	twin->cur_kind = READ_ONCE(k->req_kind);
	ihk_cputime_request(twin);
	/* The proxy's half, by the proxy's own thread: no signal was caught yet. */
	WRITE_ONCE(twin->slot->signo, 0);
	WRITE_ONCE(twin->slot->outcome, CALL_COMPLETE);
	/* Before the mask changes: signals to the whole process would be left with nobody. */
	ihk_signal_recalc();
	ihk_signal_mask(twin, READ_ONCE(k->mask));
	WRITE_ONCE(k->sigpend, 0);
	WRITE_ONCE(k->taken_seq, twin->cur);
}

/*
 * True: go out with *ret. -ERESTARTSYS lets Linux deliver what is pending and
 * come back here, where the request, still in `cur`, is completed.
 */
static bool serve_request(struct ihk_twin *twin, int *ret)
{
	const struct kpage *k = twin->k;
	s64 result = 0;

	*ret = 0;
	take_request(twin);
	switch (twin->cur_kind) {
	case REQ_CALL:
		if (!twin->open_calls)
			twin->open_len = 0;
		else
			twin->open_calls--;
		return true;
	case REQ_CLONE:
		result = ihk_life_prepare(twin);
		if (!result)
			return true;
		break;
	case REQ_FATAL:
		ihk_signal_fatal(k->karg[0], k->karg[1], k->karg[2]);
		*ret = -ERESTARTSYS;
		return true;
	case REQ_FAULT:
		ihk_signal_fault(k->karg[0], k->karg[1], k->karg[2]);
		fallthrough;
	case REQ_NULL:
		if (signal_pending(current)) {
			*ret = -ERESTARTSYS;
			return true;
		}
		break;
	default:
		result = ihk_twin_serve(twin, twin->cur_kind);
	}
	complete_request(twin, result);
	twin->cur_kind = 0;
	/* The result before the look at the state of the LWK's CPU. */
	smp_mb();
	ihk_twin_ring(twin);
	return false;
}

static void defer_signal(struct ihk_twin *twin)
{
	WRITE_ONCE(twin->k->sigpend, 1);
	/* Before the look at the state of the LWK's CPU. */
	smp_mb();
	ihk_twin_ring(twin);
}

/*
 * Has a page of a file been asked for while the thread was brought to a halt?
 * That is served first: whoever faults on the page waits for it, and it may be
 * the tracer that stops us.
 */
static bool owes_page(const struct kpage *k)
{
	return has_request(k) && READ_ONCE(k->req_kind) == REQ_FILE_READ;
}

/* Go out with *ret for Linux to do what it has to, the thread on hold or behind a request. */
static void leave(struct ihk_twin *twin, int *ret)
{
	ihk_signal_hold(twin);
	while (owes_page(twin->k)) {
		if (serve_request(twin, ret))
			return;
		ihk_signal_hold(twin);
	}
	ihk_signal_leave(twin);
	*ret = -ERESTARTSYS;
}

/* True: go out with *ret. */
static bool take_signal(struct ihk_twin *twin, int *ret)
{
	switch (ihk_signal_look()) {
	case SIGNAL_DEFER:
		defer_signal(twin);
		return false;
	case SIGNAL_LEAVE:
		leave(twin, ret);
		return true;
	default:
		return false;
	}
}

/* Signals that come of it are found pending. True: go out with *ret. */
static bool take_expiry(struct ihk_twin *twin, int *ret)
{
	WRITE_ONCE(twin->expired, false);
	if (ihk_cputime_expire())
		return false;
	leave(twin, ret);
	return true;
}

static int wait_and_serve(struct ihk_twin *twin)
{
	int ret = 0;

	for (;;) {
		switch (wait_event_of(twin)) {
		case EVENT_REQUEST:
			if (serve_request(twin, &ret))
				return ret;
			break;
		case EVENT_SIGNAL:
			if (take_signal(twin, &ret))
				return ret;
			break;
		case EVENT_EXPIRED:
			if (take_expiry(twin, &ret))
				return ret;
			break;
		case EVENT_DEAD:
			ihk_signal_kill_self("its OS instance has ended");
			return -EIO;
		}
	}
}

/*
 * From here on the twin may die. The LWK minds the robust futexes of its thread, but
 * those in memory that is Linux's: so Linux gets the list, where there is such memory.
 */
static void lend_robust_list(struct ihk_twin *twin)
{
	u64 list = xa_empty(&twin->space->mirrors) ? 0 : READ_ONCE(twin->k->robust_list);

	current->robust_list = u64_to_user_ptr(list);
}

/* ->fsync of the control mapping: `start` names the slot. 0: carry out its request. */
int ihk_twin_wait(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct ihk_twin *twin = ihk_twin_of(current);
	int ret;

	if (!twin || start >> PAGE_SHIFT != twin->slot_number) {
		ihk_signal_kill_self("it has no thread on the LWK");
		return -ESRCH;
	}
	ret = enter(twin);
	if (ret) {
		ihk_signal_kill_self("its memory cannot be mapped");
		return ret;
	}
	ret = wait_and_serve(twin);
	lend_robust_list(twin);
	return ret;
}
