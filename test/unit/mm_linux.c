/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's own mappings, and the module that mirrors them, in the unit tests of mm/. */
#include <string.h>

#include "mck/sysnr.h"
#include "mm_linux.h"
#include "mm_world.h"

#define AROUND 16U
#define MAPPED_MAX 8192U

struct linux_mm linux_mm;
static u64 room; /* made last */

/* A page of a proxy that is not the shadow's. */
static struct mapped {
	struct space *space;
	u64 va;
	bool hole; /* nothing is there; else: */
	u32 object, prot;
	u64 page;
	bool dirty;
	u64 leaf; /* as entered in the LWK's table; 0: it is not */
} mapped[MAPPED_MAX];
static u32 mapped_count;

static u8 memory[LINUX_OBJECTS][LINUX_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static u64 sizes[LINUX_OBJECTS]; /* in pages */

void linux_mm_start(void)
{
	memset(&linux_mm, 0, sizeof(linux_mm));
	mapped_count = 0;
	for (u32 i = 0; i < LINUX_OBJECTS; i++) {
		sizes[i] = LINUX_PAGES;
		for (u32 p = 0; p < LINUX_PAGES; p++)
			memset(memory[i][p], (int)(1 + i * 64 + p % 64), PAGE_SIZE);
	}
}

u8 *linux_mm_object(u32 object, u64 page)
{
	return memory[object][page];
}

static struct mapped *find(struct space *s, u64 va)
{
	for (u32 i = 0; i < mapped_count; i++)
		if (mapped[i].space == s && mapped[i].va == va)
			return &mapped[i];
	return NULL;
}

static struct mapped *mapping_at(struct space *s, u64 va)
{
	struct mapped *m = find(s, va);

	return m && !m->hole ? m : NULL;
}

static struct mapped *add(struct space *s, u64 va)
{
	assert_true(mapped_count < MAPPED_MAX);
	mapped[mapped_count] = (struct mapped){ .space = s, .va = va, .hole = true };
	return &mapped[mapped_count++];
}

/* ---- the module ---- */

/* As invalidate() in ihk/space/mirror.c. The entry is what it was made: nobody else writes it. */
static void drop(struct mapped *m)
{
	u64 *pte;

	if (!m->leaf)
		return;
	pte = pt_entry(m->space->root_pa, m->va, 1, false);
	assert_non_null(pte);
	assert_true(pte_cas(pte, m->leaf, PTE_NONE));
	m->leaf = 0;
	fake_forget(m->space, m->va, m->va + PAGE_SIZE);
}

static bool is_one_mapping(const struct mapped *a, const struct mapped *b)
{
	return a->object == b->object && a->prot == b->prot &&
	       b->va - a->va == (b->page - a->page) * PAGE_SIZE;
}

static void enter(struct mapped *m)
{
	u64 *pte = pt_entry(m->space->root_pa, m->va, 1, false);
	u64 leaf = (u64)memory[m->object][m->page] | PTE_PRESENT | PTE_USER | PTE_MIRROR |
		   PTE_ACCESSED;

	assert_int_equal(m->leaf, pte_load(pte));
	if (m->dirty && (m->prot & PROT_WRITE))
		leaf |= PTE_WRITE | PTE_DIRTY;
	if (!(m->prot & PROT_EXEC))
		leaf |= PTE_NX;
	assert_true(pte_cas(pte, m->leaf, leaf));
	m->leaf = leaf;
}

static s64 fault(struct space *s, u64 va, bool write, bool exec)
{
	struct mapped *m = mapping_at(s, va);
	u32 needed = write ? PROT_WRITE : exec ? PROT_EXEC : PROT_READ | PROT_WRITE | PROT_EXEC;

	linux_mm.faults++;
	if (!m)
		return -EFAULT;
	if (!(m->prot & needed))
		return -EACCES;
	if (m->page >= sizes[m->object])
		return -EIO;
	if (!pt_entry(s->root_pa, va, 1, false))
		return -EAGAIN;
	m->dirty |= write;
	va = ALIGN_DOWN(va, AROUND * PAGE_SIZE);
	for (u32 i = 0; i < AROUND; i++) {
		struct mapped *n = mapping_at(s, va + i * PAGE_SIZE);

		if (n && is_one_mapping(m, n) && n->page < sizes[n->object])
			enter(n);
	}
	return 0;
}

/* munmap(), also of the shadow. */
static s64 shadow_off(struct space *s, u64 start, u64 end)
{
	world_hide(s, start, end);
	room = start;
	for (u64 va = start; va < end; va += PAGE_SIZE) {
		struct mapped *m = find(s, va);

		assert_null(m); /* what is mapped has to go by itself */
		add(s, va);
	}
	return 0;
}

static s64 shadow_on(struct space *s, u64 start, u64 end)
{
	for (u32 i = 0; i < mapped_count;) {
		struct mapped *m = &mapped[i];

		if (m->space == s && m->va >= start && m->va < end) {
			drop(m);
			*m = mapped[--mapped_count];
		} else {
			i++;
		}
	}
	return 0;
}

/* Has its time come? Then it is over. */
static bool fails(u64 *which, u64 this, u64 *after)
{
	if (*which != this)
		return false;
	if (*after) {
		--*after;
		return false;
	}
	*which = 0;
	return true;
}

static void run_once(void (**fn)(void))
{
	void (*now)(void) = *fn;

	*fn = NULL;
	if (now)
		now();
}

s64 linux_mm_request(enum request_kind kind, const u64 karg[6])
{
	struct space *s = current_thread()->space;
	u64 start = karg[0], end = karg[1];

	if (kind == REQ_MIRROR_FAULT) {
		run_once(&linux_mm.before_fault);
		return fault(s, karg[0], karg[1] == FAULT_WRITE, karg[2]);
	}
	run_once(&linux_mm.before_call);
	assert_true(start < end && end <= SHADOW_END && !((start | end) & ~PAGE_MASK));
	if (fails(&linux_mm.fail_request, kind, &linux_mm.request_after))
		return linux_mm.request_error;
	return kind == REQ_MIRROR_OPEN ? shadow_off(s, start, end) : shadow_on(s, start, end);
}

/* ---- Linux's system calls ---- */

/* Only where the LWK has made room: else Linux would replace the shadow, or another mapping. */
static void map_page(struct space *s, u64 va, u32 object, u64 page, u32 prot)
{
	struct mapped *m = find(s, va);

	assert_true(m && m->hole);
	*m = (struct mapped){ .space = s, .va = va, .object = object, .page = page, .prot = prot };
}

static s64 do_map(struct space *s, u64 at, u64 pages, u32 prot, u64 object, u64 first)
{
	assert_true(object < LINUX_OBJECTS && first + pages <= LINUX_PAGES);
	for (u64 i = 0; i < pages; i++)
		map_page(s, at + i * PAGE_SIZE, (u32)object, first + i, prot);
	return (s64)at;
}

/* Also what lies outside of the shadow, where Linux maps by itself. */
static s64 do_mmap(struct space *s, const u64 arg[6])
{
	u64 at = arg[0], pages = ALIGN_UP(arg[1], PAGE_SIZE) >> PAGE_SHIFT;

	assert_true(!at == !(arg[3] & MAP_FIXED));
	if (linux_mm.no_address && at)
		return -EINVAL;
	assert_true(at || linux_mm.no_address);
	if (!at)
		at = linux_mm.own_place ? linux_mm.own_place : room;
	for (u64 i = 0; at == linux_mm.own_place && i < pages; i++)
		add(s, at + i * PAGE_SIZE);
	return do_map(s, at, pages, (u32)arg[2], arg[4], arg[5] >> PAGE_SHIFT);
}

static s64 do_unmap(struct space *s, u64 start, u64 size)
{
	assert_int_equal(start, linux_mm.own_place);
	return shadow_on(s, start, start + size);
}

static s64 do_protect(struct space *s, u64 start, u64 size, u32 prot)
{
	for (u64 va = start; va < start + size; va += PAGE_SIZE) {
		struct mapped *m = mapping_at(s, va);

		/* The shadow's rights are no business of the program's. */
		assert_non_null(m);
		drop(m);
		m->prot = prot;
	}
	return 0;
}

static bool is_one(struct space *s, u64 start, u64 size)
{
	struct mapped *first = mapping_at(s, start);

	for (u64 va = start; va < start + size; va += PAGE_SIZE) {
		struct mapped *m = mapping_at(s, va);

		if (!first || !m || !is_one_mapping(first, m))
			return false;
	}
	return first;
}

static s64 do_remap(struct space *s, const u64 arg[6])
{
	u64 from = arg[0], size = arg[1], new_size = arg[2], flags = arg[3], to = arg[4];
	struct mapped *first = mapping_at(s, from), m;

	/* As a mapping that is not there, or not one, or the shadow's. */
	if (!first || (size && !is_one(s, from, size)))
		return -EFAULT;
	m = *first;
	if (!(flags & MREMAP_FIXED)) {
		assert_true(new_size > size);
		if (mapping_at(s, from + size))
			return -ENOMEM;
		do_map(s, from + size, (new_size - size) >> PAGE_SHIFT, m.prot, m.object,
		       m.page + (size >> PAGE_SHIFT));
		return (s64)from;
	}
	assert_true(new_size >= size);
	do_map(s, to, new_size >> PAGE_SHIFT, m.prot, m.object, m.page);
	for (u64 va = from; va < from + size; va += PAGE_SIZE) {
		struct mapped *old = mapping_at(s, va);

		drop(old);
		find(s, to + (va - from))->dirty = old->dirty;
		old->hole = !(flags & MREMAP_DONTUNMAP);
	}
	return (s64)to;
}

/* madvise() and its like, of what is Linux's and nothing else: any other memory is the LWK's business. */
static s64 do_range(struct space *s, u64 nr, u64 start, u64 size, u64 third)
{
	linux_mm.asked++;
	linux_mm.start = start;
	linux_mm.size = size;
	for (u64 va = start; va < start + size; va += PAGE_SIZE) {
		struct mapped *m = mapping_at(s, va);

		assert_non_null(m);
		if (nr == NR_madvise && third == MADV_DONTNEED)
			drop(m);
		if (nr == NR_mincore)
			assert_int_equal(linux_write(s, third + ((va - start) >> PAGE_SHIFT), 1),
					 0);
	}
	return 0;
}

static s64 do_reorder(struct space *s, u64 start, u64 size, u64 first)
{
	if (!is_one(s, start, size))
		return -EINVAL;
	for (u64 i = 0; i < size >> PAGE_SHIFT; i++) {
		struct mapped *m = mapping_at(s, start + i * PAGE_SIZE);

		drop(m);
		m->page = first + i;
	}
	return 0;
}

s64 linux_mm_call(u64 nr, const u64 arg[6])
{
	struct space *s = current_thread()->space;

	run_once(&linux_mm.before_call);
	if (fails(&linux_mm.fail_nr, nr, &linux_mm.fail_after))
		return linux_mm.fail_error;
	switch (nr) {
	case NR_mmap:
		return do_mmap(s, arg);
	case NR_munmap:
		return do_unmap(s, arg[0], arg[1]);
	case NR_shmat:
		return do_map(s, arg[1], sizes[arg[0]], PROT_READ | PROT_WRITE, arg[0], 0);
	case NR_mprotect:
		return do_protect(s, arg[0], arg[1], (u32)arg[2]);
	case NR_mremap:
		return do_remap(s, arg);
	case NR_remap_file_pages:
		return do_reorder(s, arg[0], arg[1], arg[3]);
	case NR_madvise:
	case NR_msync:
	case NR_mincore:
	case NR_mlock2:
	case NR_munlock:
		return do_range(s, nr, arg[0], arg[1], arg[2]);
	}
	return -ENOSYS;
}

/* ---- what Linux does by itself ---- */

bool linux_mm_has(struct space *s, u64 va)
{
	return find(s, va & PAGE_MASK);
}

u8 *linux_mm_byte(struct space *s, u64 va, bool write)
{
	struct mapped *m = mapping_at(s, va & PAGE_MASK);

	if (!m || m->page >= sizes[m->object] || !(write ? m->prot & PROT_WRITE : m->prot))
		return NULL;
	return &memory[m->object][m->page][va & ~PAGE_MASK];
}

void linux_mm_take_back(u32 object, u64 page)
{
	for (u32 i = 0; i < mapped_count; i++)
		if (!mapped[i].hole && mapped[i].object == object && mapped[i].page >= page) {
			drop(&mapped[i]);
			mapped[i].dirty = false;
		}
}

void linux_mm_truncate(u32 object, u64 pages)
{
	sizes[object] = pages;
	linux_mm_take_back(object, pages);
}

void linux_mm_fork(struct space *parent, struct space *child)
{
	u32 count = mapped_count;

	for (u32 i = 0; i < count; i++) {
		struct mapped *m;

		if (mapped[i].space != parent)
			continue;
		m = add(child, mapped[i].va);
		*m = mapped[i];
		m->space = child;
		m->leaf = 0;
		m->dirty = false;
	}
}

void linux_mm_exit(struct space *s)
{
	shadow_on(s, 0, ~0UL);
}

/* ---- the books ---- */

u32 linux_mm_entered(struct space *s)
{
	u32 count = 0;

	for (u32 i = 0; i < mapped_count; i++)
		count += mapped[i].space == s && mapped[i].leaf;
	return count;
}

/* All of the module's entries, found in the tables. */
static u32 entries_found(struct space *s)
{
	u32 count = 0;
	u64 va = 0;
	int level;

	spin_lock(&s->lock);
	while (va < SHADOW_END) {
		u64 *pte = entry_next(s, &va, SHADOW_END, &level);

		if (!pte)
			continue;
		count += (pte_load(pte) & PTE_MIRROR) != 0;
		va += pt_span(level);
	}
	spin_unlock(&s->lock);
	return count;
}

static u64 check_region(struct space *s, const struct region *r)
{
	for (u64 va = r->start; va < r->end; va += PAGE_SIZE) {
		struct mapped *m = mapping_at(s, va);

		if (!m || m->prot != r->prot ||
		    m->page != r->pgoff + ((va - r->start) >> PAGE_SHIFT))
			fail_msg("region %lx-%lx: %lx is not so in Linux", r->start, r->end, va);
		if (m->leaf)
			assert_int_equal(pte_load(pt_entry(s->root_pa, va, 1, false)), m->leaf);
	}
	return (r->end - r->start) >> PAGE_SHIFT;
}

void linux_mm_check(struct space *s)
{
	u64 pages = 0;
	struct region *r;

	assert_int_equal(s->mirroring, 0);
	list_for_each(r, &s->regions, link)
		pages += r->flags & REGION_MIRROR ? check_region(s, r) : 0;
	for (u32 i = 0; i < mapped_count; i++)
		pages -= mapped[i].space == s;
	assert_int_equal(pages, 0);
	assert_int_equal(entries_found(s), linux_mm_entered(s));
}
