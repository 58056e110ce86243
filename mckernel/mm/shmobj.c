/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared anonymous memory: pages by index, made at first touch. */
#include "internal.h"

struct shmobj {
	u32 refs; /* atomic: regions */
	u64 id; /* immutable; no other ever has it */
	struct spinlock
		lock; /* RANK_FILE: the index; every word is a page with one reference of ours */
	u64 pages; /* immutable */
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
	u32 freed = 0;
	u64 *word;

	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (; (word = index_next(&o->index, &index)); index++) {
		if (upage_unmap(*word))
			lend_free(*word);
		if (++freed % LOOP_TURN == 0)
			mm_turn();
	}
	index_free(&o->index);
	kfree(o);
}

enum page_state shmobj_page(struct shmobj *o, u64 index, u64 *pa)
{
	enum page_state state = PAGE_READY;
	u64 *word;

	if (index >= o->pages)
		return PAGE_BEYOND;
	spin_lock(&o->lock);
	word = index_word(&o->index, index, true);
	if (word && !*word)
		*word = anon_page();
	if (word && *word) {
		upage_map(*word);
		*pa = *word;
	} else {
		state = PAGE_NOMEM;
	}
	spin_unlock(&o->lock);
	return state;
}
