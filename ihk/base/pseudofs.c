// SPDX-License-Identifier: GPL-2.0-only
/* A file system without names: control and shadow files with inodes of their own. */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "base/base.h"

#define IHK_FS_MAGIC 0x49484b21

static int init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, IHK_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type ihk_fs_type = {
	.owner = THIS_MODULE,
	.name = "ihk",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

/*
 * The mount exists while instances or files do, since it pins the module.
 * Both variables are simple_pin_fs()'s, under its lock.
 */
static struct vfsmount *mount;
static int mount_pins;

int ihk_pseudo_pin(void)
{
	return simple_pin_fs(&ihk_fs_type, &mount, &mount_pins);
}

void ihk_pseudo_release(void)
{
	simple_release_fs(&mount, &mount_pins);
}

struct file *ihk_pseudo_file(const char *name, const struct file_operations *fops, void *private)
{
	struct inode *inode;
	struct file *file;
	int err;

	/* Given back by the last fput. */
	if (!try_module_get(fops->owner))
		return ERR_PTR(-ENOENT);
	err = ihk_pseudo_pin();
	if (err)
		goto put_module;
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		goto release;
	}
	file = alloc_file_pseudo(inode, mount, name, O_RDWR | O_LARGEFILE, fops);
	if (IS_ERR(file)) {
		iput(inode);
		err = PTR_ERR(file);
		goto release;
	}
	file->private_data = private;
	return file;

release:
	ihk_pseudo_release();
put_module:
	module_put(fops->owner);
	return ERR_PTR(err);
}
