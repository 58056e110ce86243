/* SPDX-License-Identifier: GPL-2.0-only */
/* Versions of files and their pages, shared by all spaces that map them. */
#include "abi/slot.h"
#include "mck/errno.h"
#include "filecache.h"

#define FILE_HEADS 256
#define CACHE_STEP 256 /* pages dropped at once when the cache has grown too large */

struct file_cache file_cache = {
	.lock = SPINLOCK_INIT(RANK_FILE),
	.idle_files = { &file_cache.idle_files, &file_cache.idle_files },
	.used_files = { &file_cache.used_files, &file_cache.used_files },
};

static struct list table[FILE_HEADS]; /* by file.by_id; under the lock */

static struct list *head_of(u64 id)
{
	struct list *head = &table[id % FILE_HEADS];

	if (!head->next)
		list_init(head);
	return head;
}

struct file *file_find(u64 id)
{
	struct file *f;

	list_for_each(f, head_of(id), by_id)
		if (f->id == id)
			return f;
	return NULL;
}

/* ---- versions ---- */

void file_end_if_unused(struct file *f)
{
	if (f->refs || f->filling || f->pages || f->dead)
		return;
	f->dead = true;
	list_del(&f->by_id);
	list_del(&f->queue);
	index_free(&f->index);
	file_news(f);
}

static struct file *file_new(u64 id, u64 size)
{
	struct file *f = kzalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->id = id;
	f->size = size;
	list_init(&f->old);
	list_init(&f->queue);
	list_init(&f->telling);
	list_add(head_of(id), &f->by_id);
	return f;
}

void file_become_used(struct file *f)
{
	WRITE_ONCE(file_cache.idle_pages, file_cache.idle_pages - f->pages);
	list_del(&f->queue);
	list_add_tail(&file_cache.used_files, &f->queue);
	f->strip_at = 0;
	file_cache.used_count++;
}

static void become_idle(struct file *f)
{
	WRITE_ONCE(file_cache.idle_pages, file_cache.idle_pages + f->pages);
	list_del(&f->queue);
	list_add_tail(&file_cache.idle_files, &f->queue);
	f->strip_at = 0;
	file_cache.used_count--;
}

struct file *file_open(u64 id, u64 size, u32 flags)
{
	struct file *f;

	(void)flags; /* none is defined yet */
	spin_lock(&file_cache.lock);
	f = file_find(id);
	if (!f)
		f = file_new(id, size);
	if (f) {
		f->refs++;
		f->opens++;
		if (!f->size)
			f->size = size;
		if (f->refs == 1)
			file_become_used(f);
	}
	spin_unlock(&file_cache.lock);
	return f;
}

void file_get(struct file *f)
{
	spin_lock(&file_cache.lock);
	kassert(f->refs > 0);
	f->refs++;
	spin_unlock(&file_cache.lock);
}

void file_put(struct file *f)
{
	bool news = false;

	spin_lock(&file_cache.lock);
	kassert(f->refs > 0);
	if (--f->refs == 0) {
		f->owed += f->opens;
		f->opens = 0;
		become_idle(f);
		file_news(f);
		file_end_if_unused(f);
		news = true;
	}
	spin_unlock(&file_cache.lock);
	if (news)
		file_tell();
}

u64 file_id(const struct file *f)
{
	return f->id;
}

u64 file_size(const struct file *f)
{
	return f->size;
}

/* ---- pages ---- */

