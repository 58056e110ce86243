/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking at ranges of a space, marking their regions, and faulting them in. */
#include "mck/errno.h"
#include "internal.h"

bool space_mapped(struct space *s, u64 start, u64 end)
{
	struct region r;
	u64 length;

	for (u32 n = 1; start < end; n++, start += length) {
		length = space_piece(s, start, &r);
		if (!length)
			return false;
		if (n % LOOP_TURN == 0)
			mm_turn();
	}
	return true;
}

u64 space_piece(struct space *s, u64 start, struct region *copy)
{
	struct region *r;
	u64 length = 0;

	spin_lock(&s->lock);
	r = region_at(s, start);
	if (r) {
		*copy = *r;
		length = r->end - start;
	}
	spin_unlock(&s->lock);
	return length;
}

u64 space_hole(struct space *s, u64 start)
{
	struct region *r;
	u64 length;

	spin_lock(&s->lock);
	r = region_after(s, start);
	length = r ? r->start - start : MAX(SHADOW_END, start + PAGE_SIZE) - start;
	spin_unlock(&s->lock);
	return length;
}

/* From *at on, some regions. False: all are done, up to the first hole. */
static bool flags_round(struct space *s, u64 *at, u64 end, u32 set, u32 clear)
{
	struct region *r = region_after(s, *at);

	for (u32 n = 0; r && r->start < end && r->start <= *at; n++, r = region_next(s, r)) {
		if (n == LOOP_TURN)
			return true;
		region_account(s, r, false);
		r->flags = (r->flags | set) & ~clear;
		region_account(s, r, true);
		*at = r->end;
	}
	return false;
}

int space_set_flags(struct space *s, u64 start, u64 end, u32 set, u32 clear)
{
	/* A program may name more, but what lies beyond are not its tables. */
	u64 stop = MIN(end, SHADOW_END);
	struct claim claim;
	u64 at = start;
	bool more;
	int err;

	if (start >= stop)
		return -ENOMEM;
	if (claim_take(s, &claim, start, stop))
		return -EINTR;
	err = range_borders(s, start, stop, true);
	do {
		spin_lock(&s->lock);
		more = !err && flags_round(s, &at, stop, set, clear);
		spin_unlock(&s->lock);
		if (more)
			mm_turn();
	} while (more);
	claim_drop(s, &claim);
	if (err)
		return err;
	return at < end ? -ENOMEM : 0;
}

/* What is there need not be faulted in: a whole large page at a time. */
static u64 skip_present(struct space *s, u64 va)
{
	int level;
	u64 e;

	spin_lock(&s->lock);
	e = pte_load(entry_at(s, va, &level));
	spin_unlock(&s->lock);
	if (!(e & PTE_PRESENT))
		return va;
	return ALIGN_DOWN(va, pt_span(level)) + pt_span(level);
}

/* One step may clear a large page. */
#define POPULATE_TURN 16

int space_populate(struct space *s, u64 start, u64 end)
{
	struct region r;
	u32 n = 0;

	while (start < end) {
		u64 length = space_piece(s, start, &r);
		u64 stop = MIN(end, start + length);
		enum access access;

		if (!length || !(r.prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
			return -ENOMEM;
		access = region_writable_private(&r) ? ACCESS_WRITE : ACCESS_READ;
		while (start < stop) {
			u64 next = skip_present(s, start);
			enum fault_result res;

			if (++n % POPULATE_TURN == 0 && !mm_turn())
				return -EINTR;
			if (next > start && access == ACCESS_READ) {
				start = next;
				continue;
			}
			res = space_fault_wait(s, start, access);
			if (res == FR_OOM)
				return -EAGAIN;
			if (res != FR_OK)
				return -EFAULT;
			start = MAX(skip_present(s, start), start + PAGE_SIZE);
		}
	}
	return 0;
}

static u8 resident_at(struct space *s, const struct region *r, u64 va)
{
	int level;

	if (pte_load(entry_at(s, va, &level)))
		return 1;
	return r->file && file_page_cached(r->file, r->pgoff + ((va - r->start) >> PAGE_SHIFT));
}

int space_resident(struct space *s, u64 start, u64 end, u8 *vec)
{
	int err = 0;

	spin_lock(&s->lock);
	for (u64 va = start; va < end; va += PAGE_SIZE) {
		struct region *r = region_at(s, va);

		if (!r) {
			err = -ENOMEM;
			break;
		}
		*vec++ = resident_at(s, r, va);
	}
	spin_unlock(&s->lock);
	return err;
}
