// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/maps, smaps and smaps_rollup, in Linux's formats. */
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/seq_file.h>

#include "view/view.h"

/* Linux emulates calls by address for each program, and shows that as a mapping; so does the LWK. */
#define VSYSCALL_START 0xffffffffff600000UL

static char mark(u32 bits, u32 bit, char c)
{
	return bits & bit ? c : '-';
}

static void put_head(struct seq_file *m, const struct region_info *r, dev_t dev, unsigned long ino)
{
	/* As wide as Linux has it, names begin in one column. */
	seq_setwidth(m, 25 + sizeof(void *) * 6 - 1);
	seq_printf(m, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", r->start, r->end,
		   mark(r->prot, PROT_READ, 'r'), mark(r->prot, PROT_WRITE, 'w'),
		   mark(r->prot, PROT_EXEC, 'x'),
		   r->flags & REGION_INFO_SHARED && !(r->flags & REGION_INFO_VDSO) ? 's' : 'p',
		   r->offset, MAJOR(dev), MINOR(dev), ino);
}

static const char *name_of(const struct region_info *r)
{
	if (r->start == VSYSCALL_START)
		return "[vsyscall]";
	if (r->flags & REGION_INFO_VDSO)
		return r->prot & PROT_EXEC ? "[vdso]" : "[vvar]";
	if (r->flags & REGION_INFO_STACK)
		return "[stack]";
	if (r->flags & REGION_INFO_HEAP)
		return "[heap]";
	return r->object ? "/dev/zero (deleted)" : NULL;
}

static void put_line(struct ihk_view *view, struct seq_file *m, const struct region_info *r,
		     void *context)
{
	struct file *file = ihk_region_file(view, r);
	const char *name = name_of(r);
	struct inode *inode;

	if (file) {
		inode = file_inode(file);
		put_head(m, r, inode->i_sb->s_dev, inode->i_ino);
		seq_pad(m, ' ');
		seq_file_path(m, file, "\n");
		fput(file);
	} else {
		/* Shared anonymous memory has Linux's first device without a name, and a number. */
		put_head(m, r, name && *name == '/' ? MKDEV(0, 1) : 0,
			 name && *name == '/' ? r->object : 0);
		if (name) {
			seq_pad(m, ' ');
			seq_puts(m, name);
		}
	}
	seq_putc(m, '\n');
}

static const struct region_info vsyscall = {
	.start = VSYSCALL_START,
	.end = VSYSCALL_START + PAGE_SIZE,
	.prot = PROT_EXEC,
	.flags = REGION_INFO_VDSO,
};

/* What there is no room for is taken back, if it is not the first. */
static bool put_fits(struct ihk_view *view, struct seq_file *m, const struct region_info *r,
		     ihk_view_put_region *put, void *context)
{
	size_t before = m->count;

	put(view, m, r, context);
	if (!seq_has_overflowed(m))
		return true;
	if (before)
		m->count = before;
	return false;
}

int ihk_view_put_regions(struct ihk_view *view, struct seq_file *m, u64 *next, bool count,
			 ihk_view_put_region *put, void *context)
{
	struct ihk_regions regions;
	struct region_info r;
	int ret = ihk_regions_begin(&regions, view, *next, count);
	bool any = *next;

	if (ret)
		return ret;
	while ((ret = ihk_regions_next(&regions, &r)) > 0) {
		any = true;
		if (!put_fits(view, m, &r, put, context)) {
			*next = r.start;
			break;
		}
	}
	if (!ret)
		*next = any && !put_fits(view, m, &vsyscall, put, context) ? VSYSCALL_START
									   : IHK_VIEW_END;
	ihk_regions_end(&regions);
	return min(ret, 0);
}

int ihk_view_maps(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	return ihk_view_put_regions(view, m, next, false, put_line, NULL);
}

static u64 bytes_of(u32 pages)
{
	return (u64)pages << PAGE_SHIFT;
}

/* How much of which kind, in bytes. */
struct usage {
	u64 rss, pss, pss_dirty;
	u64 pss_anonymous, pss_file, pss_shared; /* the rollup's alone */
	u64 shared_clean, shared_dirty, private_clean, private_dirty;
	u64 anonymous, huge_anonymous, huge_shared, locked;
};

static bool is_dirty_as_whole(const struct region_info *r)
{
	return r->flags & REGION_INFO_SHARED && (r->object || (r->prot & PROT_WRITE));
}

u32 ihk_region_dirty(const struct region_info *r)
{
	return is_dirty_as_whole(r) ? r->resident : r->own;
}

