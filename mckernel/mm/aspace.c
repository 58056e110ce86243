/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of a space: its birth, its id, its end. */
#include "internal.h"

#define TABLE_HEADS 256
#define STACK_LIMIT_DEFAULT (8UL << 20)

/*
 * All spaces by id. Ids count up and never repeat, so that the id of a dead
 * space never matches. The lock is never held together with a space's own.
 */
static struct spinlock table_lock = SPINLOCK_INIT(RANK_SPACE);
static struct list table[TABLE_HEADS];
static u64 last_id;

static struct list *head_of(u64 id)
{
	struct list *head = &table[id % TABLE_HEADS];

	if (!head->next)
		list_init(head);
	return head;
}

static void table_add(struct space *s)
{
	spin_lock(&table_lock);
	s->id = ++last_id;
	list_add(head_of(s->id), &s->by_id);
	spin_unlock(&table_lock);
}

struct space *space_create(void)
{
	struct space *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->root_pa = page_alloc_zero(0, -1);
	if (!s->root_pa)
		goto free_space;
	/* A page of its own: the module maps it. */
	s->epoch_pa = page_alloc_zero(0, -1);
	if (!s->epoch_pa)
		goto free_root;
	s->epoch = pa_to_va(s->epoch_pa);
	spin_init(&s->lock, RANK_SPACE);
	s->refs = 1;
	list_init(&s->regions);
	s->tree.update = region_summary;
	list_init(&s->dead_tables);
	s->mmap_base = SHADOW_END;
	s->stack_limit = STACK_LIMIT_DEFAULT;
	arch_init_root(s->root_pa);
	table_add(s);
	return s;

free_root:
	page_free(s->root_pa, 0);
free_space:
	kfree(s);
	return NULL;
}

void space_get(struct space *s)
{
	u32 old = __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);

	kassert(old > 0);
}

/* The space `id` if it has not ended, for a moment under the lock of the table. */
static struct space *table_find(u64 id)
{
	struct space *s;

	list_for_each(s, head_of(id), by_id)
		if (s->id == id)
			return s;
	return NULL;
}

/* From 1 up, never from 0: the one who dropped the last reference is ending the space. */
static bool get_unless_ended(struct space *s)
{
	u32 refs = __atomic_load_n(&s->refs, __ATOMIC_RELAXED);

	while (refs)
		if (__atomic_compare_exchange_n(&s->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

struct space *space_find(u64 id)
{
	struct space *s;

	spin_lock(&table_lock);
	s = table_find(id);
	if (s && !get_unless_ended(s))
		s = NULL;
	spin_unlock(&table_lock);
	return s;
}

struct space *space_pin(u64 id)
{
	struct space *s;

	spin_lock(&table_lock);
	s = table_find(id);
	if (s)
		__atomic_add_fetch(&s->pins, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&table_lock);
	return s;
}

/* In the order of the table: by head, then by id. */
struct space *space_pin_next(u64 id)
{
	struct space *found = NULL, *s;

	spin_lock(&table_lock);
	for (u64 head = id % TABLE_HEADS; head < TABLE_HEADS && !found; head++) {
		u64 above = head == id % TABLE_HEADS ? id : 0;

		list_for_each(s, head_of(head), by_id)
			if (s->id > above && (!found || s->id < found->id))
				found = s;
	}
	if (found)
		__atomic_add_fetch(&found->pins, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&table_lock);
	return found;
}

void space_unpin(struct space *s)
{
	/* The space may be gone after this. */
	if (__atomic_sub_fetch(&s->pins, 1, __ATOMIC_SEQ_CST) == 0)
		mm_wake();
}

bool space_has_ended(const struct space *s)
{
	return !__atomic_load_n(&s->refs, __ATOMIC_RELAXED);
}

static bool is_unpinned(void *arg)
{
	struct space *s = arg;

	return __atomic_load_n(&s->pins, __ATOMIC_SEQ_CST) == 0;
}

/*
 * Out of the table first, so that no new answer to a fault begins; then wait
 * for those under way. From then on the space is this thread's alone but for
 * the module's walkers, which range_take() and tables_free_all() mind.
 */
static void space_end(struct space *s)
{
	LIST_HEAD(gone);

	assert_no_lock();
	spin_lock(&table_lock);
	list_del(&s->by_id);
	spin_unlock(&table_lock);
	if (!is_unpinned(s))
		mm_wait(is_unpinned, s, false);
	if (this_cpu()->space == s)
		arch_load_space(NULL);

	kassert(!s->claims);
	region_cut(s, 0, ~0UL, &gone);
	range_take(s, 0, SPACE_END);
	region_free_all(&gone);
	lend_drain();
	tables_free_all(s);
	page_free(s->epoch_pa, 0);
	kfree(s);
}

void space_put(struct space *s)
{
	u32 left = __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL);

	kassert(left != ~0U);
	if (left == 0)
		space_end(s);
}
