// SPDX-License-Identifier: GPL-2.0-only
/* Asking the LWK for a page of a program, and doing what it needs for the answer. */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "object/object.h"
#include "file/file.h"
#include "space/space.h"

/* How long a page that somebody else reads may take where nobody may be kept waiting. */
#define BRIEFLY HZ

/* Between two questions about a page that is being changed, in us. */
#define PAUSE_MIN 50
#define PAUSE_MAX 4000

/*
 * The CPU whose thread waits for the call that faults, also if it is another
 * program's memory: no other program's CPU has to do with it.
 */
static int place_to_ask(struct ihk_space *space)
{
	return ihk_up.place_of_current(space->procs->os);
}

/*
 * Not killable: an answer that nobody takes could be the order to fill a page,
 * for which others would wait. The LWK answers at once.
 */
int ihk_fault_ask(struct ihk_fault *fault)
{
	struct ihk_space *space = fault->space;
	struct ihk_call c = {
		.op = CALL_FAULT,
		.arg = { space->lwk_id, fault->va, fault->access,
			 ihk_up.thread_of_current(space->procs->os) },
	};
	int err = ihk_procs_call(space->procs, place_to_ask(space), &c);

	if (err)
		return err;
	memcpy(fault->fill, c.out, sizeof(fault->fill));
	return c.ret >= FAULT_OK && c.ret <= FAULT_FILLING ? c.ret : FAULT_BAD;
}

/* False: not briefly. Others who wait for the page ask then, and get to read it. */
static bool fill(struct ihk_fault *fault)
{
	struct ihk_procs *procs = fault->space->procs;
	struct ihk_call c = {
		.op = CALL_FILL_DONE,
		.arg = { fault->fill[0], fault->fill[1], fault->fill[2] },
	};
	s64 n = ihk_file_read(procs, fault->fill[0], fault->fill[1], &fault->fill[2], 1,
			      fault->briefly);
	bool unread = fault->briefly && n == -EAGAIN;

	/*
	 * 0 is the end of the file: beyond it there is no page. Who has not read at
	 * all has learned nothing of the page, as one who was killed: the LWK must
	 * not tell the next one that it cannot be read.
	 */
	c.arg[3] = unread ? -EINTR : n == 1 ? 0 : n < 0 ? n : -ENXIO;
	ihk_procs_call(procs, place_to_ask(fault->space), &c);
	return !unread;
}

static bool must_wait(int answer)
{
	return answer == FAULT_FILL || answer == FAULT_FILLING || answer == FAULT_WAIT;
}

/* Each one twice as long: the change may wait for Linux, and the LWK has other things to do. */
static void pause_longer(struct ihk_fault *fault)
{
	fault->pause = clamp_t(unsigned int, 2 * fault->pause, PAUSE_MIN, PAUSE_MAX);
	usleep_range(fault->pause, 2 * fault->pause);
}

bool ihk_fault_serve(struct ihk_fault *fault, int answer)
{
	if (answer == FAULT_FILL)
		return fill(fault);
	if (must_wait(answer))
		pause_longer(fault);
	return true;
}

int ihk_fault_resolve(struct ihk_fault *fault)
{
	unsigned long end = jiffies + BRIEFLY;
	int answer;

	for (;;) {
		answer = ihk_fault_ask(fault);
		if (!must_wait(answer))
			return answer;
		if (fault->briefly && answer == FAULT_FILLING && time_after(jiffies, end))
			return -EAGAIN;
		if (!ihk_fault_serve(fault, answer))
			return -EAGAIN;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/* One page's part of a copy between our memory and the space's. */
struct piece {
	u64 va;
	void *at;
	size_t len;
	bool write; /* to the space */
};

/* 0: the page is not there. Context: not inside. */
static int piece_try(struct ihk_space *space, const struct piece *p)
{
	int token = ihk_enter(space->procs);
	struct page *page;
	void *at;

	if (token < 0)
		return token;
	page = ihk_translate(space, p->va & PAGE_MASK, p->write);
	if (page) {
		at = page_address(page) + offset_in_page(p->va);
		memcpy(p->write ? at : p->at, p->write ? p->at : at, p->len);
	}
	ihk_leave(space->procs, token);
	return page != NULL;
}

static int piece_copy(struct ihk_space *space, const struct piece *p)
{
	struct ihk_fault fault = {
		.space = space,
		.va = p->va & PAGE_MASK,
		.access = p->write ? FAULT_WRITE : FAULT_READ,
	};
	int answer, ret;

	for (;;) {
		ret = piece_try(space, p);
		if (ret)
			return min(ret, 0);
		answer = ihk_fault_resolve(&fault);
		if (answer == FAULT_OOM)
			return -ENOMEM;
		if (answer != FAULT_OK)
			return answer < 0 ? answer : -EFAULT;
		/* An LWK that says so for ever keeps nobody who is killed. */
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

int ihk_space_copy_from_user(struct ihk_space *space, u64 va, const void __user *from, size_t len)
{
	void *own = (void *)__get_free_page(GFP_KERNEL);
	struct piece p = { .va = va, .at = own, .write = true };
	int err = 0;

	if (!own)
		return -ENOMEM;
	for (; len && !err; len -= p.len, p.va += p.len, from += p.len) {
		p.len = min_t(size_t, len, PAGE_SIZE - offset_in_page(p.va));
		/* Not from page to page: nobody touches user memory inside. */
		err = copy_from_user(own, from, p.len) ? -EFAULT : piece_copy(space, &p);
	}
	free_page((unsigned long)own);
	return err;
}

int ihk_space_read(struct ihk_space *space, u64 va, void *to, size_t len)
{
	struct piece p = { .va = va, .at = to };
	int err = 0;

	for (; len && !err; len -= p.len, p.va += p.len, p.at += p.len) {
		p.len = min_t(size_t, len, PAGE_SIZE - offset_in_page(p.va));
		err = piece_copy(space, &p);
	}
	return err;
}
