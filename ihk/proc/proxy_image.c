// SPDX-License-Identifier: GPL-2.0-only
/* The embedded mcproxy, as a file that can be mapped without any path. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/shmem_fs.h>
#include <linux/workqueue.h>
#include <uapi/linux/fcntl.h>

#include "proc/proc.h"

/* mcproxy_blob.S */
extern const u8 ihk_mcproxy_start[], ihk_mcproxy_end[];

/* Written by init only. */
static struct file *proxy_file;

static bool in_text(u64 addr, size_t size)
{
	return addr >= PROXY_TEXT + sizeof(struct proxy_header) && addr < PROXY_TEXT + size;
}

static bool header_good(size_t size)
{
	const struct proxy_header *h = ihk_proxy_header();

	return size >= sizeof(*h) && size <= PROXY_TEXT_SIZE && h->magic == PROXY_MAGIC &&
	       h->abi_version == ABI_VERSION && h->size <= size && in_text(h->entry, size) &&
	       in_text(h->catcher, size) && in_text(h->restorer, size);
}

const struct proxy_header *ihk_proxy_header(void)
{
	return (const struct proxy_header *)ihk_mcproxy_start;
}

struct file *ihk_proxy_file(void)
{
	return proxy_file;
}

/*
 * From now on it is what it is. It has no name, but whoever may open what
 * others have mapped (/proc/PID/map_files) finds it, and would else write what
 * every proxy runs, root's among them. As memfd's seals: no shared mapping of
 * it is writable, nor becomes so; private ones are copies.
 */
static int seal(struct file *file)
{
	struct shmem_inode_info *info = SHMEM_I(file_inode(file));
	int err = mapping_deny_writable(file->f_mapping);

	if (!err)
		info->seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			      F_SEAL_FUTURE_WRITE;
	return err;
}

static struct file *make_file(size_t size)
{
	struct file *file = shmem_file_setup("mcproxy", PROXY_TEXT_SIZE, VM_NORESERVE);
	loff_t pos = 0;
	ssize_t n;
	int err;

	if (IS_ERR(file))
		return file;
	n = kernel_write(file, ihk_mcproxy_start, size, &pos);
	err = n == size ? seal(file) : n < 0 ? n : -EIO;
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

int ihk_proxy_init(void)
{
	size_t size = ihk_mcproxy_end - ihk_mcproxy_start;
	struct file *file;

	if (!header_good(size)) {
		pr_err("ihk: the embedded mcproxy is not of ABI version %d\n", ABI_VERSION);
		return -ENOEXEC;
	}
	file = make_file(size);
	if (IS_ERR(file))
		return PTR_ERR(file);
	proxy_file = file;
	return 0;
}

void ihk_proxy_exit(void)
{
	fput(proxy_file);
}

void ihk_proc_boot_params(struct lwk_boot_params *params)
{
	params->proxy_catcher = ihk_proxy_header()->catcher;
	params->proxy_restorer = ihk_proxy_header()->restorer;
}
