/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks the program headers of an ELF file and plans its mappings; pure. How
 * low a program may lie is not asked here: Linux knows, once it has its capabilities.
 */
#include "mck/arch.h"
#include "mck/errno.h"
#include "mck/exec.h"
#include "mck/mman.h"

static u32 segment_prot(u32 flags)
{
	u32 prot = 0;

	if (flags & PF_R)
		prot |= PROT_READ;
	if (flags & PF_W)
		prot |= PROT_WRITE;
	if (flags & PF_X)
		prot |= PROT_EXEC;
	return prot;
}

static int plan_segment(const struct elf_phdr *p, u64 limit, struct exec_segment *s)
{
	u64 file_end, end;

	if (p->filesz > p->memsz || p->memsz > USER_END || p->vaddr > USER_END - p->memsz)
		return -EINVAL;
	if (p->offset + p->filesz < p->offset)
		return -EINVAL;
	file_end = p->vaddr + p->filesz;
	end = p->vaddr + p->memsz;
	*s = (struct exec_segment){
		.start = ALIGN_DOWN(p->vaddr, PAGE_SIZE),
		.end = ALIGN_UP(end, PAGE_SIZE),
		.pgoff = p->offset >> PAGE_SHIFT,
		.prot = segment_prot(p->flags),
	};
	/* Without bytes of the file too, if it begins inside of a page: what lies before them is seen. */
	s->file_end = ALIGN_UP(file_end, PAGE_SIZE);
	/* What is mapped page by page has to lie in the file as it lies in memory. */
	if (s->file_end > s->start && ((p->vaddr ^ p->offset) & ~PAGE_MASK))
		return -EINVAL;
	/* The page that the file's end and the zeroes share. */
	if (end > file_end && (s->prot & PROT_WRITE)) {
		s->zero_start = file_end;
		s->zero_end = s->file_end;
	}
	return s->end > limit ? -ENOMEM : 0;
}

/* Where the program headers themselves are mapped, if they are. */
static void plan_phdr(const struct exec_elf *elf, const struct elf_phdr *p, struct exec_plan *plan)
{
	if (p->offset <= elf->phoff && elf->phoff - p->offset < p->filesz)
		plan->phdr = elf->phoff - p->offset + p->vaddr;
}

/* What a later segment covers is not there any more when the zeroes are written. */
static void drop_covered_zeroes(struct exec_plan *plan)
{
	for (u32 i = 0; i < plan->count; i++) {
		struct exec_segment *s = &plan->segment[i];

		for (u32 j = i + 1; j < plan->count && s->zero_start < s->zero_end; j++)
			if (plan->segment[j].start < s->zero_end &&
			    s->zero_start < plan->segment[j].end)
				s->zero_start = s->zero_end;
	}
}

int exec_plan(const struct exec_elf *elf, const struct elf_phdr *phdr, u64 limit,
	      struct exec_plan *plan)
{
	int err;

	*plan = (struct exec_plan){ .segment = plan->segment, .start = ~0UL, .align = PAGE_SIZE };
	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return -EINVAL;
	for (u32 i = 0; i < elf->phnum; i++) {
		const struct elf_phdr *p = &phdr[i];
		struct exec_segment *s;

		if (p->type != PT_LOAD || !p->memsz)
			continue;
		s = &plan->segment[plan->count++];
		err = plan_segment(p, limit, s);
		if (err)
			return err;
		plan_phdr(elf, p, plan);
		plan->start = MIN(plan->start, s->start);
		plan->end = MAX(plan->end, s->end);
		if (p->align > plan->align && !(p->align & (p->align - 1)))
			plan->align = p->align;
	}
	if (!plan->count)
		return -EINVAL;
	drop_covered_zeroes(plan);
	return 0;
}
