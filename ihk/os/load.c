// SPDX-License-Identifier: GPL-2.0-only
/* Images: read from a file, checked, kept, and put into an instance's memory at boot. */
#include <linux/file.h>
#include <linux/kernel_read_file.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "base/base.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"

#define IMAGE_ALIGN 0x200000UL
/* Debug information rides in the file; it is not loaded. */
#define IMAGE_FILE_MAX (256UL << 20)

void ihk_os_unload(struct ihk_os *os)
{
	vfree(os->image.file);
	memset(&os->image, 0, sizeof(os->image));
}

int ihk_image_read(int fd, struct ihk_image *image, char *msg)
{
	struct fd f = fdget(fd);
	void *buffer = NULL;
	ssize_t size;
	int err;

	if (!f.file)
		return ihk_refuse(msg, -EBADF, "descriptor %d is not open", fd);
	if (!(f.file->f_mode & FMODE_READ)) {
		fdput(f);
		return ihk_refuse(msg, -EBADF, "descriptor %d is not open for reading", fd);
	}
	size = kernel_read_file(f.file, 0, &buffer, IMAGE_FILE_MAX, NULL, READING_UNKNOWN);
	fdput(f);
	if (size < 0)
		return ihk_refuse(msg, size, "the file cannot be read (error %zd)", -size);

	err = image_check(buffer, size, image, msg, IHK_MSG_SIZE);
	if (err) {
		vfree(buffer);
		return err;
	}
	image->file = buffer;
	image->file_size = size;
	return 0;
}

/* True if the image has room at `start` and no quarantined page lies there. */
static bool place_is_clear(u64 start, u64 size)
{
	u64 pa;

	for (pa = start; pa < start + size; pa += PAGE_SIZE)
		if (ihk_quarantine_has(pa))
			return false;
	return true;
}

static u64 place_find(struct ihk_os *os, u64 size)
{
	struct ihk_range *range;
	u64 start;

	list_for_each_entry(range, &os->ranges, node)
		for (start = range->start; start + size <= range->start + range->size;
		     start += IMAGE_ALIGN)
			if (place_is_clear(start, size))
				return start;
	return 0;
}

static int size_check(struct ihk_os *os, const struct ihk_image *image, char *msg)
{
	if (list_empty(&os->ranges) || place_find(os, image->size))
		return 0;
	return ihk_refuse(msg, -ENOSPC,
			  "the image needs %llu KiB in one piece, instance %d has no such range",
			  (u64)image->size >> 10, os->index);
}

int ihk_os_load(struct ihk_os *os, struct ihk_image *image, char *msg)
{
	int err;

	lockdep_assert_held(&os->lock);
	err = ihk_os_need_inactive(os, "load", msg);
	/* Memory may still be assigned later: the boot checks again. */
	if (!err)
		err = size_check(os, image, msg);
	if (err)
		return err;
	ihk_os_unload(os);
	os->image = *image;
	memset(image, 0, sizeof(*image));
	return 0;
}

int ihk_os_place_image(struct ihk_os *os, char *msg)
{
	u64 start;
	int err;

	lockdep_assert_held(&os->lock);
	err = size_check(os, &os->image, msg);
	if (err)
		return err;
	start = place_find(os, os->image.size);
	image_copy(&os->image, phys_to_virt(start));
	os->params->image_start = start;
	return 0;
}
