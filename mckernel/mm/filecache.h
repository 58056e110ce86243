/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the file cache share: versions and the words of their indexes. */
#ifndef MM_FILECACHE_H
#define MM_FILECACHE_H

#include "internal.h"

/* A word of a file's index: the frame and one of these. */
#define WORD_FILLING 1UL /* a reader is at it; the frame has the one reference of the cache */
#define WORD_READY 2UL
#define WORD_YOUNG 4UL /* READY, and nobody has had it yet, nor has file_strip() seen it */
/* Alone: Linux's last reader could not fill it, and has not been told that there is none. */
#define WORD_FAILED 8UL
#define WORD_OLD 16UL /* FILLING, and the file has changed: what is read may be from before */

/*
 * One version. Everything is under file_cache.lock. The module keeps the
 * version alive for us while we owe it opens or have not said that it is
 * forgotten.
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
	bool dead; /* not to be found any more, waits to be told */
	struct list by_id;
	struct list queue; /* in file_cache.idle_files, the longest idle first, or in used_files */
	struct list telling; /* of those that have news for the module */
};

/* Everything under `lock`. */
struct file_cache {
	struct spinlock lock; /* RANK_FILE */
	struct list idle_files; /* by file.queue */
	struct list used_files; /* the next to be stripped first */
	u64 idle_pages; /* READY, of the files in idle_files; read without the lock too */
	u64 used_count; /* files in used_files */
};
extern struct file_cache file_cache;

/* ---- filecache.c, under the lock ---- */

struct file *file_find(u64 id);
void file_become_used(struct file *f); /* refs is 1 now, and was 0 */
/* Nobody refers to it and nothing of it is cached: it ends, and the module hears of it. */
void file_end_if_unused(struct file *f);
/* The cache, whose alone the page is, counts it no more: it is the caller's. */
void file_page_leaves(struct file *f, u64 pa);

/* ---- filetell.c ---- */

void file_news(struct file *f); /* it may have a message for the module; under the lock */
/* Send what can be sent at once. Called after each change that may have made news, without the lock. */
void file_tell(void);

#endif
