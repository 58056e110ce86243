/* SPDX-License-Identifier: GPL-2.0-only */
/* Joins arch/ with the rooms above it: the memory that it asks for. What it enters stands where it is done. */
#include "mck/mm.h"
#include "mck/signal.h"

u64 up_early_pages(u64 pages)
{
	return phys_early_alloc(pages);
}

u64 up_page_alloc(unsigned int order, int node)
{
	return page_alloc(order, node);
}

u64 up_page_alloc_zero(unsigned int order, int node)
{
	return page_alloc_zero(order, node);
}

void up_page_free(u64 pa, unsigned int order)
{
	page_free(pa, order);
}

void *up_kmalloc(size_t size)
{
	return kmalloc(size);
}

void *up_kzalloc(size_t size)
{
	return kzalloc(size);
}

void up_kfree(void *p)
{
	kfree(p);
}

u32 up_altstack_state(const struct thread *t, u64 sp)
{
	return altstack_state(t, sp);
}
