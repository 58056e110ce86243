/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: their start by launch and exec, and the start and stop of all of them. */
#ifndef IHK_PROC_H
#define IHK_PROC_H

#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/fs.h>

#include "abi/proxy.h"
#include "object/object.h"

struct ihk_space;
struct ihk_twin;

/* ---- proc.c ---- */

int ihk_proc_init(void); /* at module load: binary format, tracepoints, proxy image */
void ihk_proc_exit(void);
/* ioctl IHK_OS_LAUNCH: tag current as a launcher for this instance. */
long ihk_proc_launch(struct ihk_os *os, int lwk_cpu);
/* For the table of base/up.h. */
int ihk_proc_os_init(struct ihk_os *os);
void ihk_proc_os_stop(struct ihk_os *os);
unsigned int ihk_proc_end_all(struct ihk_os *os, unsigned int seconds);
unsigned int ihk_proc_count(struct ihk_os *os);
void ihk_proc_boot_params(struct lwk_boot_params *params);
s64 ihk_lcall(struct ihk_os *os, u32 op, const u64 *arg);

/* ---- binfmt.c, exec_image.c, exec_commit.c ---- */

extern struct linux_binfmt ihk_binfmt;

/* One execve on its way to the LWK. */
struct ihk_exec {
	struct linux_binprm *bprm;
	struct ihk_procs *procs;
	int lwk_cpu;
	struct ihk_twin *old; /* the twin that executes, or NULL: launched */
	struct ihk_space *space;
	struct ihk_twin *twin;

	struct elf64_phdr *phdrs; /* of the program */
	u64 phdrs_size;
	struct elf64_phdr *interp_phdrs;
	u64 interp_phdrs_size;
	struct elf64_hdr interp_hdr;
	struct file *interp; /* opened for exec, or NULL */
	u64 program_id, interp_id; /* opened files, 0: none */
	u64 program_size, interp_size;
	bool exec_stack;
	bool unmappable; /* the LWK says that its headers make no space */

	u64 string_size; /* bytes of argv, envp and the file's name */
	u64 string_top; /* where they have to end in the program */
	u64 entry, stack, brk; /* as CALL_EXEC_COMMIT answered */
};

/* Read the headers of program and interpreter; -ENOEXEC: not ours to run. */
int ihk_exec_read(struct ihk_exec *x);
/* Register the files and CALL_EXEC_PREPARE. */
int ihk_exec_prepare(struct ihk_exec *x);
/* With the new credentials: 0, or -EPERM for a program that lies too low. */
int ihk_exec_permit(const struct ihk_exec *x);
void ihk_exec_release(struct ihk_exec *x);
/* After begin_new_exec and the mappings: strings, CALL_EXEC_COMMIT, what /proc shows. */
int ihk_exec_commit(struct ihk_exec *x);

/* ---- launch.c ---- */

struct ihk_procs *ihk_launch_find(struct mm_struct *mm, int *lwk_cpu);
void ihk_launch_drop(struct mm_struct *mm);

/* ---- proxy_image.c ---- */

int ihk_proxy_init(void);
void ihk_proxy_exit(void);
struct file *ihk_proxy_file(void);
const struct proxy_header *ihk_proxy_header(void);

#endif
