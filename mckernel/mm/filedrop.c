/* SPDX-License-Identifier: GPL-2.0-only */
/* How pages of files leave the cache: when memory is short, and when the file has changed. */
#include "filecache.h"

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
		file_page_leaves(f, pte_pa(*word));
		*word = 0;
	}
	f->strip_at = 0;
	return true;
}

/* The longest idle file before all others: its pages have nobody who would miss them. True: all were seen. */
static bool strip_idle(struct strip *s)
{
	struct file *f, *next;

	list_for_each_safe(f, next, &file_cache.idle_files, queue) {
		bool all = file_strip(f, s);

		file_end_if_unused(f);
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
	for (u64 n = file_cache.used_count && !s->spare ? file_cache.used_count + 1
							: file_cache.used_count;
	     n; n--) {
		struct file *f = list_entry(file_cache.used_files.next, struct file, queue);

		if (!file_strip(f, s))
			return false;
		list_del(&f->queue);
		list_add_tail(&file_cache.used_files, &f->queue);
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

		spin_lock(&file_cache.lock);
		all = strip(&s);
		spin_unlock(&file_cache.lock);
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

	spin_lock(&file_cache.lock);
	f = file_find(id);
	if (f && f->refs++ == 0)
		file_become_used(f);
	spin_unlock(&file_cache.lock);
	if (!f)
		return NULL;
	/* What is read behind us between two rounds is read after the change. */
	do {
		spin_lock(&file_cache.lock);
		more = age_round(f, &at);
		spin_unlock(&file_cache.lock);
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
		file_page_leaves(f, frame_pa(frame));
		__atomic_and_fetch(&frame->flags, ~FRAME_OLD, __ATOMIC_RELAXED);
	}
	return f->old_count ? looks : 0;
}

bool file_drop_old(struct file *f)
{
	u64 looks = ~0UL, left;

	do {
		struct strip s = { .max = SHRINK_BATCH, .looks = SHRINK_LOOK };

		spin_lock(&file_cache.lock);
		/* Each is looked at once. */
		looks = old_round(f, &s, MIN(looks, f->old_count));
		left = f->old_count;
		spin_unlock(&file_cache.lock);
		strip_end(&s);
	} while (looks);
	return !left;
}
