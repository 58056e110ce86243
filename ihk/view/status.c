// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/status, stat and statm: Linux's text, in which what is the LWK's stands in the
 * place of the proxy's.
 */
#include <linux/bitmap.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/nodemask.h>
#include <linux/seq_file.h>

#include "view/view.h"

/* Bytes. The LWK keeps no peaks: they are shown as what is now. */
struct totals {
	u64 size, locked, data, stack, text, library;
	u64 resident, anonymous, file, shared;
};

static void totals_add(struct totals *t, const struct region_info *r, bool is_program)
{
	u64 size = r->end - r->start, resident = (u64)r->resident << PAGE_SHIFT;
	u64 own = (u64)r->own << PAGE_SHIFT;
	bool grows = r->flags & (REGION_INFO_GROWS | REGION_INFO_STACK);

	t->size += size;
	t->resident += resident;
	t->anonymous += own;
	*(r->flags & REGION_INFO_SHARED ? &t->shared : &t->file) += resident - own;
	if (r->flags & REGION_INFO_LOCKED)
		t->locked += size;
	if (grows)
		t->stack += size;
	else if (!(r->flags & REGION_INFO_SHARED) && (r->prot & PROT_WRITE))
		t->data += size;
	else if (r->file_id && (r->prot & PROT_EXEC))
		*(is_program ? &t->text : &t->library) += size;
}

static bool shows(struct ihk_view *view, const struct region_info *r, struct file *program)
{
	struct file *file = program && r->file_id ? ihk_region_file(view, r) : NULL;
	bool same = file && file_inode(file) == d_real_inode(program->f_path.dentry);

	if (file)
		fput(file);
	return same;
}

static int totals_get(struct ihk_view *view, struct totals *t)
{
	struct file *program = ihk_space_program(view->space);
	struct ihk_regions regions;
	struct region_info r;
	int ret = ihk_regions_begin(&regions, view, 0, true);

	*t = (struct totals){ 0 };
	while (!ret && (ret = ihk_regions_next(&regions, &r)) > 0) {
		totals_add(t, &r, shows(view, &r, program));
		ret = 0;
	}
	ihk_regions_end(&regions);
	if (program)
		fput(program);
	return ret;
}

int ihk_view_statm(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	struct totals t;
	int err = totals_get(view, &t);

	*next = IHK_VIEW_END;
	seq_printf(m, "%llu %llu %llu %llu 0 %llu 0\n", t.size >> PAGE_SHIFT,
		   t.resident >> PAGE_SHIFT, (t.file + t.shared) >> PAGE_SHIFT,
		   t.text >> PAGE_SHIFT, (t.data + t.stack) >> PAGE_SHIFT);
	return err;
}

/* Fields of stat, as proc(5) counts them. */
#define STAT_STATE 3
#define STAT_VSIZE 23
#define STAT_RSS 24

int ihk_view_stat(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file), *rest, *word;
	struct totals t;
	int err = PTR_ERR_OR_ZERO(text), field = STAT_STATE;

	*next = IHK_VIEW_END;
	if (err)
		return err;
	err = totals_get(view, &t);
	/* The name is in brackets, and may have some of its own. */
	rest = strrchr(text, ')');
	if (!err && rest && rest[1] == ' ') {
		rest[1] = 0;
		seq_puts(m, text);
		rest += 2;
		for (; (word = strsep(&rest, " ")); field++) {
			seq_putc(m, ' ');
			if (field == STAT_VSIZE)
				seq_printf(m, "%llu", t.size);
			else if (field == STAT_RSS)
				seq_printf(m, "%llu", t.resident >> PAGE_SHIFT);
			else
				seq_puts(m, word);
		}
	}
	kvfree(text);
	return err;
}

/* A line of status whose value is ours; false: it is Linux's to show. */
static bool put_total(struct seq_file *m, const char *name, const struct totals *t)
{
	const struct {
		const char *name;
		u64 bytes;
	} ours[] = {
		{ "VmPeak", t->size },	     { "VmSize", t->size },
		{ "VmLck", t->locked },	     { "VmPin", 0 },
		{ "VmHWM", t->resident },    { "VmRSS", t->resident },
		{ "RssAnon", t->anonymous }, { "RssFile", t->file },
		{ "RssShmem", t->shared },   { "VmData", t->data },
		{ "VmStk", t->stack },	     { "VmExe", t->text },
		{ "VmLib", t->library },     { "VmSwap", 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		if (!strcmp(name, ours[i].name)) {
			seq_printf(m, "%s:\t%8llu kB\n", name, ours[i].bytes >> 10);
			return true;
		}
	}
	return false;
}

/* The CPUs that the thread may use, by the LWK's numbers. */
static void cpus_of(struct ihk_view *view, unsigned long *cpus)
{
	struct ihk_call c = { .op = CALL_THREAD_CPUS, .arg = { view->thread } };
	int i;

	bitmap_zero(cpus, ABI_MAX_CPUS);
	if (ihk_procs_call(view->space->procs, -1, &c) || c.ret)
		return; /* it has ended */
	for (i = 0; i < ABI_MAX_CPUS / BITS_PER_LONG; i++)
		cpus[i] = c.out[i];
}

static bool put_mask(struct seq_file *m, const char *name, const unsigned long *cpus,
		     const nodemask_t *nodes)
{
	static const char *const names[] = { "Cpus_allowed", "Cpus_allowed_list", "Mems_allowed",
					     "Mems_allowed_list" };

	switch (match_string(names, ARRAY_SIZE(names), name)) {
	case 0:
		seq_printf(m, "%s:\t%*pb\n", name, min(nr_cpu_ids, (u32)ABI_MAX_CPUS), cpus);
		return true;
	case 1:
		seq_printf(m, "%s:\t%*pbl\n", name, ABI_MAX_CPUS, cpus);
		return true;
	case 2:
		seq_printf(m, "%s:\t%*pb\n", name, nodemask_pr_args(nodes));
		return true;
	case 3:
		seq_printf(m, "%s:\t%*pbl\n", name, nodemask_pr_args(nodes));
		return true;
	}
	return false;
}

int ihk_view_status(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file), *rest = text, *line;
	DECLARE_BITMAP(cpus, ABI_MAX_CPUS);
	nodemask_t nodes = NODE_MASK_NONE;
	struct totals t;
	int err = PTR_ERR_OR_ZERO(text);

	*next = IHK_VIEW_END;
	if (err)
		return err;
	nodes_addr(nodes)[0] = ihk_view_nodes(view->space->procs);
	cpus_of(view, cpus);
	err = totals_get(view, &t);
	while (!err && (line = ihk_view_line(&rest))) {
		char *name = strsep(&line, ":");

		if (!put_total(m, name, &t) && !put_mask(m, name, cpus, &nodes))
			seq_printf(m, "%s:%s\n", name, line);
	}
	kvfree(text);
	return err;
}
