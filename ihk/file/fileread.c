// SPDX-License-Identifier: GPL-2.0-only
/* Reading private file pages, by a way that takes no lock a faulting caller may hold. */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/uio.h>

#include "object/object.h"
#include "file/file.h"

/* One turn of filemap_read(). */
#define READ_PAGES 64

/* How often a mapping is tried that other tasks take away. */
#define MAP_TRIES 16

static bool is_shmem(struct file *real)
{
	return real->f_mapping->a_ops == &shmem_aops;
}

/*
 * Is what a fault on this mapping would show the content of the page cache?
 * xfs and f2fs wrap filemap_fault() in locks of their own only.
 */
static bool is_page_cache(struct vm_area_struct *vma)
{
	struct file *real = vma->vm_file;
	unsigned long magic = file_inode(real)->i_sb->s_magic;

	if (IS_DAX(file_inode(real)))
		return false;
	if (is_shmem(real))
		return true;
	if (!vma->vm_ops || !real->f_mapping->a_ops->read_folio)
		return false;
	return vma->vm_ops->fault == filemap_fault || magic == XFS_SUPER_MAGIC ||
	       magic == F2FS_SUPER_MAGIC;
}

/*
 * Is what lies there this file, as its file system maps it? An overlay puts the
 * file of a layer in place, opened under its own path. Whoever shares the mm
 * may have mapped something else over it, and what is executed is run with the
 * rights of the file that was checked: for that one the layer too must be the
 * one that is in use now. (Nobody has changed it since: it is open for
 * execution. Another open file may be mapped from before it was copied up.)
 * Our reference of `file` keeps path and inode what they are.
 */
static bool is_mapping_of(const struct vm_area_struct *vma, struct file *file)
{
	const struct file *found = vma->vm_file;

	if (found == file)
		return true;
	if (!found || !path_equal(&found->f_path, &file->f_path))
		return false;
	return !(file->f_flags & __FMODE_EXEC) ||
	       file_inode(found) == d_real_inode(file->f_path.dentry);
}

/* Context: mmap_lock. -EAGAIN: something else lies there by now. */
static struct file *file_behind(unsigned long at, struct file *file)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, at);

	if (!vma || !is_mapping_of(vma, file))
		return ERR_PTR(-EAGAIN);
	if (vma_is_anonymous(vma))
		return NULL; /* /dev/zero */
	return is_page_cache(vma) ? get_file(vma->vm_file) : ERR_PTR(-ENODEV);
}

/*
 * Map it for a moment: Linux makes its own checks, the file system puts the
 * file of an overlay's layer in place. Between the mapping and the look at it
 * mmap_lock is free, and other tasks of this mm can unmap it or map what they
 * like: that is seen, and tried again. Who does it all the time gets EAGAIN.
 * (The one page is under the limits as any: a proxy's own mappings do not count,
 * and a program whose limits have no room for it could not map the file either.)
 */
struct file *ihk_real_file(struct file *file, unsigned long prot)
{
	struct file *real = ERR_PTR(-EAGAIN);
	unsigned long at;
	int tries;

	for (tries = 0; real == ERR_PTR(-EAGAIN) && tries < MAP_TRIES; tries++) {
		at = vm_mmap(file, 0, PAGE_SIZE, prot, MAP_PRIVATE, 0);
		if (IS_ERR_VALUE(at))
			return ERR_PTR(at);
		mmap_read_lock(current->mm);
		real = file_behind(at, file);
		mmap_read_unlock(current->mm);
		/* What is not ours is left alone. */
		if (real != ERR_PTR(-EAGAIN))
			vm_munmap(at, PAGE_SIZE);
	}
	return real;
}

/*
 * A resident page: its bytes in the file, 0 beyond the end, -EAGAIN if it is not
 * resident. One of shared memory can be brought in, if there is time for that.
 */
static long copy_resident(struct file *real, pgoff_t index, struct page *to, bool may_wait)
{
	struct address_space *mapping = real->f_mapping;
	loff_t pos = (loff_t)index << PAGE_SHIFT, size;
	struct page *page;
	long n;

	if (is_shmem(real) && may_wait) {
		if (pos >= i_size_read(mapping->host))
			return 0;
		page = shmem_read_mapping_page_gfp(mapping, index, mapping_gfp_mask(mapping));
		if (IS_ERR(page))
			return PTR_ERR(page);
	} else {
		page = pagecache_get_page(mapping, index, 0, 0);
		if (!page)
			return -EAGAIN;
	}
	if (!PageUptodate(page) || PageHWPoison(page)) {
		put_page(page);
		return is_shmem(real) && may_wait ? -EIO : -EAGAIN;
	}
	/* The page before the size, as filemap_read() has it: a truncation changes the size first. */
	smp_rmb();
	size = i_size_read(mapping->host);
	n = pos >= size ? 0 : min_t(loff_t, PAGE_SIZE, size - pos);
	if (n) {
		copy_page(page_address(to), page_address(page));
		memset(page_address(to) + n, 0, PAGE_SIZE - n);
	}
	put_page(page);
	return n;
}

