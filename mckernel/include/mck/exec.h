/* SPDX-License-Identifier: GPL-2.0-only */
/* New program images: CALL_EXEC_PREPARE and CALL_EXEC_COMMIT. */
#ifndef MCK_EXEC_H
#define MCK_EXEC_H

#include "abi/ikc.h"
#include "mck/lib.h"
#include "mck/mm.h"

/* Register the handlers of the two calls. */
void exec_init(void);

/* ---- the plan of an image (exec_plan.c): pure ---- */

#define PT_LOAD 1
#define PF_X 1
#define PF_W 2
#define PF_R 4
#define ET_EXEC 2
#define ET_DYN 3

struct elf_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

#define EXEC_SEGMENTS 64 /* PT_LOADs of one file */

/* One PT_LOAD, page by page, relative to the load address. */
struct exec_segment {
	u64 start, file_end, end; /* page-aligned: [start, file_end) from the file, then zero pages to end */
	u64 pgoff;
	u32 prot; /* PROT_* */
	u64 zero_start, zero_end; /* bytes of the last file page to be cleared */
};

struct exec_plan {
	u32 count;
	struct exec_segment segment[EXEC_SEGMENTS];
	u64 start, end; /* of all of them */
	u64 align; /* the largest p_align, at least a page */
	u64 phdr; /* address of the program headers, 0 if no segment holds them */
};

/* 0, or -ENOEXEC for what no Linux program has, -EINVAL for what cannot be mapped below `limit`. */
int exec_plan(const struct exec_elf *elf, const struct elf_phdr *phdr, u64 limit,
	      struct exec_plan *plan);

/* ---- the initial stack (exec_stack.c) ---- */

#define EXEC_AUXV_MAX 24
#define EXEC_STRINGS_MAX 0x800000UL /* arguments, and as many variables: more than Linux lets through */
/* Bytes below the strings that the initial stack may need, its random gap included. */
#define EXEC_STACK_SLACK 16384UL

struct exec_stack {
	u64 string_start, string_end, execfn;
	u64 argc, envc;
	u64 gap; /* bytes to leave below the strings, for randomisation */
	u8 random[16];
	u64 auxv[EXEC_AUXV_MAX][2]; /* AT_RANDOM, AT_EXECFN and AT_PLATFORM are filled in here */
	u32 auxv_count;
};

/* Write into present pages of a space that nobody uses yet. -EFAULT if one is not there. */
int exec_write(u64 root_pa, u64 va, const void *src, size_t size);
/*
 * Write argc, argv, envp and auxv below the strings, into pages of the tables
 * at root_pa that must be present. 0 and the stack pointer, or -EFAULT if a
 * page is not there or the strings do not add up.
 */
int exec_stack_build(u64 root_pa, struct exec_stack *stack, u64 *sp);

#endif
