/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Views: files of Linux's, in /proc and /sys, that show programs of the LWK its truth.
 *
 * Known by what has been opened, never by how its name was spelled: when a twin has carried
 * out an open for its program, and the file is one of the table in attach.c, the file's
 * operations are replaced by a copy in which reading is ours. So it stays Linux's file in
 * all other ways: permissions, dup, fork, poll, passing it on.
 */
#ifndef IHK_VIEW_H
#define IHK_VIEW_H

#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "object/object.h"
#include "space/space.h"

/* ---- attach.c ---- */

struct ihk_view;
struct seq_file;
/* For the table of base/up.h: by current, a twin. */
void ihk_view_opened(unsigned int fd);

/* One open file that shows something of ours. */
struct ihk_view {
	struct file_operations fops; /* its file's; fixed before the file gets them */
	const struct file_operations *linux_fops; /* those that it had */
	const struct ihk_view_kind *kind;

	struct ihk_procs *procs; /* of who opened the file; fixed, with a reference */
	u32 number; /* of the folder of a process, thread or node; fixed */
	/*
	 * Of a process or thread: its program, with references, and its thread's id. Fixed, or
	 * under `lock`: as of the last read at the start; NULL: it is none of the LWK's.
	 */
	struct ihk_space *space;
	struct mm_struct *mm; /* the structure; whoever looks inside takes its users' count */
	u64 thread;

	/*
	 * The text, or of a long one the piece that is read at the moment: made by reads,
	 * so that no more than a piece is kept for each open file.
	 */
	struct mutex lock;
	char *text;
	size_t length;
	loff_t start; /* of the piece */
	u64 next; /* what follows it; IHK_VIEW_END: nothing */
};

/*
 * A maker writes text into m, from *next on, which is 0 at first, and leaves there where it
 * goes on: whole lines, as many as there is room for. If not even one, or what has to be
 * whole, m has overflowed, and it is called again with more room. 0 or -errno.
 */
typedef int ihk_view_maker(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next);
#define IHK_VIEW_END (~0ULL)

/* What Linux itself would show: to be kvfree'd, ended by a NUL; or ERR_PTR. */
char *ihk_view_linux_text(struct ihk_view *view, struct file *file);
/* Its next line, without the end of it; *text moves behind that. NULL: there is none. */
char *ihk_view_line(char **text);
/* A line that begins with `name`, ended by ':', as "NAME:    VALUE kB" where Linux has its columns. */
void ihk_view_put_kib(struct seq_file *m, const char *name, u64 bytes);

/* ---- regions.c ---- */

/* A walk over the regions of a space, in ascending order. */
struct ihk_regions {
	struct ihk_space *space;
	u64 thread; /* whose policy a region has that has none */
	bool count_pages;
	u64 at; /* what is asked for next ends above it */
	struct region_info *batch;
	u32 have, next;
};
/* Those that end above `from`. 0 or -ENOMEM. */
int ihk_regions_begin(struct ihk_regions *regions, struct ihk_view *view, u64 from,
		      bool count_pages);
/* 1: *r is the next; 0: there is none, or the space has ended; or -errno. May sleep. Context: not inside. */
int ihk_regions_next(struct ihk_regions *regions, struct region_info *r);
void ihk_regions_end(struct ihk_regions *regions);
/*
 * Of its pages, how many count as dirty: what is shared, if it may be written or has no file,
 * and else what is the program's own.
 */
u32 ihk_region_dirty(const struct region_info *r);
/* The file that a region shows, with a reference, or NULL. */
struct file *ihk_region_file(struct ihk_view *view, const struct region_info *r);

/* ---- maps.c ---- */

ihk_view_maker ihk_view_maps, ihk_view_smaps, ihk_view_smaps_rollup;
/* Writes of one region. */
typedef void ihk_view_put_region(struct ihk_view *view, struct seq_file *m,
				 const struct region_info *r, void *context);
/* A maker's work: of all regions from *next on, with their pages counted or not. */
int ihk_view_put_regions(struct ihk_view *view, struct seq_file *m, u64 *next, bool count,
			 ihk_view_put_region *put, void *context);

/* ---- numa.c ---- */

ihk_view_maker ihk_view_numa_maps;

/* ---- status.c ---- */

ihk_view_maker ihk_view_status, ihk_view_stat, ihk_view_statm;

/* ---- machine.c ---- */

ihk_view_maker ihk_view_cpus, ihk_view_cpuinfo, ihk_view_meminfo;
/* The nodes with memory of the instance, as a mask. */
u64 ihk_view_nodes(struct ihk_procs *procs);

/* ---- node.c ---- */

ihk_view_maker ihk_view_node_cpulist, ihk_view_node_cpumap, ihk_view_node_meminfo;

#endif
