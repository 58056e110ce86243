// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/numa_maps, in Linux's format. */
#include <linux/bitmap.h>
#include <linux/file.h>
#include <linux/mempolicy.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "view/view.h"

static void put_policy(struct seq_file *m, u32 policy, u64 nodes)
{
	static const char *const modes[] = {
		[MPOL_DEFAULT] = "default", [MPOL_PREFERRED] = "prefer",
		[MPOL_BIND] = "bind",	    [MPOL_INTERLEAVE] = "interleave",
		[MPOL_LOCAL] = "local",	    [MPOL_PREFERRED_MANY] = "prefer (many)",
	};
	DECLARE_BITMAP(mask, ABI_MAX_NODES);
	u32 mode = policy & ~MPOL_MODE_FLAGS;

	/* The LWK's word: one that has no name here is shown as what a task without any has. */
	seq_printf(m, " %s", mode < ARRAY_SIZE(modes) ? modes[mode] : modes[MPOL_DEFAULT]);
	if (policy & MPOL_F_STATIC_NODES)
		seq_puts(m, "=static");
	else if (policy & MPOL_F_RELATIVE_NODES)
		seq_puts(m, "=relative");
	bitmap_from_u64(mask, nodes & GENMASK(ABI_MAX_NODES - 1, 0));
	if (!bitmap_empty(mask, ABI_MAX_NODES))
		seq_printf(m, ":%*pbl", ABI_MAX_NODES, mask);
}

static void put_count(struct seq_file *m, const char *name, u32 pages)
{
	if (pages)
		seq_printf(m, " %s=%u", name, pages);
}

static void put_counts(struct seq_file *m, const struct region_info *r)
{
	u32 dirty = ihk_region_dirty(r);
	int node;

	if (!r->resident)
		return;
	put_count(m, "anon", r->own);
	put_count(m, "dirty", dirty);
	if (r->resident != r->own && r->resident != dirty)
		put_count(m, "mapped", r->resident);
	put_count(m, "mapmax", r->mapmax > 1 ? r->mapmax : 0);
	for (node = 0; node < ABI_MAX_NODES; node++)
		if (r->node_pages[node])
			seq_printf(m, " N%d=%u", node, r->node_pages[node]);
	seq_printf(m, " kernelpagesize_kB=%lu", PAGE_SIZE >> 10);
}

/*
 * Linux's own line of a mapping of Linux's, NULL if it has none that begins there. Both
 * ascend, so that its text is walked once: *text moves behind what has been looked at.
 */
static const char *linux_line(char **text, u64 start)
{
	unsigned long long at;
	char *line, *rest;

	while (*text && **text) {
		at = simple_strtoull(*text, &rest, 16);
		if (at > start)
			return NULL;
		line = ihk_view_line(text);
		if (at == start)
			return line;
	}
	return NULL;
}

static void put_numa(struct ihk_view *view, struct seq_file *m, const struct region_info *r,
		     void *context)
{
	const char *line = NULL;
	struct file *file;

	/* Linux shows calls by address in maps only. */
	if (r->start >= TASK_SIZE_MAX)
		return;
	if (r->flags & REGION_INFO_LINUX)
		line = linux_line(context, r->start);
	if (line) {
		seq_printf(m, "%s\n", line);
		return;
	}
	seq_printf(m, "%08llx", (u64)r->start);
	put_policy(m, r->policy, r->policy_nodes);
	file = ihk_region_file(view, r);
	if (file) {
		seq_puts(m, " file=");
		seq_file_path(m, file, "\n\t= ");
		fput(file);
	} else if (r->object && !(r->flags & REGION_INFO_VDSO)) {
		seq_puts(m, " file=/dev/zero\\040(deleted)");
	} else if (r->flags & REGION_INFO_HEAP) {
		seq_puts(m, " heap");
	} else if (r->flags & REGION_INFO_STACK) {
		seq_puts(m, " stack");
	}
	put_counts(m, r);
	seq_putc(m, '\n');
}

int ihk_view_numa_maps(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file), *at = text;
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = ihk_view_put_regions(view, m, next, true, put_numa, &at);
	kvfree(text);
	return err;
}
