/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that programs map: known by a number, read, and known to have changed. */
#ifndef IHK_FILE_H
#define IHK_FILE_H

#include <linux/fs.h>
#include <linux/types.h>

#include "object/object.h"

struct ihk_mark;
struct page;

/* ---- filepages.c: the registry of files ---- */

struct ihk_file_info {
	u64 id; /* 0: the mapping is anonymous */
	u64 size;
};
bool ihk_file_noexec(const struct file *file);
/* As Linux's mmap would judge a private mapping of it. Context: current has an mm, mmap_lock free. */
int ihk_file_open(struct ihk_procs *procs, struct file *file, unsigned long prot,
		  struct ihk_file_info *info);
void ihk_file_idle(struct ihk_procs *procs, u64 id, u64 count);
void ihk_file_forget(struct ihk_procs *procs, u64 id);
void ihk_file_forget_all(struct ihk_procs *procs);
/* The file to read from, with a reference, or NULL. */
struct file *ihk_file_real(struct ihk_procs *procs, u64 id);

/*
 * Ids of open files that have changed since they were last told: up to `max`, each once
 * for the same `news`; their number.
 */
unsigned int ihk_files_changed(struct ihk_procs *procs, u64 news, u64 *id, unsigned int max);
/* The LWK has not heard of this change. */
void ihk_file_untold(struct ihk_procs *procs, u64 id);

/* ---- filenews.c: telling the LWK what has changed ---- */

void ihk_news_begin(struct ihk_procs *procs);
void ihk_news_end(struct ihk_procs *procs); /* the instance has stopped */
/* Some file that somebody maps has changed. Any context. */
void ihk_files_news(void);
/*
 * What has changed before this call, no thread of the instance sees as it was
 * before. May sleep. Costs a look at two numbers if nothing has.
 */
void ihk_news_tell(struct ihk_procs *procs);

/* ---- filever.c: may a copy serve again? ---- */

struct ihk_version {
	struct super_block *sb; /* to compare with, no reference */
	u64 ino;
	u32 generation;
	dev_t dev;
	u64 size;
	struct timespec64 ctime, mtime;
	u64 change; /* i_version, if it has one */
	bool has_change;
	bool young; /* the next change might not be seen in the times */
};

int ihk_version_init(void);
void ihk_version_exit(void);
int ihk_version_sample(struct file *real, struct ihk_version *version);
bool ihk_version_same(const struct ihk_version *a, const struct ihk_version *b);
bool ihk_version_writers(struct file *outer, struct file *real);
#define IHK_FILE_MARKS 3
/* Marks on the real inode, the outer inode, the file system's root. False: they cannot be had. */
bool ihk_marks_get(struct file *outer, struct file *real, struct ihk_mark *marks[IHK_FILE_MARKS]);
/* Grows with each change that the marks have seen. */
u64 ihk_marks_changes(struct ihk_mark *marks[IHK_FILE_MARKS]);
void ihk_marks_put(struct ihk_mark *marks[IHK_FILE_MARKS]);

/* ---- fileread.c ---- */

/*
 * What Linux's mmap of the file would map: NULL is anonymous memory. -EAGAIN:
 * other tasks of this mm do not leave the mapping alone.
 */
struct file *ihk_real_file(struct file *file, unsigned long prot);
/*
 * Whole pages, zero beyond the end: their number, 0 beyond the end, -errno if
 * the first fails. Briefly: -EAGAIN rather than wait for a file server.
 */
long ihk_file_read_pages(struct file *real, pgoff_t index, struct page **to, unsigned long count,
			 bool briefly);
/*
 * The same into frames of the instance. Context: not inside, for it may wait for
 * a file server: inside is only who copies to the frames.
 */
s64 ihk_file_read(struct ihk_procs *procs, u64 id, u64 index, const abi_u64 *frames, u64 count,
		  bool briefly);

#endif
