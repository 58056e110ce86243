/* SPDX-License-Identifier: GPL-2.0-only */
/* New program images: CALL_EXEC_PREPARE and CALL_EXEC_COMMIT. */
#ifndef MCK_EXEC_H
#define MCK_EXEC_H

#include "abi/ikc.h"
#include "mck/lib.h"
#include "mck/mm.h"
#include "mck/task.h"

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

/* One PT_LOAD, page by page, relative to the load address. */
struct exec_segment {
	u64 start, file_end,
		end; /* page-aligned: [start, file_end) from the file, then zero pages to end */
	u64 pgoff;
	u32 prot; /* PROT_* */
	u64 zero_start, zero_end; /* bytes of the last file page to be cleared */
};

struct exec_plan {
	u32 count;
	struct exec_segment *segment; /* the caller's, with room for as many as there are headers */
	u64 start, end; /* of all of them */
	u64 align; /* the largest p_align, at least a page */
	u64 phdr; /* address of the program headers, 0 if no segment holds them */
};

/*
 * 0, or -ENOMEM for what lies where programs have no place here, -EINVAL for
 * what Linux too cannot map, which it finds out when the old program is gone.
 */
int exec_plan(const struct exec_elf *elf, const struct elf_phdr *phdr, u64 limit,
	      struct exec_plan *plan);

/* ---- the initial stack (exec_stack.c) ---- */

#define EXEC_AUXV_MAX 24
#define EXEC_STRINGS_MAX \
	0x800000UL /* arguments, and as many variables: more than Linux lets through */
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

/* ---- between exec.c and exec_space.c ---- */

#define ADDR_NO_RANDOMIZE 0x0040000U /* of personality(2) */

/* From CALL_EXEC_PREPARE to the thread's first run. */
struct exec_start {
	struct thread_start head;
	u64 entry; /* where the program begins to run: the interpreter, if there is one */
	u64 program_entry, phdr, phnum, interp_base, vdso;
	u64 randomize;
	s32 lwk_cpu;
	char comm[16];
	u32 zero_count;
	struct {
		u64 start, end;
	} zero[]; /* ends of file pages, to be cleared by the thread, which can read them */
};

/* A CALL_EXEC_PREPARE under way, in a kernel thread. */
struct exec_job {
	u32 index;
	struct ikc_call call;
	struct process *process; /* of the thread that executes, or NULL; a reference */
	u64 affinity[ABI_MAX_CPUS / 64];
	bool no_huge; /* as the space that is left */
	struct policy policy;
	bool inherit; /* affinity and policy are filled */
	/* the message, copied: it is read more than once */
	u8 *bulk;
	u64 bulk_size; /* bytes of it */
	struct exec_image image;
	/* being built */
	struct space *space;
	struct exec_start *start;
	struct file *program_file, *interp_file;
	struct exec_plan program, interp;
	u64 program_bias, interp_bias;
	u64 string_top, string_room;
};

/*
 * Fill job->space: segments, stack with room for the strings, vDSO, brk; and
 * the addresses in job->start. The files are open. 0 or -errno; what was
 * mapped goes with the space. May wait.
 */
int exec_build_space(struct exec_job *job);
void exec_space_init(void); /* called once: what all of them share */

#endif