static bool is_beyond(const struct file *f, u64 index)
{
	return f->size && index >= (f->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* A frame that was to be filled and was not: nobody has seen it. */
static void fill_frame_free(u64 pa)
{
	if (upage_unmap(pa))
		upage_free(pa);
}

/* A frame for an absent page, marked as being filled. `wanted`: not only read ahead. 0: no memory. */
static u64 begin_fill(struct file *f, u64 *word, bool wanted)
{
	u64 pa = wanted ? upage_alloc_margin(NULL) : upage_alloc(NULL);

	if (pa) {
		*word = pa | WORD_FILLING;
		f->filling++;
	}
	return pa;
}

/*
 * Where the file ends is asked of Linux, by reading: it may have grown since it
 * was opened. A reader of ours is told by its read; one of Linux asks again,
 * and is told then.
 */
enum page_state file_page(struct file *f, u64 index, bool ours, u64 *pa)
{
	enum page_state state;
	u64 *word;

	spin_lock(&file_cache.lock);
	word = index_word(&f->index, index, true);
	if (!word) {
		state = PAGE_NOMEM;
	} else if (*word & WORD_READY) {
		*pa = pte_pa(*word);
		*word &= ~WORD_YOUNG;
		upage_map(*pa);
		state = PAGE_READY;
	} else if (*word & WORD_FILLING) {
		state = PAGE_FILLING;
	} else if (*word == WORD_FAILED && !ours) {
		*word = 0;
		index_trim(&f->index, index);
		state = PAGE_BEYOND;
	} else {
		*pa = begin_fill(f, word, true);
		state = *pa ? PAGE_TO_FILL : PAGE_NOMEM;
	}
	spin_unlock(&file_cache.lock);
	return state;
}

void file_refused(u64 id, u64 index)
{
	struct file *f;
	u64 *word;

	spin_lock(&file_cache.lock);
	f = file_find(id);
	word = f ? index_word(&f->index, index, true) : NULL;
	if (word && !*word)
		*word = WORD_FAILED;
	spin_unlock(&file_cache.lock);
}

void file_pages_ready(struct file *f, u64 first, u32 count, u64 *pa)
{
	spin_lock(&file_cache.lock);
	for (u32 i = 0; i < count; i++) {
		u64 *word = index_word(&f->index, first + i, false);

		pa[i] = word && (*word & WORD_READY) ? pte_pa(*word) : 0;
		if (pa[i])
			upage_map(pa[i]);
	}
	spin_unlock(&file_cache.lock);
}

static u64 word_of(struct file *f, u64 index)
{
	u64 *at;
	u64 word;

	spin_lock(&file_cache.lock);
	at = index_word(&f->index, index, false);
	word = at ? *at : 0;
	spin_unlock(&file_cache.lock);
	return word;
}

bool file_page_filling(struct file *f, u64 index)
{
	return word_of(f, index) & WORD_FILLING;
}

bool file_page_cached(struct file *f, u64 index)
{
	return word_of(f, index) & WORD_READY;
}

/* A reader in sequence gets twice as much each time; others the aligned 16 pages around. */
static u64 window_start(struct file *f, u64 index)
{
	bool in_sequence = index && index == f->next_read;

	f->window = in_sequence ? MIN(f->window * 2, KPAGE_LIST) : AROUND_MAX;
	return in_sequence ? index : ALIGN_DOWN(index, (u64)AROUND_MAX);
}

static bool is_absent(struct file *f, u64 index)
{
	u64 *word = index_word(&f->index, index, true);

	return word && !*word && !is_beyond(f, index);
}

u64 file_fill_around(struct file *f, u64 index, u64 pa, u64 *list, u32 *count)
{
	u64 start, first = index, end = index + 1;

	spin_lock(&file_cache.lock);
	start = window_start(f, index);
	/* Only what lies next to the page without a gap. */
	while (first > start && is_absent(f, first - 1))
		first--;
	while (end < start + f->window && is_absent(f, end))
		end++;
	*count = 0;
	for (u64 i = first; i < end; i++) {
		u64 frame = i == index ? pa : begin_fill(f, index_word(&f->index, i, true), false);

		if (frame) {
			list[(*count)++] = frame;
			continue;
		}
		/* Short of memory: the row begins again behind this page, or ends before it. */
		if (i > index)
			break;
		while (*count) {
			u64 *word = index_word(&f->index, first, true);

			fill_frame_free(pte_pa(*word));
			*word = 0;
			f->filling--;
			first++;
			(*count)--;
		}
		first = i + 1;
	}
	f->next_read = first + *count;
	spin_unlock(&file_cache.lock);
	return first;
}

static void count_clean(struct file *f, u64 pa, u64 add)
{
	abi_u64 *clean = &boot_params->counters.pages_clean_node[frame_node(pa)];

	count_add(clean, add);
	f->pages += add;
	if (!f->refs)
		WRITE_ONCE(file_cache.idle_pages, file_cache.idle_pages + add);
}

u64 file_pages_clean(void)
{
	u64 sum = 0;

	for (u32 i = 0; i < ABI_MAX_NODES; i++)
		sum += __atomic_load_n(&boot_params->counters.pages_clean_node[i],
				       __ATOMIC_RELAXED);
	return sum;
}

u64 file_pages_idle(void)
{
	return READ_ONCE(file_cache.idle_pages);
}

/* The cache's is the only reference, before and after: pages_cache has it now. */
static void page_enters(struct file *f, u64 pa)
{
	struct lwk_counters *c = &boot_params->counters;

	__atomic_or_fetch(&frame_of(pa)->flags, FRAME_CACHE, __ATOMIC_RELAXED);
	count_move(&c->pages_user, &c->pages_cache);
	count_clean(f, pa, 1);
}

void file_page_leaves(struct file *f, u64 pa)
{
	struct lwk_counters *c = &boot_params->counters;

	__atomic_and_fetch(&frame_of(pa)->flags, ~FRAME_CACHE, __ATOMIC_RELAXED);
	count_move(&c->pages_cache, &c->pages_user);
	count_clean(f, pa, -1UL);
}

void file_filled(u64 id, u64 index, u64 frame_pa, int err)
{
	struct lwk_counters *c = &boot_params->counters;
	struct file *f;
	u64 *word;
	bool ours;

	spin_lock(&file_cache.lock);
	f = file_find(id);
	word = f ? index_word(&f->index, index, false) : NULL;
	ours = word && (*word & ~WORD_OLD) == (frame_pa | WORD_FILLING);
	if (ours) {
		/* As if it had not been read: who needs it asks again. */
		if (*word & WORD_OLD)
			err = -EAGAIN;
		f->filling--;
		*word = err ? 0 : frame_pa | WORD_READY | WORD_YOUNG;
		if (err) {
			/* Who tries addresses far behind the end leaves no tables there. */
			index_trim(&f->index, index);
			file_end_if_unused(f);
		} else {
			page_enters(f, frame_pa);
		}
	}
	spin_unlock(&file_cache.lock);
	if (!ours) {
		__atomic_add_fetch(&c->bad_messages, 1, __ATOMIC_RELAXED);
		return;
	}
	if (err)
		fill_frame_free(frame_pa);
	mm_wake();
	file_tell();
	/* The cache holds a quarter of the memory at most. */
	if (READ_ONCE(c->pages_cache) > READ_ONCE(c->pages_total) / 4)
		file_shrink(CACHE_STEP);
}
