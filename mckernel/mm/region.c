/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions of a space: finding them, their borders and accounts. */
#include "mck/errno.h"
#include "internal.h"

/*
 * A space has its regions twice, in a list for those who go from one to the
 * next, and in a tree for those who look for an address. All of this runs
 * under the space's lock, except what makes and frees regions, and what
 * internal.h says takes turns.
 */

static struct region *region_of(struct tree_node *n)
{
	return tree_entry(n, struct region, node);
}

struct region *region_next(struct space *s, const struct region *r)
{
	return r->link.next == &s->regions ? NULL : list_entry(r->link.next, struct region, link);
}

static struct region *prev_of(struct space *s, struct region *r)
{
	return r->link.prev == &s->regions ? NULL : list_entry(r->link.prev, struct region, link);
}

/* Is the answer the region found last, or the one behind it, or that there is none? */
static bool near_hit(struct space *s, u64 va, struct region **found)
{
	struct region *r = s->hit, *below;

	if (!r)
		return false;
	if (r->end <= va) {
		*found = r = region_next(s, r);
		return !r || r->end > va;
	}
	below = prev_of(s, r);
	*found = r;
	return !below || below->end <= va;
}

static struct region *tree_search(const struct space *s, u64 va)
{
	struct tree_node *n = s->tree.root;
	struct region *found = NULL;

	while (n) {
		struct region *r = region_of(n);

		if (r->end > va) {
			found = r;
			n = n->child[TREE_LEFT];
		} else {
			n = n->child[TREE_RIGHT];
		}
	}
	return found;
}

struct region *region_after(struct space *s, u64 va)
{
	struct region *found;

	assert_held(&s->lock);
	if (!near_hit(s, va, &found))
		found = tree_search(s, va);
	if (found)
		s->hit = found;
	return found;
}

struct region *region_at(struct space *s, u64 va)
{
	struct region *r = region_after(s, va);

	return r && r->start <= va ? r : NULL;
}

const struct region *space_region(struct space *s, u64 va)
{
	return region_at(s, va);
}

struct region *region_before(struct space *s, u64 va)
{
	struct region *r = region_after(s, va);

	if (r && r->start < va)
		return r;
	if (r)
		return prev_of(s, r);
	return list_empty(&s->regions) ? NULL : list_entry(s->regions.prev, struct region, link);
}

bool region_overlaps(struct space *s, u64 start, u64 end)
{
	struct region *r = region_after(s, start);

	return r && r->start < end;
}

void region_account(struct space *s, const struct region *r, bool add)
{
	u64 pages = (r->end - r->start) >> PAGE_SHIFT;
	u64 sign = add ? 1 : -1UL;

	s->total_pages += sign * pages;
	if (region_is_data(r))
		s->data_pages += sign * pages;
	if (r->flags & REGION_LOCKED)
		s->locked_pages += sign * pages;
}

static struct region *first_of(struct space *s)
{
	return list_empty(&s->regions) ? NULL : list_entry(s->regions.next, struct region, link);
}

/*
 * Into list and tree. Of two neighbours, the upper has nothing to its left or
 * the lower nothing to its right: that is the place. What is done next mostly
 * is near there.
 */
static void region_link(struct space *s, struct region *r)
{
	struct region *below = region_before(s, r->start);
	struct region *above = below ? region_next(s, below) : first_of(s);

	kassert((!below || below->end <= r->start) && (!above || above->start >= r->end));
	list_insert_before(above ? &above->link : &s->regions, &r->link);
	if (above && !above->node.child[TREE_LEFT])
		tree_link(&s->tree, &r->node, &above->node, TREE_LEFT);
	else
		tree_link(&s->tree, &r->node, below ? &below->node : NULL, TREE_RIGHT);
	s->hit = r;
	s->region_count++;
}

static void region_unlink(struct space *s, struct region *r)
{
	struct region *below = prev_of(s, r);

	if (s->hit == r)
		s->hit = below ? below : region_next(s, r);
	list_del(&r->link);
	tree_unlink(&s->tree, &r->node);
	s->region_count--;
}

void region_insert(struct space *s, struct region *r)
{
	region_link(s, r);
	region_account(s, r, true);
	commit_count(region_committed(r));
}

void region_resize(struct space *s, struct region *r, u64 start, u64 end)
{
	u64 before = region_committed(r);

	region_account(s, r, false);
	r->start = start;
	r->end = end;
	region_account(s, r, true);
	commit_count(region_committed(r) - before);
	tree_changed(&s->tree, &r->node);
}

void backing_get(struct file *file, struct shmobj *shm)
{
	if (file)
		file_get(file);
	if (shm)
		shmobj_get(shm);
}

void backing_put(struct file *file, struct shmobj *shm)
{
	if (file)
		file_put(file);
	if (shm)
		shmobj_put(shm);
}

struct region *region_copy(const struct region *r)
{
	struct region *c = kmalloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *r;
	list_init(&c->link);
	backing_get(c->file, c->shm);
	return c;
}

void region_free(struct region *r)
{
	backing_put(r->file, r->shm);
	kfree(r);
}

void region_free_all(struct list *gone)
{
	struct region *r, *next;
	u32 n = 0;

	list_for_each_safe(r, next, gone, link) {
		list_del(&r->link);
		region_free(r);
		if (++n % LOOP_TURN == 0)
			mm_turn();
	}
}

