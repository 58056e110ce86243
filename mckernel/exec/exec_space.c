/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds the address space of a new program image. */
#include "abi/layout.h"
#include "mck/errno.h"
#include "mck/exec.h"
#include "mck/mman.h"
#include "mck/vdso.h"

#define PIE_BASE ALIGN_DOWN(0x7ffffffff000UL / 3 * 2, PAGE_SIZE) /* Linux's ELF_ET_DYN_BASE */
#define STACK_FIRST (PAGE_SIZE * 34) /* and the strings: it grows as the limit then allows */
#define STACK_RANDOM_PAGES 0x3fffffUL
#define MMAP_RANDOM_PAGES 0xfffffffUL
#define BRK_RANDOM_PAGES 0x2000UL
#define GAP_MIN (128UL << 20) /* between the stack's start and the mappings */

static u64 random_pages(const struct exec_job *job, u64 mask)
{
	return job->image.personality & ADDR_NO_RANDOMIZE ? 0
							  : (arch_random() & mask) << PAGE_SHIFT;
}

/* ---- segments ---- */

static const struct elf_phdr *headers_of(const struct exec_job *job, const struct exec_elf *elf)
{
	u64 size = (u64)elf->phnum * sizeof(struct elf_phdr);

	if (elf->phdr_offset > job->bulk_size || size > job->bulk_size - elf->phdr_offset ||
	    elf->phdr_offset % sizeof(u64))
		return NULL;
	return (const struct elf_phdr *)(job->bulk + elf->phdr_offset);
}

static int plan(const struct exec_job *job, const struct exec_elf *elf, struct exec_plan *out)
{
	const struct elf_phdr *phdr = headers_of(job, elf);

	if (!phdr)
		return -EINVAL;
	out->segment = kmalloc(elf->phnum * sizeof(*out->segment));
	return out->segment ? exec_plan(elf, phdr, SHADOW_END, out) : -ENOMEM;
}

static int map_piece(struct space *space, u64 start, u64 end, u32 prot, struct file *file,
		     u64 pgoff)
{
	struct map_args args = {
		.addr = start,
		.length = end - start,
		.prot = prot,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.fixed = true,
		.file = file,
		.pgoff = pgoff,
	};
	s64 at;

	if (start == end)
		return 0;
	if (file)
		file_get(file);
	at = space_map(space, &args);
	if (at < 0 && file)
		file_put(file);
	return at < 0 ? (int)at : 0;
}

static int map_segments(struct exec_job *job, struct file *file, const struct exec_plan *p,
			u64 bias)
{
	struct exec_start *start = job->start;
	int err = 0;

	for (u32 i = 0; i < p->count && !err; i++) {
		const struct exec_segment *s = &p->segment[i];

		err = map_piece(job->space, s->start + bias, s->file_end + bias, s->prot, file,
				s->pgoff);
		/* Zero pages are writable, whatever the segment says, as Linux's are. */
		if (!err)
			err = map_piece(job->space, s->file_end + bias, s->end + bias,
					s->prot | PROT_READ | PROT_WRITE, NULL, 0);
		if (s->zero_start < s->zero_end) {
			start->zero[start->zero_count].start = s->zero_start + bias;
			start->zero[start->zero_count++].end = s->zero_end + bias;
		}
	}
	return err;
}

