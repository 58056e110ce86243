// SPDX-License-Identifier: GPL-2.0-only
/* execve, first phase: read the ELF headers, have the LWK build the new space. */
#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/file.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "object/object.h"
#include "os/os.h"
#include "file/file.h"
#include "space/space.h"
#include "twin/twin.h"
#include "proc/proc.h"

/* Linux's own limit for the headers of one file, up to 6.16. Those of two have to fit into a bulk buffer. */
#define PHDRS_MAX PAGE_SIZE
static_assert(sizeof(struct exec_image) + 2 * PHDRS_MAX <= IKC_BULK_SIZE);

/* What Linux's loader looks at, and no more: it runs a program whose class byte is wrong. */
static bool header_good(const struct elf64_hdr *hdr)
{
	return elf_check_arch(hdr) && (hdr->e_type == ET_EXEC || hdr->e_type == ET_DYN) &&
	       hdr->e_phentsize == sizeof(struct elf64_phdr) && hdr->e_phnum &&
	       hdr->e_phnum * sizeof(struct elf64_phdr) <= PHDRS_MAX;
}

/* Exactly size bytes at pos; -EIO when the file is shorter, as Linux's loader has it. */
static int read_exactly(struct file *file, void *buf, size_t size, loff_t pos)
{
	ssize_t n = kernel_read(file, buf, size, &pos);

	return n == size ? 0 : n < 0 ? n : -EIO;
}

static struct elf64_phdr *read_phdrs(struct file *file, const struct elf64_hdr *hdr, u64 *size)
{
	struct elf64_phdr *phdrs;
	int err;

	*size = hdr->e_phnum * sizeof(*phdrs);
	phdrs = kmalloc(*size, GFP_KERNEL_ACCOUNT);
	if (!phdrs)
		return ERR_PTR(-ENOMEM);
	err = read_exactly(file, phdrs, *size, hdr->e_phoff);
	if (!err)
		return phdrs;
	kfree(phdrs);
	return ERR_PTR(err);
}

/* The interpreter that a PT_INTERP names, opened as Linux does. */
static struct file *open_interp(struct linux_binprm *bprm, const struct elf64_phdr *phdr)
{
	struct file *file;
	char *path;
	int err = -ENOEXEC;

	if (phdr->p_filesz > PATH_MAX || phdr->p_filesz < 2)
		return ERR_PTR(-ENOEXEC);
	path = kmalloc(phdr->p_filesz, GFP_KERNEL_ACCOUNT);
	if (!path)
		return ERR_PTR(-ENOMEM);
	err = read_exactly(bprm->file, path, phdr->p_filesz, phdr->p_offset);
	if (!err && path[phdr->p_filesz - 1])
		err = -ENOEXEC;
	file = err ? ERR_PTR(err) : open_exec(path);
	kfree(path);
	if (IS_ERR(file))
		return file;
	/* An interpreter that may be executed but not read makes the process undumpable. */
	would_dump(bprm, file);
	return file;
}

static int read_interp(struct ihk_exec *x, const struct elf64_phdr *phdr)
{
	struct file *file = open_interp(x->bprm, phdr);
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	x->interp = file;
	err = read_exactly(file, &x->interp_hdr, sizeof(x->interp_hdr), 0);
	if (err)
		return err;
	if (memcmp(x->interp_hdr.e_ident, ELFMAG, SELFMAG) || !header_good(&x->interp_hdr))
		return -ELIBBAD;
	x->interp_phdrs = read_phdrs(file, &x->interp_hdr, &x->interp_phdrs_size);
	if (IS_ERR(x->interp_phdrs)) {
		err = PTR_ERR(x->interp_phdrs);
		x->interp_phdrs = NULL;
	}
	return err;
}

