// SPDX-License-Identifier: GPL-2.0-only
/* The embedded mcproxy, as a file that can be mapped without any path. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/shmem_fs.h>
#include <linux/workqueue.h>

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

int ihk_proxy_init(void)
{
	size_t size = ihk_mcproxy_end - ihk_mcproxy_start;
	struct file *file;
	ssize_t written;
	loff_t pos = 0;

	if (!header_good(size)) {
		pr_err("ihk: the embedded mcproxy is not of ABI version %d\n", ABI_VERSION);
		return -ENOEXEC;
	}
	file = shmem_file_setup("mcproxy", PROXY_TEXT_SIZE, VM_NORESERVE);
	if (IS_ERR(file))
		return PTR_ERR(file);
	written = kernel_write(file, ihk_mcproxy_start, size, &pos);
	if (written != size) {
		fput(file);
		return written < 0 ? written : -EIO;
	}
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
