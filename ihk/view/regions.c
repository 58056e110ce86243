// SPDX-License-Identifier: GPL-2.0-only
/* The regions of a program's memory, as its LWK tells them. */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "file/file.h"
#include "os/os.h"
#include "view/view.h"

/* The LWK's word is not believed: what is not in order would be asked for without end. */
static bool is_sound(const struct region_info *r, u64 at)
{
	return r->start >= at && r->start < r->end && r->end <= TASK_SIZE_MAX &&
	       !((r->start | r->end) & ~PAGE_MASK);
}

/* One call; how many regions it brought, or -errno. */
static int ask(struct ihk_regions *regions)
{
	struct ihk_procs *procs = regions->space->procs;
	struct ihk_call c = { .op = CALL_REGIONS };
	const struct region_info *bulk;
	int index, err;

	bulk = ihk_bulk_get(procs->os, &index);
	if (!bulk)
		return fatal_signal_pending(current) ? -EINTR : -EIO;
	c.arg[0] = regions->space->lwk_id;
	c.arg[1] = regions->at;
	c.arg[2] = index;
	c.arg[3] = regions->count_pages;
	c.arg[4] = regions->thread;
	err = ihk_procs_call(procs, -1, &c);
	if (!err && (c.ret < 0 || c.ret > REGIONS_PER_CALL))
		err = c.ret == -ESRCH ? -ESRCH : -EIO;
	if (!err)
		memcpy(regions->batch, bulk, c.ret * sizeof(*bulk));
	ihk_bulk_put(procs->os, index);
	return err ? err : (int)c.ret;
}

/* False with *ret: the end, or an error. */
static bool fill(struct ihk_regions *regions, int *ret)
{
	*ret = fatal_signal_pending(current) ? -EINTR : ask(regions);
	/* As Linux shows a process that has no memory any more. */
	if (*ret == -ESRCH || (*ret == -EIO && !ihk_procs_alive(regions->space->procs)))
		*ret = 0;
	regions->have = max(*ret, 0);
	regions->next = 0;
	return *ret > 0;
}

static bool take(struct ihk_regions *regions, struct region_info *r, int *ret)
{
	if (regions->next == regions->have && !fill(regions, ret))
		return false;
	*r = regions->batch[regions->next++];
	*ret = is_sound(r, regions->at) ? 1 : -EIO;
	regions->at = r->end;
	return *ret > 0;
}

/* The rest of a region that was too long to be counted at once? Else it is a region of its own. */
static bool joins(const struct region_info *r, const struct region_info *more)
{
	return r->end == more->start && r->prot == more->prot && r->file_id == more->file_id &&
	       r->object == more->object;
}

int ihk_regions_next(struct ihk_regions *regions, struct region_info *r)
{
	struct region_info more;
	int ret, node;

	if (!take(regions, r, &ret))
		return ret;
	while ((r->flags & REGION_INFO_PART) && take(regions, &more, &ret)) {
		if (!joins(r, &more)) {
			/* It was changed meanwhile. */
			regions->next--;
			regions->at = more.start;
			break;
		}
		r->end = more.end;
		r->flags = more.flags;
		r->resident += more.resident;
		r->own += more.own;
		r->shared += more.shared;
		r->shared_own += more.shared_own;
		r->large += more.large;
		r->portion += more.portion;
		r->mapmax = max(r->mapmax, more.mapmax);
		for (node = 0; node < ABI_MAX_NODES; node++)
			r->node_pages[node] += more.node_pages[node];
	}
	return ret < 0 ? ret : 1;
}

int ihk_regions_begin(struct ihk_regions *regions, struct ihk_view *view, u64 from,
		      bool count_pages)
{
	*regions = (struct ihk_regions){
		.space = view->space,
		.thread = view->thread,
		.at = from,
		.count_pages = count_pages,
		.batch = kvmalloc_array(REGIONS_PER_CALL, sizeof(struct region_info), GFP_KERNEL),
	};
	return regions->batch ? 0 : -ENOMEM;
}

void ihk_regions_end(struct ihk_regions *regions)
{
	kvfree(regions->batch);
}

/* In Linux's own mapping. */
static struct file *linux_file(struct mm_struct *mm, u64 at)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (!mmget_not_zero(mm))
		return NULL;
	if (!mmap_read_lock_killable(mm)) {
		vma = vma_lookup(mm, at);
		if (vma && vma->vm_file && vma->vm_file->f_op != &ihk_space_fops)
			file = get_file(vma->vm_file);
		mmap_read_unlock(mm);
	}
	mmput(mm);
	return file;
}

struct file *ihk_region_file(struct ihk_view *view, const struct region_info *r)
{
	if (r->flags & REGION_INFO_LINUX)
		return linux_file(view->mm, r->start);
	return r->file_id ? ihk_file_real(view->space->procs, r->file_id) : NULL;
}