int region_split(struct space *s, u64 va, bool counted)
{
	struct region *r = region_at(s, va);
	struct region *upper;

	if (!r || r->start == va)
		return 0;
	if (counted && s->region_count >= MAPPINGS_MAX)
		return -ENOMEM;
	upper = region_copy(r);
	if (!upper)
		return -ENOMEM;
	upper->pgoff += (va - r->start) >> PAGE_SHIFT;
	upper->start = va;
	r->end = va;
	tree_changed(&s->tree, &r->node);
	region_link(s, upper);
	return 0;
}

static bool region_alike(const struct region *a, const struct region *b)
{
	/* That one of them has copies of a file's pages, and the other none yet, keeps nobody apart. */
	if (a->end != b->start || a->prot != b->prot || ((a->flags ^ b->flags) & ~REGION_COWED) ||
	    a->max_prot != b->max_prot || a->file != b->file || a->shm != b->shm)
		return false;
	if ((a->flags & REGION_VDSO) || a->segment != b->segment ||
	    !policy_equal(&a->policy, &b->policy))
		return false;
	return region_is_plain(a) || a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) == b->pgoff;
}

/* A change under way may need this border. */
static bool border_is_claimed(struct space *s, u64 va)
{
	for (struct claim *c = s->claims; c; c = c->next)
		if (c->start <= va && va <= c->end)
			return true;
	return false;
}

/* May both be one? `b` follows, or would. */
static bool joins(struct space *s, const struct region *a, const struct region *b)
{
	return region_alike(a, b) && !border_is_claimed(s, b->start);
}

static void swallow(struct space *s, struct region *r, struct region *next)
{
	r->end = next->end;
	r->flags |= next->flags & REGION_COWED;
	region_unlink(s, next);
	tree_changed(&s->tree, &r->node);
	region_free(next);
}

bool region_add(struct space *s, struct region *r)
{
	struct region *below = region_before(s, r->start);
	struct region *above = below ? region_next(s, below) : first_of(s);
	u64 start = r->start, end = r->end;

	if (below && joins(s, below, r)) {
		region_resize(s, below, below->start, end);
		if (above && joins(s, below, above))
			swallow(s, below, above);
		return false;
	}
	if (above && joins(s, r, above)) {
		above->pgoff = r->pgoff;
		region_resize(s, above, start, above->end);
		return false;
	}
	region_insert(s, r);
	return true;
}

bool region_merge_round(struct space *s, u64 *start, u64 end)
{
	struct region *r = region_after(s, *start ? *start - 1 : 0), *n;
	u32 steps = 0;

	if (!r)
		return false;
	for (n = region_next(s, r); n && n->start <= end; n = region_next(s, r)) {
		if (++steps > LOOP_TURN) {
			*start = n->start;
			return true;
		}
		if (joins(s, r, n))
			swallow(s, r, n);
		else
			r = n;
	}
	return false;
}

void region_merge(struct space *s, u64 start, u64 end)
{
	bool more;

	assert_no_lock();
	do {
		spin_lock(&s->lock);
		more = region_merge_round(s, &start, end);
		spin_unlock(&s->lock);
		if (more)
			mm_turn();
	} while (more);
}

/* The region that lies across va, or NULL. */
static struct region *region_across(struct space *s, u64 va)
{
	struct region *r = region_at(s, va);

	return r && r->start < va ? r : NULL;
}

int region_open(struct space *s, u64 start, u64 end, bool *any)
{
	struct region *low = region_across(s, start), *high = NULL;
	int err = 0;

	/* The only case that makes one more than there were. */
	if (low && low->end > end)
		err = region_split(s, end, true);
	else
		high = region_across(s, end);
	if (!err && low && !region_is_plain(low))
		err = region_split(s, start, false);
	if (!err && high && !region_is_plain(high))
		err = region_split(s, end, false);
	if (err)
		return err;
	/* Nothing fails from here on. */
	if (low && region_is_plain(low)) {
		region_resize(s, low, low->start, start);
		*any = true;
	}
	if (high && region_is_plain(high)) {
		region_resize(s, high, end, high->end);
		*any = true;
	}
	return 0;
}

bool region_cut_round(struct space *s, u64 start, u64 end, struct list *gone)
{
	struct region *r = region_after(s, start);

	for (u32 n = 0; r && r->start < end; n++) {
		struct region *next = region_next(s, r);

		if (n == LOOP_TURN)
			return true;
		kassert(r->start >= start && r->end <= end);
		region_account(s, r, false);
		commit_count(-region_committed(r));
		region_unlink(s, r);
		list_add_tail(gone, &r->link);
		r = next;
	}
	return false;
}

void region_cut(struct space *s, u64 start, u64 end, struct list *gone)
{
	bool more;

	assert_no_lock();
	do {
		spin_lock(&s->lock);
		more = region_cut_round(s, start, end, gone);
		spin_unlock(&s->lock);
		if (more)
			mm_turn();
	} while (more);
}

/* ---- each of a range ---- */

/* From *at on, some of them. False: all are done, or one is refused. */
static bool change_round(struct space *s, u64 *at, u64 end, region_change *change, void *arg,
			 int *err)
{
	struct region *r = region_after(s, *at);

	for (u32 n = 0; r && r->start < end && !*err; n++, r = region_next(s, r)) {
		if (n == LOOP_TURN)
			return true;
		*err = change(s, r, arg);
		*at = r->end;
	}
	return false;
}

int regions_change(struct space *s, u64 start, u64 end, region_change *change, void *arg)
{
	int err = 0;
	bool more;

	do {
		spin_lock(&s->lock);
		more = change_round(s, &start, end, change, arg, &err);
		spin_unlock(&s->lock);
		if (more)
			mm_turn();
	} while (more);
	return err;
}
