// SPDX-License-Identifier: GPL-2.0-only
/* Linux's primitives for the interleaving tests. Not instrumented: between weave_step()s all is one step. */
#include "linux_fake.h"

unsigned long jiffies = 1000;
struct workqueue_struct *system_unbound_wq;
static struct work_struct *queued[16];
static struct work_struct *delayed; /* one is enough */
static int readers;

/* ---- locks ---- */

static bool is_free(void *taken)
{
	return *(int *)taken == 0;
}

static bool is_readable(void *taken)
{
	return *(int *)taken >= 0;
}

static bool is_raised(void *count)
{
	return *(int *)count > 0;
}

void fake_lock(int *taken, int how)
{
	weave_step(taken, true);
	weave_wait(WEAVE_BLOCKED, how < 0 ? is_free : is_readable, taken);
	*taken += how;
}

void fake_unlock(int *taken, int how)
{
	weave_step(taken, true);
	if (!*taken || (*taken < 0) != (how < 0))
		weave_fail("a lock is released that is not taken");
	*taken -= how;
	weave_changed();
}

/* ---- memory ---- */

struct page *alloc_page(gfp_t gfp)
{
	struct page *page = weave_alloc(sizeof(*page));

	(void)gfp;
	page->count = 1;
	page->address = weave_alloc(PAGE_SIZE);
	return page;
}

void __free_page(struct page *page)
{
	weave_step(page, true);
	if (page->count <= 0)
		weave_fail("a page is freed twice");
	page->count--;
}

/* ---- waiting ---- */

void complete(struct completion *c)
{
	weave_step(c, true);
	c->done++;
	weave_changed();
}

long wait_for_completion_timeout(struct completion *c, unsigned long timeout)
{
	weave_step(c, true);
	if (!weave_wait(WEAVE_TIMED, is_raised, &c->done)) {
		jiffies += timeout;
		return 0;
	}
	c->done--;
	return 1;
}

int fake_downs;
static bool killed[WEAVE_ACTORS];

struct killable {
	unsigned int *count;
	bool *killed;
};

static bool is_raised_or_killed(void *arg)
{
	struct killable *wait = arg;

	return *wait->count || *wait->killed;
}

long wait_for_completion_killable_timeout(struct completion *c, unsigned long timeout)
{
	struct killable wait = { &c->done, &killed[weave_self()] };

	weave_step(c, true);
	if (!weave_wait(WEAVE_TIMED, is_raised_or_killed, &wait)) {
		jiffies += timeout;
		return 0;
	}
	if (!c->done)
		return -EINTR;
	c->done--;
	return 1;
}

void fake_kill(int actor)
{
	weave_step(&killed[actor], true);
	killed[actor] = true;
	weave_changed();
}

void down(struct semaphore *s)
{
	weave_step(s, true);
	weave_wait(WEAVE_BLOCKED, is_raised, &s->count);
	s->count--;
	fake_downs++;
}

void up(struct semaphore *s)
{
	weave_step(s, true);
	s->count++;
	fake_downs--;
	weave_changed();
}

/* ---- bits ---- */

bool bitmap_empty(const unsigned long *map, unsigned int bits)
{
	weave_step(map, false);
	for (unsigned int i = 0; i < bits / 64; i++)
		if (map[i])
			return false;
	return true;
}

unsigned int find_first_zero_bit(const unsigned long *map, unsigned int bits)
{
	unsigned int i = 0;

	weave_step(map, false);
	while (i < bits && (map[i / 64] & bit_of(i)))
		i++;
	return i;
}

unsigned int find_next_bit(const unsigned long *map, unsigned int bits, unsigned int from)
{
	weave_step(map, false);
	while (from < bits && !(map[from / 64] & bit_of(from)))
		from++;
	return from;
}

/* ---- work ---- */