/* Room for all of a position-independent file, below the mmap base. */
static s64 find_room(struct space *space, const struct exec_plan *p)
{
	struct map_args args = {
		.length = p->end - p->start + p->align - PAGE_SIZE,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	s64 at = space_map(space, &args);
	int err;

	if (at < 0)
		return at;
	err = space_unmap(space, (u64)at, (u64)at + args.length);
	return err ? err : (s64)ALIGN_UP((u64)at, p->align);
}

static int place_program(struct exec_job *job)
{
	const struct exec_plan *p = &job->program;
	s64 at;

	if (job->image.program.type == ET_EXEC)
		return 0;
	if (job->image.interp.file_id) {
		/* The first segment lies at the base, whatever its address in the file is. */
		job->program_bias =
			ALIGN_DOWN(PIE_BASE + random_pages(job, MMAP_RANDOM_PAGES), p->align) -
			ALIGN_DOWN(p->start, p->align);
		return p->end + job->program_bias > SHADOW_END ? -ENOMEM : 0;
	}
	/* A loader run by itself, or a static one: among the mappings, as Linux places it. */
	at = find_room(job->space, p);
	if (at < 0)
		return (int)at;
	job->program_bias = (u64)at - p->start;
	return 0;
}

static int load_interp(struct exec_job *job)
{
	const struct exec_elf *elf = &job->image.interp;
	s64 at;

	if (!elf->file_id)
		return 0;
	if (elf->type == ET_DYN) {
		at = find_room(job->space, &job->interp);
		if (at < 0)
			return (int)at;
		job->interp_bias = (u64)at - job->interp.start;
	}
	return map_segments(job, job->interp_file, &job->interp, job->interp_bias);
}

/* ---- the rest of the space ---- */

/* The pages of [start, end), anonymous memory, are there when this returns: nobody can fault them in. */
static int exec_populate(struct space *space, u64 start, u64 end)
{
	for (u64 va = start; va < end; va += PAGE_SIZE)
		if (space_fault_wait(space, va, ACCESS_WRITE) != FR_OK)
			return -ENOMEM;
	return 0;
}

static int make_stack(struct exec_job *job)
{
	const struct exec_image *image = &job->image;
	u64 top = SHADOW_END - random_pages(job, STACK_RANDOM_PAGES);
	u64 words = (image->argc + image->envc + 3 + 2 * EXEC_AUXV_MAX) * sizeof(u64);
	u64 need, size, gap;
	struct map_args args = {
		.prot = PROT_READ | PROT_WRITE | (image->exec_stack ? PROT_EXEC : 0),
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_STACK | REGION_GROWSDOWN,
		.fixed = true,
	};
	s64 at;

	if (image->argc > EXEC_STRINGS_MAX || image->envc > EXEC_STRINGS_MAX ||
	    image->string_size > GAP_MIN)
		return -EINVAL;
	need = ALIGN_UP(image->string_size + words + EXEC_STACK_SLACK + PAGE_SIZE, PAGE_SIZE);
	size = need + STACK_FIRST;
	args.addr = top - size;
	args.length = size;

	/* mmap's base leaves room for the stack to grow to its limit, within reason. */
	gap = MIN(MAX(image->stack_limit, GAP_MIN), SHADOW_END / 6 * 5);
	gap = MAX(gap, size) + ((STACK_RANDOM_PAGES + 1) << PAGE_SHIFT);
	gap = MIN(gap, SHADOW_END / 6 * 5);
	job->space->mmap_base =
		ALIGN_DOWN(SHADOW_END - gap - random_pages(job, MMAP_RANDOM_PAGES), PAGE_SIZE);
	job->space->stack_top = top;
	job->space->stack_limit = image->stack_limit;

	at = space_map(job->space, &args);
	if (at < 0)
		return (int)at;
	/* As Linux leaves a word free above the strings. */
	job->string_top = top - sizeof(u64);
	job->string_room = need - sizeof(u64);
	return exec_populate(job->space, top - need, top);
}

/* One page, which Linux writes and all programs read: their vDSO's. Never freed. */
static struct shmobj *clock_page;

void exec_space_init(void)
{
	u64 pa;

	clock_page = shmobj_create_kernel(&pa);
	kassert(clock_page);
	boot_params->clock_programs = pa;
}

/* In the place of what is at `at`: where the vDSO's code looks for it. */
static int map_clock(struct space *space, u64 at)
{
	struct map_args args = {
		.addr = at,
		.length = PAGE_SIZE,
		.prot = PROT_READ,
		.max_prot = PROT_READ,
		.shm = clock_page,
		.region_flags = REGION_VDSO,
		.fixed = true,
	};
	s64 mapped;

	shmobj_get(clock_page);
	mapped = space_map(space, &args);
	if (mapped >= 0)
		return 0;
	shmobj_put(clock_page);
	return (int)mapped;
}

static int make_vdso(struct exec_job *job)
{
	u64 size = ALIGN_UP((u64)(vdso_end - vdso_start), PAGE_SIZE);
	struct map_args args = {
		.length = PAGE_SIZE + size,
		.prot = PROT_READ | PROT_WRITE,
		.max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.region_flags = REGION_VDSO,
	};
	s64 at = space_map(job->space, &args);
	u64 offset;
	int err;

	if (at < 0)
		return (int)at;
	err = map_clock(job->space, (u64)at);
	at += PAGE_SIZE;
	if (!err)
		err = exec_populate(job->space, (u64)at, (u64)at + size);
	for (offset = 0; !err && offset < size; offset += PAGE_SIZE) {
		u64 left = (u64)(vdso_end - vdso_start) - offset;

		err = exec_write(job->space->root_pa, (u64)at + offset, vdso_start + offset,
				 MIN(left, PAGE_SIZE));
	}
	job->start->vdso = (u64)at;
	return err ? err
		   : space_protect(job->space, (u64)at, (u64)at + size, PROT_READ | PROT_EXEC);
}

static void place_brk(struct exec_job *job)
{
	u64 end = job->program.end + job->program_bias;

	/* Out of the mappings' way. */
	if (job->image.program.type == ET_DYN && !job->image.interp.file_id)
		end = PIE_BASE;
	end += random_pages(job, BRK_RANDOM_PAGES - 1);
	job->space->brk_start = end;
	job->space->brk_end = end;
}

int exec_build_space(struct exec_job *job)
{
	const struct exec_image *image = &job->image;
	int err;

	err = plan(job, &image->program, &job->program);
	if (!err && image->interp.file_id)
		err = plan(job, &image->interp, &job->interp);
	/* The stack first: it sets the base of the mappings. */
	if (!err)
		err = make_stack(job);
	if (!err)
		err = place_program(job);
	if (!err)
		err = map_segments(job, job->program_file, &job->program, job->program_bias);
	if (!err)
		err = load_interp(job);
	if (!err)
		err = make_vdso(job);
	if (!err)
		place_brk(job);
	return err;
}