int ihk_exec_read(struct ihk_exec *x)
{
	const struct elf64_hdr *hdr = (const struct elf64_hdr *)x->bprm->buf;
	struct elf64_phdr *phdrs;
	unsigned int i;
	int err;

	if (!header_good(hdr))
		return -ENOEXEC;
	phdrs = read_phdrs(x->bprm->file, hdr, &x->phdrs_size);
	if (IS_ERR(phdrs))
		return PTR_ERR(phdrs) == -EIO ? -ENOEXEC : PTR_ERR(phdrs);
	x->phdrs = phdrs;
	for (i = 0; i < hdr->e_phnum; i++) {
		if (phdrs[i].p_type == PT_GNU_STACK)
			x->exec_stack = phdrs[i].p_flags & PF_X;
		if (phdrs[i].p_type != PT_INTERP || x->interp)
			continue;
		err = read_interp(x, &phdrs[i]);
		if (err)
			return err;
	}
	return 0;
}

/* The lowest page of a file at a fixed place. */
static u64 lowest_page(const struct elf64_hdr *hdr, const struct elf64_phdr *phdrs)
{
	u64 lowest = ~0UL;
	unsigned int i;

	if (hdr->e_type != ET_EXEC)
		return lowest;
	for (i = 0; i < hdr->e_phnum; i++)
		if (phdrs[i].p_type == PT_LOAD && phdrs[i].p_memsz)
			lowest = min_t(u64, lowest, phdrs[i].p_vaddr & PAGE_MASK);
	return lowest;
}

/* May the new program lie where it does? By its own capabilities, as when Linux's loader maps it. */
int ihk_exec_permit(const struct ihk_exec *x)
{
	u64 lowest = lowest_page((const struct elf64_hdr *)x->bprm->buf, x->phdrs);

	if (x->interp)
		lowest = min(lowest, lowest_page(&x->interp_hdr, x->interp_phdrs));
	return lowest < ihk_lowest_address() ? -EPERM : 0;
}

static int open_files(struct ihk_exec *x)
{
	struct ihk_file_info info;
	int err;

	err = ihk_file_open(x->procs, x->bprm->file, PROT_READ | PROT_EXEC, &info);
	if (err)
		return err;
	x->program_id = info.id;
	x->program_size = info.size;
	if (x->interp) {
		err = ihk_file_open(x->procs, x->interp, PROT_READ | PROT_EXEC, &info);
		if (err)
			return err;
		x->interp_id = info.id;
		x->interp_size = info.size;
	}
	/* No anonymous memory behind either. */
	return x->program_id && (!x->interp || x->interp_id) ? 0 : -ENOEXEC;
}

static void fill_elf(struct exec_elf *elf, const struct elf64_hdr *hdr, u32 offset)
{
	elf->entry = hdr->e_entry;
	elf->type = hdr->e_type;
	elf->phnum = hdr->e_phnum;
	elf->phdr_offset = offset;
	elf->phoff = hdr->e_phoff;
}

/* begin_new_exec() will clear some bits for a set-id file; its bprm->per_clear is not known yet. */
static u32 new_personality(struct linux_binprm *bprm)
{
	umode_t mode = file_inode(bprm->file)->i_mode;
	u32 clear = READ_IMPLIES_EXEC;

	if (mode & (S_ISUID | S_ISGID))
		clear |= PER_CLEAR_ON_SETID;
	return current->personality & ~clear;
}

/* Only the task itself changes it. */
static void fill_policy(struct exec_image *image)
{
#ifdef CONFIG_NUMA
	const struct mempolicy *p = current->mempolicy;
	const nodemask_t *nodes;

	if (!p)
		return;
	image->mpol_mode = p->mode;
	image->mpol_flags = p->flags & MPOL_MODE_FLAGS;
	nodes = p->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES) ? &p->w.user_nodemask
									 : &p->nodes;
	image->mpol_nodes = nodes->bits[0];
#endif
}