bool queue_work(struct workqueue_struct *q, struct work_struct *work)
{
	unsigned int i = 0;

	(void)q;
	weave_step(work, true);
	if (work->pending)
		return false;
	while (queued[i])
		i++;
	work->pending = true;
	queued[i] = work;
	weave_changed();
	return true;
}

/* As Linux's: one work never runs twice at once. */
static struct work_struct **due(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(queued); i++)
		if (queued[i] && !queued[i]->running && (!queued[i]->after_readers || !readers))
			return &queued[i];
	return NULL;
}

bool fake_work_due(void *arg)
{
	(void)arg;
	return due() != NULL;
}

bool fake_work(void)
{
	struct work_struct **place = due(), *work;

	if (!place)
		return false;
	work = *place;
	*place = NULL;
	work->pending = false;
	work->running = true;
	work->fn(work);
	/* Its own memory may be gone by now, with it. */
	if (!work->after_readers)
		work->running = false;
	return true;
}

bool queue_delayed_work(struct workqueue_struct *q, struct delayed_work *work, unsigned long delay)
{
	(void)q, (void)delay;
	weave_step(work, true);
	if (work->work.pending)
		return false;
	work->work.pending = true;
	delayed = &work->work;
	weave_changed();
	return true;
}

static bool work_or_delayed(void *arg)
{
	return delayed || fake_work_due(arg);
}

/* Delayed work is due at once a few times, and then only when nothing else can happen. */
void fake_worker(void)
{
	for (unsigned int early = 2;;) {
		struct work_struct *late;

		weave_wait(WEAVE_IDLE, work_or_delayed, NULL);
		if (!fake_work_due(NULL) &&
		    (early ? early-- > 0 : !weave_wait(WEAVE_TIMED, fake_work_due, NULL))) {
			late = delayed;
			delayed = NULL;
			late->pending = false;
			late->fn(late);
		}
		fake_work();
	}
}

/* ---- RCU ---- */

bool queue_rcu_work(struct workqueue_struct *q, struct rcu_work *work)
{
	work->work.after_readers = true;
	return queue_work(q, &work->work);
}

void rcu_read_lock(void)
{
	readers++;
}

void rcu_read_unlock(void)
{
	weave_step(&readers, true);
	readers--;
	weave_changed();
}

/* ---- xarray ---- */

static int store(struct xarray *xa, unsigned long index, void *entry)
{
	weave_step(xa, true);
	if (index >= XA_MAX || xa->entry[index])
		return -EBUSY;
	xa->entry[index] = entry ? entry : XA_ZERO_ENTRY;
	weave_changed();
	return 0;
}

int xa_alloc(struct xarray *xa, u32 *index, void *entry, struct xa_limit limit, gfp_t gfp)
{
	(void)gfp;
	weave_step(xa, true);
	for (*index = limit.min; *index < XA_MAX && *index <= limit.max; ++*index) {
		if (xa->entry[*index])
			continue;
		xa->entry[*index] = entry ? entry : XA_ZERO_ENTRY;
		weave_changed();
		return 0;
	}
	return -EBUSY;
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	(void)gfp;
	return store(xa, index, entry);
}

static void *shown(void *entry)
{
	return entry == XA_ZERO_ENTRY ? NULL : entry;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old;

	(void)gfp;
	weave_step(xa, true);
	old = xa->entry[index];
	xa->entry[index] = entry;
	weave_changed();
	return shown(old);
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	weave_step(xa, false);
	return index < XA_MAX ? shown(xa->entry[index]) : NULL;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	return xa_store(xa, index, NULL, 0);
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, unsigned int filter)
{
	(void)filter;
	weave_step(xa, false);
	for (; *index < XA_MAX && *index <= max; ++*index)
		if (shown(xa->entry[*index]))
			return xa->entry[*index];
	return NULL;
}

bool xa_empty(struct xarray *xa)
{
	weave_step(xa, false);
	for (unsigned int i = 0; i < XA_MAX; i++)
		if (xa->entry[i])
			return false;
	return true;
}
