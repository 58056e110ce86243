/* SPDX-License-Identifier: GPL-2.0-only */
/* Versions of files and their pages, shared by all spaces that map them. */
#include "abi/ikc.h"
#include "abi/slot.h"
#include "mck/errno.h"
#include "internal.h"

#define FILE_HEADS 256
#define CACHE_STEP 256 /* pages dropped at once when the cache has grown too large */

/* A word of a file's index: the frame and one of these. */
#define WORD_FILLING 1UL /* a reader is at it; the frame has the one reference of the cache */
#define WORD_READY 2UL
#define WORD_FAILED \
	8UL /* alone: Linux's last reader could not fill it, and has not been told that there is none */
#define WORD_OLD 16UL /* FILLING, and the file has changed: what is read may be from before */
#define WORD_YOUNG 4UL /* READY, and nobody has had it yet, nor has file_strip() seen it */

/*
 * One version. Everything is under `lock`. The module keeps the version alive
 * for us while we owe it opens or have not said that it is forgotten.
 */
struct file {
	u64 id;
	u64 size; /* bytes when it was opened, how far to read ahead; 0: not known */
	u32 refs; /* regions and short holds; 0: idle, kept for its pages */
	u32 opens; /* successes of opening since it was last idle */
	u32 owed; /* opens to be given back by the next LCALL_FILE_IDLE */
	u32 filling; /* pages with a reader: they keep the file too */
	u64 pages; /* READY, or in `old` */
	struct list old; /* by frame.link: FRAME_OLD, out of the index, but still referenced */
	u64 old_count;
	u64 strip_at; /* where file_strip() goes on */
	struct page_index index;
	u64 next_read; /* where a sequential reader would go on, */
	u32 window; /* and how much it gets */
	bool dead; /* out of `table`, waits to be told */
	struct list by_id;
	struct list queue; /* in `idle_files`, the longest idle first, or in `used_files` */
	struct list telling; /* in `to_tell` */
};

static struct spinlock lock = SPINLOCK_INIT(RANK_FILE);
static struct list table[FILE_HEADS];
static struct list idle_files = { &idle_files, &idle_files };
static struct list used_files = { &used_files, &used_files }; /* the next to be stripped first */
static struct list to_tell = { &to_tell, &to_tell };
static bool teller_comes; /* a thread will tell */
static u64 idle_pages; /* READY, of the files in idle_files; read without the lock too */
static u64 used_count; /* files in used_files */

static struct list *head_of(u64 id)
{
	struct list *head = &table[id % FILE_HEADS];

	if (!head->next)
		list_init(head);
	return head;
}

static struct file *file_find(u64 id)
{
	struct file *f;

	list_for_each(f, head_of(id), by_id)
		if (f->id == id)
			return f;
	return NULL;
}

/* ---- telling the module ---- */

/* The next message about f, or none (0). */
static enum lcall_op news_of(const struct file *f, u64 arg[IKC_LCALL_ARGS])
{
	memset(arg, 0, IKC_LCALL_ARGS * sizeof(arg[0]));
	arg[0] = f->id;
	arg[1] = f->owed;
	if (f->owed)
		return LCALL_FILE_IDLE;
	return f->dead ? LCALL_FILE_FORGET : 0;
}

/* It is sent: a file without more news leaves the list, and a dead one ends. */
static void news_sent(struct file *f, enum lcall_op op)
{
	if (op == LCALL_FILE_IDLE)
		f->owed = 0;
	if (op == LCALL_FILE_IDLE && f->dead)
		return;
	list_del(&f->telling);
	if (f->dead)
		kfree(f);
}

static struct file *news_first(void)
{
	return list_empty(&to_tell) ? NULL : list_entry(to_tell.next, struct file, telling);
}

/* With waiting, when no lcall was free. */
static void tell_thread(void *unused)
{
	u64 arg[IKC_LCALL_ARGS];
	enum lcall_op op;
	struct file *f;

	(void)unused;
	for (;;) {
		spin_lock(&lock);
		f = news_first();
		op = f ? news_of(f, arg) : 0;
		if (f)
			news_sent(f, op);
		else
			teller_comes = false;
		spin_unlock(&lock);
		if (!f)
			return;
		if (op)
			up_lcall(op, arg);
	}
}