static void fill_image(struct ihk_exec *x, void *bulk)
{
	struct linux_binprm *bprm = x->bprm;
	struct exec_image *image = bulk;
	u32 offset = sizeof(*image);

	memset(image, 0, sizeof(*image));
	image->program.file_id = x->program_id;
	image->program.size = x->program_size;
	fill_elf(&image->program, (const struct elf64_hdr *)bprm->buf, offset);
	memcpy(bulk + offset, x->phdrs, x->phdrs_size);
	offset += x->phdrs_size;
	if (x->interp) {
		image->interp.file_id = x->interp_id;
		image->interp.size = x->interp_size;
		fill_elf(&image->interp, &x->interp_hdr, offset);
		memcpy(bulk + offset, x->interp_phdrs, x->interp_phdrs_size);
	}
	image->string_size = x->string_size;
	image->argc = bprm->argc;
	image->envc = bprm->envc;
	image->stack_limit = bprm->rlim_stack.rlim_cur;
	image->as_limit = rlimit(RLIMIT_AS);
	image->data_limit = rlimit(RLIMIT_DATA);
	image->personality = new_personality(bprm);
	image->exec_stack = x->exec_stack;
	image->lwk_cpu = x->lwk_cpu;
	fill_policy(image);
	image->admin = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	strscpy(image->comm, kbasename(bprm->filename), sizeof(image->comm));
}

static int call_prepare(struct ihk_exec *x)
{
	struct ihk_os *os = x->procs->os;
	struct ihk_call c = { .op = CALL_EXEC_PREPARE };
	int index, err;
	void *bulk;

	bulk = ihk_bulk_get(os, &index);
	if (!bulk)
		return fatal_signal_pending(current) ? -EINTR : -ENODEV;
	fill_image(x, bulk);
	c.arg[0] = index;
	c.arg[1] = x->old ? x->old->thread : 0;
	c.arg[2] = x->space->id;
	err = ihk_procs_call(x->procs, x->lwk_cpu, &c);
	ihk_bulk_put(os, index);
	if (err)
		return err == -EIO ? -ENODEV : err;
	/* The LWK has the opens now, and gives them back, also if it has failed. */
	x->program_id = 0;
	x->interp_id = 0;
	err = ihk_call_error(os, &c);
	/* Linux's loader would have found that out in the new mm only. */
	x->unmappable = err == -EINVAL;
	if (err)
		return err;
	x->twin->thread = c.out[0];
	x->string_top = c.out[4];
	return ihk_space_set_lwk(x->space, c.out[1], c.out[2], c.out[3]);
}

int ihk_exec_prepare(struct ihk_exec *x)
{
	struct linux_binprm *bprm = x->bprm;
	int err;

	/* Linux has put the strings below the last word of its stack. */
	x->string_size = bprm->vma->vm_end - sizeof(void *) - bprm->p;
	err = open_files(x);
	if (err)
		return err;
	x->space = ihk_space_new(x->procs);
	if (IS_ERR(x->space)) {
		err = PTR_ERR(x->space);
		x->space = NULL;
		return err;
	}
	x->twin = ihk_twin_new(x->space, 0);
	if (IS_ERR(x->twin)) {
		err = PTR_ERR(x->twin);
		x->twin = NULL;
		return err;
	}
	err = ihk_space_deny_write(x->space, bprm->file);
	return err ? err : call_prepare(x);
}

/* Give back whatever the execve has not passed on. */
void ihk_exec_release(struct ihk_exec *x)
{
	if (x->twin)
		ihk_twin_end(x->twin, THREAD_UNBORN);
	if (x->space) {
		/* Done by its last twin, unless it never had one. */
		if (x->twin == NULL)
			ihk_space_retire(x->space);
		ihk_space_put(x->space);
	}
	if (x->program_id)
		ihk_file_idle(x->procs, x->program_id, 1);
	if (x->interp_id)
		ihk_file_idle(x->procs, x->interp_id, 1);
	if (x->interp) {
		exe_file_allow_write_access(x->interp);
		fput(x->interp);
	}
	kfree(x->interp_phdrs);
	kfree(x->phdrs);
	ihk_procs_put(x->procs);
}
