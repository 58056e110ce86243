// SPDX-License-Identifier: GPL-2.0-only
/* The machine that programs of an instance see: its CPUs by their places, its memory. */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/file.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "arch/arch.h"
#include "partition/partition.h"
#include "view/view.h"

u64 ihk_view_nodes(struct ihk_procs *procs)
{
	const struct ihk_os *os = procs->os;
	int token = ihk_enter(procs);
	u64 nodes = 0;
	u32 i;

	if (token < 0)
		return 0;
	for (i = 0; i < os->chunk_count; i++)
		nodes |= BIT_ULL(os->chunks[i].node % BITS_PER_LONG_LONG);
	ihk_leave(procs, token);
	return nodes;
}

/* online, possible, present: all places, always. */
int ihk_view_cpus(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	int token = ihk_enter(view->procs), count;

	*next = IHK_VIEW_END;
	if (token < 0)
		return token;
	count = view->procs->os->cpu_count;
	ihk_leave(view->procs, token);
	seq_printf(m, count > 1 ? "0-%d\n" : "%d\n", count - 1);
	return 0;
}

/* ---- /proc/cpuinfo: what Linux says of its first CPU, for each place with its own numbers ---- */

static bool same_core(const struct ihk_os *os, int a, int b)
{
	u32 package_a, core_a, package_b, core_b;

	ihk_cpu_topology(os->cpu[a], &package_a, &core_a);
	ihk_cpu_topology(os->cpu[b], &package_b, &core_b);
	return package_a == package_b && core_a == core_b;
}

/* The first place of each core. */
static void firsts_of(const struct ihk_os *os, unsigned long *firsts)
{
	int i, j;

	bitmap_zero(firsts, ABI_MAX_CPUS);
	for (i = 0; i < os->cpu_count; i++) {
		for (j = 0; j < i && !same_core(os, i, j); j++)
			;
		if (j == i)
			__set_bit(i, firsts);
	}
}

static void numbers_of(const struct ihk_os *os, int place, const unsigned long *firsts,
		       struct ihk_cpu_numbers *n)
{
	int i;

	*n = (struct ihk_cpu_numbers){ .place = place,
				       .machine_id = os->params->cpus[place].machine_id };
	ihk_cpu_topology(os->cpu[place], &n->package, &n->core);
	for (i = 0; i < os->cpu_count; i++) {
		u32 package, core;

		ihk_cpu_topology(os->cpu[i], &package, &core);
		if (package == n->package) {
			n->siblings++;
			n->cores += test_bit(i, firsts);
		}
	}
}

int ihk_view_cpuinfo(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	const struct ihk_os *os = view->procs->os;
	char *text = ihk_view_linux_text(view, file), *end;
	int err = PTR_ERR_OR_ZERO(text), token, place;
	DECLARE_BITMAP(firsts, ABI_MAX_CPUS);

	*next = IHK_VIEW_END;
	if (err)
		return err;
	end = strstr(text, "\n\n");
	if (end)
		end[1] = 0;
	token = ihk_enter(view->procs);
	err = min(token, 0);
	if (!err)
		firsts_of(os, firsts);
	for (place = 0; !err && place < os->cpu_count; place++) {
		char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *line;
		struct ihk_cpu_numbers numbers;
		char own[64];

		if (!copy) {
			err = -ENOMEM;
			break;
		}
		numbers_of(os, place, firsts, &numbers);
		while ((line = ihk_view_line(&rest)))
			if (ihk_cpuinfo_line(line, &numbers, own, sizeof(own)))
				seq_printf(m, "%s\n", own);
			else
				seq_printf(m, "%s\n", line);
		seq_putc(m, '\n');
		kfree(copy);
	}
	if (token >= 0)
		ihk_leave(view->procs, token);
	kvfree(text);
	return err;
}

/* ---- /proc/meminfo: Linux's lines, of which the LWK has some, and the others are 0 ---- */

/* A line's value in KiB; -1: it says the same of every kernel. */
static s64 memory_of(const char *name, const struct lwk_counters *c)
{
	const u64 kib = PAGE_SIZE / 1024;
	u64 free = READ_ONCE(c->pages_free), cache = READ_ONCE(c->pages_cache);
	const struct {
		const char *name;
		s64 value;
	} ours[] = {
		{ "MemTotal", READ_ONCE(c->pages_total) * kib },
		{ "MemFree", free * kib },
		{ "MemAvailable", (free + cache) * kib },
		{ "Cached", cache * kib },
		{ "Inactive", cache * kib },
		{ "Inactive(file)", cache * kib },
		{ "Active", READ_ONCE(c->pages_user) * kib },
		{ "Active(anon)", READ_ONCE(c->pages_user) * kib },
		{ "AnonPages", READ_ONCE(c->pages_user) * kib },
		{ "Unevictable", 0 },
		{ "KernelStack", 0 },
		{ "Slab", READ_ONCE(c->pages_kernel) * kib },
		{ "SUnreclaim", READ_ONCE(c->pages_kernel) * kib },
		{ "CommitLimit", READ_ONCE(c->pages_commit_limit) * kib },
		{ "Committed_AS", READ_ONCE(c->pages_committed) * kib },
		{ "VmallocTotal", -1 },
		{ "Hugepagesize", -1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(name, ours[i].name))
			return ours[i].value;
	return 0;
}

int ihk_view_meminfo(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file), *rest = text, *line;
	int err = PTR_ERR_OR_ZERO(text), token;
	struct lwk_counters counters = { 0 };

	*next = IHK_VIEW_END;
	if (err)
		return err;
	token = ihk_enter(view->procs);
	if (token >= 0) {
		counters = view->procs->os->params->counters;
		ihk_leave(view->procs, token);
	}
	err = min(token, 0);
	while (!err && (line = ihk_view_line(&rest))) {
		char *value = strchr(line, ':');
		bool has_unit = value && strstr(value, " kB");
		s64 ours;

		if (!value)
			continue;
		*value++ = 0;
		ours = memory_of(line, &counters);
		if (ours < 0)
			seq_printf(m, "%s:%s\n", line, value);
		else
			seq_printf(m, "%s:%*lld%s\n", line, 23 - (int)strlen(line), ours,
				   has_unit ? " kB" : "");
	}
	kvfree(text);
	return err;
}