/* Send what can be sent at once. Called after each change that may have made news, without the lock. */
static void file_tell(void)
{
	u64 arg[IKC_LCALL_ARGS];
	struct file *f;
	bool defer = false;

	spin_lock(&lock);
	while (!teller_comes && (f = news_first())) {
		enum lcall_op op = news_of(f, arg);

		if (op && !up_lcall_async(op, arg)) {
			defer = teller_comes = true;
			break;
		}
		news_sent(f, op);
	}
	spin_unlock(&lock);
	/* Without memory for a thread, the next news take these along. */
	if (defer && !up_defer(tell_thread, NULL)) {
		spin_lock(&lock);
		teller_comes = false;
		spin_unlock(&lock);
	}
}

static void news_add(struct file *f)
{
	if (list_empty(&f->telling))
		list_add_tail(&to_tell, &f->telling);
}

/* ---- versions ---- */

/* Nobody refers to it and nothing of it is cached: it ends, and the module hears of it. */
static void end_if_unused(struct file *f)
{
	if (f->refs || f->filling || f->pages || f->dead)
		return;
	f->dead = true;
	list_del(&f->by_id);
	list_del(&f->queue);
	index_free(&f->index);
	news_add(f);
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

static void become_used(struct file *f)
{
	WRITE_ONCE(idle_pages, idle_pages - f->pages);
	list_del(&f->queue);
	list_add_tail(&used_files, &f->queue);
	f->strip_at = 0;
	used_count++;
}

static void become_idle(struct file *f)
{
	WRITE_ONCE(idle_pages, idle_pages + f->pages);
	list_del(&f->queue);
	list_add_tail(&idle_files, &f->queue);
	f->strip_at = 0;
	used_count--;
}

struct file *file_open(u64 id, u64 size, u32 flags)
{
	struct file *f;

	(void)flags; /* none is defined yet */
	spin_lock(&lock);
	f = file_find(id);
	if (!f)
		f = file_new(id, size);
	if (f) {
		f->refs++;
		f->opens++;
		if (!f->size)
			f->size = size;
		if (f->refs == 1)
			become_used(f);
	}
	spin_unlock(&lock);
	return f;
}

void file_get(struct file *f)
{
	spin_lock(&lock);
	kassert(f->refs > 0);
	f->refs++;
	spin_unlock(&lock);
}

void file_put(struct file *f)
{
	bool news = false;

	spin_lock(&lock);
	kassert(f->refs > 0);
	if (--f->refs == 0) {
		f->owed += f->opens;
		f->opens = 0;
		become_idle(f);
		news_add(f);
		end_if_unused(f);
		news = true;
	}
	spin_unlock(&lock);
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
	u64 pa = wanted ? upage_alloc_margin() : upage_alloc();

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

	spin_lock(&lock);
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
	spin_unlock(&lock);
	return state;
}

void file_refused(u64 id, u64 index)
{
	struct file *f;
	u64 *word;

	spin_lock(&lock);
	f = file_find(id);
	word = f ? index_word(&f->index, index, true) : NULL;
	if (word && !*word)
		*word = WORD_FAILED;
	spin_unlock(&lock);
}

void file_pages_ready(struct file *f, u64 first, u32 count, u64 *pa)
{
	spin_lock(&lock);
	for (u32 i = 0; i < count; i++) {
		u64 *word = index_word(&f->index, first + i, false);

		pa[i] = word && (*word & WORD_READY) ? pte_pa(*word) : 0;
		if (pa[i])
			upage_map(pa[i]);
	}
	spin_unlock(&lock);
}

static u64 word_of(struct file *f, u64 index)
{
	u64 *at;
	u64 word;

	spin_lock(&lock);
	at = index_word(&f->index, index, false);
	word = at ? *at : 0;
	spin_unlock(&lock);
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

	spin_lock(&lock);
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
	spin_unlock(&lock);
	return first;
}

static void count_moved(abi_u64 *from, abi_u64 *to)
{
	__atomic_sub_fetch(from, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(to, 1, __ATOMIC_RELAXED);
}

static void count_clean(struct file *f, u64 pa, u64 add)
{
	abi_u64 *clean = &boot_params->counters.pages_clean_node[frame_node(pa)];

	__atomic_add_fetch(clean, add, __ATOMIC_RELAXED);
	f->pages += add;
	if (!f->refs)
		WRITE_ONCE(idle_pages, idle_pages + add);
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
	return READ_ONCE(idle_pages);
}

/* The cache's is the only reference, before and after: pages_cache has it now. */
static void page_enters(struct file *f, u64 pa)
{
	struct lwk_counters *c = &boot_params->counters;

	__atomic_or_fetch(&frame_of(pa)->flags, FRAME_CACHE, __ATOMIC_RELAXED);
	count_moved(&c->pages_user, &c->pages_cache);
	count_clean(f, pa, 1);
}

static void page_leaves(struct file *f, u64 pa)
{
	struct lwk_counters *c = &boot_params->counters;

	__atomic_and_fetch(&frame_of(pa)->flags, ~FRAME_CACHE, __ATOMIC_RELAXED);
	count_moved(&c->pages_cache, &c->pages_user);
	count_clean(f, pa, -1UL);
}

void file_filled(u64 id, u64 index, u64 frame_pa, int err)
{
	struct lwk_counters *c = &boot_params->counters;
	struct file *f;
	u64 *word;
	bool ours;

	spin_lock(&lock);
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
			end_if_unused(f);
		} else {
			page_enters(f, frame_pa);
		}
	}
	spin_unlock(&lock);
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

/* ---- when memory is short ---- */

#define SHRINK_BATCH 64U
#define SHRINK_LOOK 2048U /* pages looked at under one hold of the lock */

/* Pages taken out under one hold of the lock, and the looks that are left. */
struct strip {
	u64 pa[SHRINK_BATCH];
	u32 count, max;
	u32 looks;
	bool spare; /* young pages become old, and stay */
};

static bool strip_is_full(const struct strip *s)
{
	return s->count == s->max || !s->looks;
}

static bool may_strip(u64 *word, bool spare)
{
	if (!(*word & WORD_READY) || !frame_is_single(frame_of(pte_pa(*word))))
		return false;
	if (!spare || !(*word & WORD_YOUNG))
		return true;
	*word &= ~WORD_YOUNG;
	return false;
}

/* Pages of f that only the cache holds, from where the last strip ended. True: all of the file was seen. */
static bool file_strip(struct file *f, struct strip *s)
{
	u64 *word;

	for (; f->pages && (word = index_next(&f->index, &f->strip_at)); f->strip_at++) {
		if (strip_is_full(s))
			return false;
		s->looks--;
		if (!may_strip(word, s->spare))
			continue;
		s->pa[s->count++] = pte_pa(*word);
		page_leaves(f, pte_pa(*word));
		*word = 0;
	}
	f->strip_at = 0;
	return true;
}

/* The longest idle file before all others: its pages have nobody who would miss them. True: all were seen. */
static bool strip_idle(struct strip *s)
{
	struct file *f, *next;

	list_for_each_safe(f, next, &idle_files, queue) {
		bool all = file_strip(f, s);

		end_if_unused(f);
		if (!all)
			return false;
	}
	return true;
}

/*
 * In turn: a file that was seen goes to the end of the queue. The first may
 * have been seen in part: it comes again, unless what is spared would be seen
 * twice, and so not be spared.
 */
static bool strip_used(struct strip *s)
{
	for (u64 n = used_count && !s->spare ? used_count + 1 : used_count; n; n--) {
		struct file *f = list_entry(used_files.next, struct file, queue);

		if (!file_strip(f, s))
			return false;
		list_del(&f->queue);
		list_add_tail(&used_files, &f->queue);
	}
	return true;
}

/* Nobody has them: those that Linux may still hold come back by way of the module. Returns how many are free now. */
static u64 strip_end(const struct strip *s)
{
	u64 freed = 0;

	for (u32 i = 0; i < s->count; i++) {
		freed += !frame_is_marked(frame_of(s->pa[i]));
		if (upage_unmap(s->pa[i]))
			lend_free(s->pa[i]);
	}
	return freed;
}

static u64 strip_all(bool (*strip)(struct strip *s), u64 pages, bool spare)
{
	u64 freed = 0, seen = 0;
	bool all = false;

	/* No longer than a turn takes, whatever others do meanwhile. */
	for (u64 limit = 2 * file_pages_clean(); !all && freed < pages && seen <= limit;) {
		struct strip s = { .max = (u32)MIN(pages - freed, (u64)SHRINK_BATCH),
				   .looks = SHRINK_LOOK,
				   .spare = spare };

		spin_lock(&lock);
		all = strip(&s);
		spin_unlock(&lock);
		seen += SHRINK_LOOK - s.looks;
		freed += strip_end(&s);
	}
	file_tell();
	return freed;
}

u64 file_shrink_idle(u64 pages)
{
	return strip_all(strip_idle, pages, false);
}

u64 file_shrink_old(u64 pages)
{
	return strip_all(strip_used, pages, true);
}

u64 file_shrink(u64 pages)
{
	u64 freed = file_shrink_idle(pages);

	if (freed < pages)
		freed += file_shrink_old(pages - freed);
	if (freed < pages)
		freed += strip_all(strip_used, pages - freed, false);
	return freed;
}

/* ---- when the file has changed ---- */

static void age_word(struct file *f, u64 *word)
{
	struct frame *frame;

	if (*word & WORD_FILLING) {
		*word |= WORD_OLD;
		return;
	}
	if (*word & WORD_READY) {
		frame = frame_of(pte_pa(*word));
		__atomic_or_fetch(&frame->flags, FRAME_OLD, __ATOMIC_RELAXED);
		list_add_tail(&f->old, &frame->link);
		f->old_count++;
	}
	*word = 0;
}

/* Pages from *at on, under one hold of the lock. True: there may be more. */
static bool age_round(struct file *f, u64 *at)
{
	u64 *word;

	for (u32 look = 0; (word = index_next(&f->index, at)); ++*at) {
		if (look++ == SHRINK_LOOK)
			return true;
		age_word(f, word);
	}
	return false;
}

struct file *file_age(u64 id)
{
	struct file *f;
	u64 at = 0;
	bool more;

	spin_lock(&lock);
	f = file_find(id);
	if (f && f->refs++ == 0)
		become_used(f);
	spin_unlock(&lock);
	if (!f)
		return NULL;
	/* What is read behind us between two rounds is read after the change. */
	do {
		spin_lock(&lock);
		more = age_round(f, &at);
		spin_unlock(&lock);
	} while (more);
	return f;
}

/* Of the next `looks` old pages, those that only the cache holds. */
static u64 old_round(struct file *f, struct strip *s, u64 looks)
{
	for (; looks && !strip_is_full(s) && f->old_count; looks--, s->looks--) {
		struct frame *frame = list_entry(f->old.next, struct frame, link);

		list_del(&frame->link);
		if (!frame_is_single(frame)) {
			list_add_tail(&f->old, &frame->link);
			continue;
		}
		f->old_count--;
		s->pa[s->count++] = frame_pa(frame);
		page_leaves(f, frame_pa(frame));
		__atomic_and_fetch(&frame->flags, ~FRAME_OLD, __ATOMIC_RELAXED);
	}
	return f->old_count ? looks : 0;
}

bool file_drop_old(struct file *f)
{
	u64 looks = ~0UL, left;

	do {
		struct strip s = { .max = SHRINK_BATCH, .looks = SHRINK_LOOK };

		spin_lock(&lock);
		/* Each is looked at once. */
		looks = old_round(f, &s, MIN(looks, f->old_count));
		left = f->old_count;
		spin_unlock(&lock);
		strip_end(&s);
	} while (looks);
	return !left;
}
