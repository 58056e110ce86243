// SPDX-License-Identifier: GPL-2.0-only
/* What /sys/devices/system/node/nodeN says: the instance's places and memory there. */
#include <linux/bitmap.h>
#include <linux/seq_file.h>

#include "view/view.h"

/* The instance's places on the view's node. 0, or -EIO: it has ended. */
static int places_of(struct ihk_view *view, unsigned long *places)
{
	const struct ihk_os *os = view->procs->os;
	int token = ihk_enter(view->procs), i;

	bitmap_zero(places, ABI_MAX_CPUS);
	if (token < 0)
		return token;
	for (i = 0; i < os->cpu_count; i++)
		if (os->params->cpus[i].node == view->number)
			__set_bit(i, places);
	ihk_leave(view->procs, token);
	return 0;
}

int ihk_view_node_cpulist(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	DECLARE_BITMAP(places, ABI_MAX_CPUS);
	int err = places_of(view, places);

	*next = IHK_VIEW_END;
	seq_printf(m, "%*pbl\n", ABI_MAX_CPUS, places);
	return err;
}

int ihk_view_node_cpumap(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	DECLARE_BITMAP(places, ABI_MAX_CPUS);
	int err = places_of(view, places);

	*next = IHK_VIEW_END;
	seq_printf(m, "%*pb\n", min(nr_cpu_ids, (u32)ABI_MAX_CPUS), places);
	return err;
}

struct node_memory {
	u64 total, free, clean; /* bytes */
};

static int memory_of(struct ihk_view *view, struct node_memory *mem)
{
	const struct ihk_os *os = view->procs->os;
	int token = ihk_enter(view->procs);
	u32 i;

	*mem = (struct node_memory){ 0 };
	if (token < 0)
		return token;
	for (i = 0; i < os->chunk_count; i++)
		mem->total += os->chunks[i].node == view->number ? os->chunks[i].size : 0;
	if (view->number < ABI_MAX_NODES) {
		mem->free = READ_ONCE(os->params->counters.pages_free_node[view->number])
			    << PAGE_SHIFT;
		mem->clean = READ_ONCE(os->params->counters.pages_clean_node[view->number])
			     << PAGE_SHIFT;
	}
	ihk_leave(view->procs, token);
	return 0;
}

/* Linux's lines, "Node N NAME: VALUE kB"; what the LWK does not count by node is 0. */
int ihk_view_node_meminfo(struct ihk_view *view, struct file *file, struct seq_file *m, u64 *next)
{
	char *text = ihk_view_linux_text(view, file), *rest = text, *line;
	struct node_memory mem;
	int err = PTR_ERR_OR_ZERO(text);

	*next = IHK_VIEW_END;
	if (err)
		return err;
	err = memory_of(view, &mem);
	while (!err && (line = ihk_view_line(&rest))) {
		char *value = strchr(line, ':'), *name;
		u64 bytes = 0;

		if (!value)
			continue;
		*value++ = 0;
		name = strrchr(line, ' ');
		name = name ? name + 1 : line;
		if (!strcmp(name, "MemTotal"))
			bytes = mem.total;
		else if (!strcmp(name, "MemFree"))
			bytes = mem.free;
		else if (!strcmp(name, "MemUsed"))
			bytes = mem.total - min(mem.free, mem.total);
		else if (!strcmp(name, "FilePages") || !strcmp(name, "Inactive(file)"))
			bytes = mem.clean;
		seq_printf(m, "%s: %*llu%s\n", line, (int)(22 - strlen(name)), bytes >> 10,
			   strstr(value, " kB") ? " kB" : "");
	}
	kvfree(text);
	return err;
}