static void usage_add(struct usage *u, const struct region_info *r)
{
	bool is_shared = r->flags & REGION_INFO_SHARED;
	u64 pss_own = r->resident ? div_u64(r->portion, r->resident) * r->own : 0;
	u64 all = bytes_of(r->resident), others = bytes_of(r->shared);
	u64 dirty = bytes_of(ihk_region_dirty(r));
	u64 others_dirty = is_dirty_as_whole(r) ? others : bytes_of(r->shared_own);

	u->rss += all;
	u->pss += r->portion;
	u->pss_anonymous += pss_own;
	*(r->object ? &u->pss_shared : &u->pss_file) += r->portion - pss_own;
	u->pss_dirty += min(r->portion, dirty);
	u->shared_clean += others - others_dirty;
	u->shared_dirty += others_dirty;
	u->private_clean += all - dirty - (others - others_dirty);
	u->private_dirty += dirty - others_dirty;
	u->anonymous += bytes_of(r->own);
	u->huge_anonymous += is_shared ? 0 : bytes_of(r->large);
	u->huge_shared += is_shared ? bytes_of(r->large) : 0;
	u->locked += r->flags & REGION_INFO_LOCKED ? r->portion : 0;
}

/* The LWK does not look which pages were used lately: all count as that. */
static void put_usage(struct seq_file *m, const struct usage *u, bool rollup)
{
	ihk_view_put_kib(m, "Rss", u->rss);
	ihk_view_put_kib(m, "Pss", u->pss);
	ihk_view_put_kib(m, "Pss_Dirty", u->pss_dirty);
	if (rollup) {
		ihk_view_put_kib(m, "Pss_Anon", u->pss_anonymous);
		ihk_view_put_kib(m, "Pss_File", u->pss_file);
		ihk_view_put_kib(m, "Pss_Shmem", u->pss_shared);
	}
	ihk_view_put_kib(m, "Shared_Clean", u->shared_clean);
	ihk_view_put_kib(m, "Shared_Dirty", u->shared_dirty);
	ihk_view_put_kib(m, "Private_Clean", u->private_clean);
	ihk_view_put_kib(m, "Private_Dirty", u->private_dirty);
	ihk_view_put_kib(m, "Referenced", u->rss);
	ihk_view_put_kib(m, "Anonymous", u->anonymous);
	ihk_view_put_kib(m, "LazyFree", 0);
	ihk_view_put_kib(m, "AnonHugePages", u->huge_anonymous);
	ihk_view_put_kib(m, "ShmemPmdMapped", u->huge_shared);
	ihk_view_put_kib(m, "FilePmdMapped", 0);
	ihk_view_put_kib(m, "Shared_Hugetlb", 0);
	ihk_view_put_kib(m, "Private_Hugetlb", 0);
	ihk_view_put_kib(m, "Swap", 0);
	ihk_view_put_kib(m, "SwapPss", 0);
	ihk_view_put_kib(m, "Locked", u->locked);
}

static void put_flags(struct seq_file *m, const struct region_info *r)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{ REGION_INFO_GROWS, "gd " },	   { REGION_INFO_LOCKED, "lo " },
		{ REGION_INFO_DONTFORK, "dc " },   { REGION_INFO_NORESERVE, "nr " },
		{ REGION_INFO_WIPEONFORK, "wf " }, { REGION_INFO_NOHUGE, "nh " },
	};
	unsigned int i;

	seq_puts(m, "VmFlags: ");
	seq_printf(m, "%s%s%s%s", r->prot & PROT_READ ? "rd " : "",
		   r->prot & PROT_WRITE ? "wr " : "", r->prot & PROT_EXEC ? "ex " : "",
		   r->flags & REGION_INFO_SHARED ? "sh " : "");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (r->flags & names[i].flag)
			seq_puts(m, names[i].name);
	seq_putc(m, '\n');
}

static void put_details(struct ihk_view *view, struct seq_file *m, const struct region_info *r,
			void *context)
{
	struct usage usage = { 0 };

	put_line(view, m, r, context);
	usage_add(&usage, r);
	ihk_view_put_kib(m, "Size", r->end - r->start);
	ihk_view_put_kib(m, "KernelPageSize", PAGE_SIZE);
	ihk_view_put_kib(m, "MMUPageSize", PAGE_SIZE);
	put_usage(m, &usage, false);
	seq_printf(m, "THPeligible:    %8u\n",
		   !(r->file_id || r->object ||
		     (r->flags & (REGION_INFO_LINUX | REGION_INFO_NOHUGE | REGION_INFO_VDSO |
				  REGION_INFO_GROWS))) &&
			   r->end - r->start >= PMD_SIZE);
	put_flags(m, r);
}

int ihk_view_smaps(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	return ihk_view_put_regions(view, m, next, true, put_details, NULL);
}

int ihk_view_smaps_rollup(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	u64 start = 0, end = 0;
	struct usage usage = { 0 };
	struct ihk_regions regions;
	struct region_info r;
	int ret = ihk_regions_begin(&regions, view, 0, true);

	*next = IHK_VIEW_END;
	if (ret)
		return ret;
	while ((ret = ihk_regions_next(&regions, &r)) > 0) {
		start = end ? start : r.start;
		end = r.end;
		usage_add(&usage, &r);
	}
	ihk_regions_end(&regions);
	if (ret || !end)
		return ret;
	seq_setwidth(m, 25 + sizeof(void *) * 6 - 1);
	seq_printf(m, "%08llx-%08llx ---p 00000000 00:00 0 ", start, end);
	seq_pad(m, ' ');
	seq_puts(m, "[rollup]\n");
	put_usage(m, &usage, true);
	return 0;
}
