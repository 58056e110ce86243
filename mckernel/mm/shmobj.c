/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared anonymous memory: pages by index, made at first touch. */
#include "internal.h"

struct shmobj {
	u32 refs; /* atomic: regions */
	u64 id; /* immutable; no other ever has it */
	struct spinlock
		lock; /* RANK_FILE: the index; every word is a page with one reference of ours */
	u64 pages; /* immutable */
	bool reserved; /* all of them are promised, else those that it has: decided before it is mapped */
	/* Atomic: how often pages began to leave it, by shmobj_drop(), and were gone from all spaces. */
	u64 holes_begun, holes_made;
	struct page_index index;
};

static u64 newest_id; /* atomic */

struct shmobj *shmobj_create(u64 pages)
{
	struct shmobj *o = kzalloc(sizeof(*o));

	if (!o)
		return NULL;
	o->refs = 1;
	o->id = __atomic_add_fetch(&newest_id, 1, __ATOMIC_RELAXED);
	o->pages = pages;
	spin_init(&o->lock, RANK_FILE);
	return o;
}

/* The frame is no program's, whoever maps it: as one of theirs it would be missed when all have ended. */
struct shmobj *shmobj_create_kernel(u64 *pa)
{
	struct shmobj *o = shmobj_create(1);
	u64 *word;

	if (!o)
		return NULL;
	spin_lock(&o->lock);
	word = index_word(&o->index, 0, true);
	*pa = word ? page_alloc_zero(0, -1) : 0;
	if (*pa) {
		frame_of(*pa)->refs = 1;
		*word = *pa;
	}
	spin_unlock(&o->lock);
	if (*pa)
		return o;
	shmobj_put(o);
	return NULL;
}

void shmobj_reserve(struct shmobj *o)
{
	o->reserved = true;
	commit_count(o->pages);
}

u64 shmobj_id(const struct shmobj *o)
{
	return o->id;
}

void shmobj_get(struct shmobj *o)
{
	kassert(__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED) > 0);
}

void shmobj_put(struct shmobj *o)
{
	u64 index = 0;
	u64 freed = 0;
	u64 *word;

	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (; (word = index_next(&o->index, &index)); index++) {
		if (upage_unmap(*word))
			lend_free(*word);
		if (++freed % LOOP_TURN == 0)
			mm_turn();
	}
	commit_count(-(o->reserved ? o->pages : freed));
	index_free(&o->index);
	kfree(o);
}

enum page_state shmobj_page(struct shmobj *o, u64 index, const struct where *w, u64 *pa)
{
	enum page_state state = PAGE_READY;
	u64 *word;

	if (index >= o->pages)
		return PAGE_BEYOND;
	spin_lock(&o->lock);
	word = index_word(&o->index, index, true);
	if (word && !*word) {
		*word = anon_page(w);
		/* The page's promise is never refused: there is no MAP_NORESERVE in the strict mode. */
		commit_count(*word && !o->reserved);
	}
	if (word && *word) {
		upage_map(*word);
		*pa = *word;
	} else {
		state = PAGE_NOMEM;
	}
	spin_unlock(&o->lock);
	return state;
}

bool shmobj_has(struct shmobj *o, u64 index, u64 pa)
{
	u64 *word;
	bool has;

	spin_lock(&o->lock);
	word = index_word(&o->index, index, false);
	has = word && *word == pa;
	spin_unlock(&o->lock);
	return has;
}

/* ---- holes ---- */

#define DROP_MAX 64U

/* Pages of [*index, end) that leave the object, into pa[]. Fewer than DROP_MAX: that was all. */
static u32 drop_round(struct shmobj *o, u64 *index, u64 end, u64 pa[DROP_MAX])
{
	u32 count = 0;
	u64 *word;

	spin_lock(&o->lock);
	while (count < DROP_MAX && (word = index_next(&o->index, index)) && *index < end) {
		pa[count++] = *word;
		*word = 0;
		++*index;
	}
	spin_unlock(&o->lock);
	return count;
}

static void shmobj_drop(struct shmobj *o, u64 index, u64 end)
{
	u64 pa[DROP_MAX];
	u32 count;

	do {
		count = drop_round(o, &index, end, pa);
		commit_count(o->reserved ? 0 : -(u64)count);
		/* Who maps one still has a reference of his own. */
		for (u32 i = 0; i < count; i++)
			if (upage_unmap(pa[i]))
				lend_free(pa[i]);
		mm_turn();
	} while (count == DROP_MAX);
}

#define HOLES_UNDER_WAY 1UL

u64 shmobj_holes(struct shmobj *o)
{
	u64 made = __atomic_load_n(&o->holes_made, __ATOMIC_SEQ_CST);
	u64 begun = __atomic_load_n(&o->holes_begun, __ATOMIC_SEQ_CST);

	return begun << 1 | (begun != made ? HOLES_UNDER_WAY : 0);
}

bool shmobj_holes_since(struct shmobj *o, u64 mark)
{
	/* Behind the store of the regions: if we miss a hole's beginning, its scan finds them. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (mark & HOLES_UNDER_WAY) ||
	       mark >> 1 != __atomic_load_n(&o->holes_begun, __ATOMIC_SEQ_CST);
}

void space_punch(struct space *s, u64 start, u64 end)
{
	struct shmobj *o = NULL;
	struct region *r;
	u64 index = 0;

	assert_no_lock();
	spin_lock(&s->lock);
	r = region_at(s, start);
	/* The page of the vDSO's clock is every program's. */
	if (r && r->shm && !(r->flags & REGION_VDSO)) {
		o = r->shm;
		shmobj_get(o);
		index = r->pgoff + ((start - r->start) >> PAGE_SHIFT);
		end = MIN(end, r->end);
	}
	spin_unlock(&s->lock);
	/* Another thread has changed what is mapped there. */
	if (!o)
		return;
	end = index + ((end - start) >> PAGE_SHIFT);
	__atomic_add_fetch(&o->holes_begun, 1, __ATOMIC_SEQ_CST);
	shmobj_drop(o, index, end);
	spaces_take_dropped(o, index, end);
	__atomic_add_fetch(&o->holes_made, 1, __ATOMIC_SEQ_CST);
	shmobj_put(o);
}