/* Reads ahead and waits. Bytes, or -errno. */
static long read_more(struct file *real, pgoff_t index, struct page **to, unsigned long count)
{
	struct bio_vec vec[READ_PAGES];
	struct iov_iter iter;
	struct kiocb io;
	unsigned long i;

	count = min_t(unsigned long, count, READ_PAGES);
	for (i = 0; i < count; i++)
		vec[i] = (struct bio_vec){ .bv_page = to[i], .bv_len = PAGE_SIZE };
	init_sync_kiocb(&io, real);
	io.ki_flags = 0;
	io.ki_pos = (loff_t)index << PAGE_SHIFT;
	iov_iter_bvec(&iter, READ, vec, count, count * PAGE_SIZE);
	return filemap_read(&io, &iter, 0);
}

/*
 * Is it read from somebody who can keep us waiting on purpose, as an ordinary
 * user's file server can? Memory and disks answer, or the machine is broken.
 */
static bool has_server(struct file *real)
{
	const struct super_block *sb = file_inode(real)->i_sb;

	if (is_shmem(real))
		return false;
	return !(sb->s_type->fs_flags & FS_REQUIRES_DEV) || sb->s_magic == FUSE_SUPER_MAGIC;
}

long ihk_file_read_pages(struct file *real, pgoff_t index, struct page **to, unsigned long count,
			 bool briefly)
{
	const bool resident_only = briefly && has_server(real);
	unsigned long done = 0;
	long n;

	for (; done < count; cond_resched()) {
		n = copy_resident(real, index + done, to[done], true);
		if (n == -EAGAIN && !resident_only)
			n = read_more(real, index + done, to + done, count - done);
		if (n < 0)
			return done ? done : n;
		if (!n)
			break;
		done += n >> PAGE_SHIFT;
		/*
		 * A part of a page: the end of the file, or an error behind it,
		 * which the next look at that page tells.
		 */
		if (offset_in_page(n)) {
			if (((index + done) << PAGE_SHIFT) + offset_in_page(n) <
			    i_size_read(file_inode(real)))
				continue;
			memset(page_address(to[done]) + offset_in_page(n), 0,
			       PAGE_SIZE - offset_in_page(n));
			done++;
			break;
		}
	}
	return done;
}

/* What can be had without waiting for anybody. Context: inside. Pages; *more: a wait may bring more. */
static unsigned long fill_at_once(struct file *real, pgoff_t index, struct page **to,
				  unsigned long count, bool *more)
{
	unsigned long done;
	long n;

	*more = true;
	for (done = 0; done < count; done++) {
		n = copy_resident(real, index + done, to[done], false);
		if (n == PAGE_SIZE)
			continue;
		/* A part of a page, or none: the end, unless it has moved since. */
		*more = n < 0 || i_size_read(file_inode(real)) > ((index + done) << PAGE_SHIFT) + n;
		return n > 0 && !*more ? done + 1 : done;
	}
	return done;
}

/* Our own pages, as many as there is memory for, at least one; their number or -ENOMEM. */
static long pages_take(struct page **pages, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			break;
	}
	return i ? i : -ENOMEM;
}

static int copy_pages(struct ihk_procs *procs, struct page **to, struct page **from,
		      unsigned long count)
{
	int token = ihk_enter(procs);
	unsigned long i;

	if (token < 0)
		return token;
	for (i = 0; i < count; i++)
		copy_page(page_address(to[i]), page_address(from[i]));
	ihk_leave(procs, token);
	return 0;
}

/* Some of them, by our own pages: reading may take as long as a file server likes. */
static long fill_by_reading(struct ihk_procs *procs, struct file *real, pgoff_t index,
			    struct page **to, unsigned long count, bool briefly, bool *more)
{
	struct page *own[READ_PAGES];
	long taken, i, n;
	int err;

	taken = pages_take(own, min_t(unsigned long, count, READ_PAGES));
	if (taken < 0)
		return taken;
	n = ihk_file_read_pages(real, index, own, taken, briefly);
	*more = n == taken;
	err = n > 0 ? copy_pages(procs, to, own, n) : 0;
	for (i = 0; i < taken; i++)
		__free_page(own[i]);
	return err ? err : n;
}

/* The frames, checked. Context: inside. */
static int frames_to_pages(struct ihk_procs *procs, const abi_u64 *frames, u64 count,
			   struct page **pages)
{
	u64 i, pa;

	for (i = 0; i < count; i++) {
		pa = READ_ONCE(frames[i]);
		if (!IS_ALIGNED(pa, PAGE_SIZE) || !ihk_os_mem(procs->os, pa, PAGE_SIZE))
			return -EINVAL;
		pages[i] = pfn_to_page(pa >> PAGE_SHIFT);
	}
	return 0;
}

s64 ihk_file_read(struct ihk_procs *procs, u64 id, u64 index, const abi_u64 *frames, u64 count,
		  bool briefly)
{
	struct page *pages[KPAGE_LIST];
	unsigned long done = 0;
	struct file *real;
	bool more = true;
	long n = 0;
	int token;

	if (count > KPAGE_LIST || index > (u64)LLONG_MAX >> PAGE_SHIFT)
		return -EINVAL;
	real = ihk_file_real(procs, id);
	if (!real)
		return -EBADF;
	token = ihk_enter(procs);
	if (token < 0) {
		fput(real);
		return token;
	}
	n = frames_to_pages(procs, frames, count, pages);
	if (!n)
		done = fill_at_once(real, index, pages, count, &more);
	ihk_leave(procs, token);
	while (!n && more && done < count) {
		n = fill_by_reading(procs, real, index + done, pages + done, count - done, briefly,
				    &more);
		if (n <= 0)
			break;
		done += n;
		n = 0;
	}
	fput(real);
	return done ? done : n;
}
