// SPDX-License-Identifier: GPL-2.0-only
/* Asking the LWK for a page of a program, and doing what it needs for the answer. */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "proc.h"

/* Preferably the CPU whose thread waits for the call that faults. */
static int place_to_ask(struct ihk_space *space)
{
	struct ihk_twin *twin = ihk_twin_of(current);

	return twin && twin->space == space ? ihk_twin_place(twin) : -1;
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
		.arg = { space->lwk_id, fault->va, fault->access },
	};
	int err = ihk_procs_call(space->procs, place_to_ask(space), &c);

	if (err)
		return err;
	memcpy(fault->fill, c.out, sizeof(fault->fill));
	return c.ret >= FAULT_OK && c.ret <= FAULT_BUS ? c.ret : FAULT_BAD;
}

static void fill(struct ihk_fault *fault)
{
	struct ihk_procs *procs = fault->space->procs;
	struct ihk_call c = {
		.op = CALL_FILL_DONE,
		.arg = { fault->fill[0], fault->fill[1], fault->fill[2] },
	};
	s64 n = ihk_file_read(procs, fault->fill[0], fault->fill[1], &fault->fill[2], 1);

	/* 0 is the end of the file: beyond it there is no page. */
	c.arg[3] = n == 1 ? 0 : n < 0 ? n : -ENXIO;
	ihk_procs_call(procs, place_to_ask(fault->space), &c);
}

void ihk_fault_serve(struct ihk_fault *fault, int answer)
{
	if (answer == FAULT_FILL)
		fill(fault);
	else if (answer == FAULT_WAIT)
		usleep_range(50, 100);
}

int ihk_fault_resolve(struct ihk_fault *fault)
{
	int answer;

	for (;;) {
		answer = ihk_fault_ask(fault);
		if (answer != FAULT_FILL && answer != FAULT_WAIT)
			return answer;
		ihk_fault_serve(fault, answer);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static struct page *get_page_at(struct ihk_space *space, u64 va, bool write)
{
	struct ihk_fault fault = {
		.space = space,
		.va = va & PAGE_MASK,
		.access = write ? FAULT_WRITE : FAULT_READ,
	};
	struct page *page;
	int answer;

	for (;;) {
		page = ihk_translate(space, va, write);
		if (page)
			return page;
		answer = ihk_fault_resolve(&fault);
		if (answer == FAULT_OOM)
			return ERR_PTR(-ENOMEM);
		if (answer != FAULT_OK)
			return ERR_PTR(answer < 0 ? answer : -EFAULT);
		/* An LWK that says so for ever keeps nobody who is killed. */
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
	}
}

int ihk_space_copy_from_user(struct ihk_space *space, u64 va, const void __user *from, size_t len)
{
	struct page *page;
	size_t n;

	for (; len; len -= n, va += n, from += n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(va));
		page = get_page_at(space, va, true);
		if (IS_ERR(page))
			return PTR_ERR(page);
		if (copy_from_user(page_address(page) + offset_in_page(va), from, n))
			return -EFAULT;
	}
	return 0;
}

int ihk_space_read(struct ihk_space *space, u64 va, void *to, size_t len)
{
	struct page *page;
	size_t n;

	for (; len; len -= n, va += n, to += n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(va));
		page = get_page_at(space, va, false);
		if (IS_ERR(page))
			return PTR_ERR(page);
		memcpy(to, page_address(page) + offset_in_page(va), n);
	}
	return 0;
}
