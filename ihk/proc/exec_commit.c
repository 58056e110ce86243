// SPDX-License-Identifier: GPL-2.0-only
/* execve, second phase: strings into the LWK's pages, the last call, what /proc shows. */
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/elf.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"
#include "space/space.h"
#include "twin/twin.h"
#include "proc/proc.h"

/* The lengths of argv's and envp's strings, which lie one after the other. */
static int measure(unsigned long *at, int count)
{
	size_t len;

	while (count-- > 0) {
		len = strnlen_user((void __user *)*at, MAX_ARG_STRLEN);
		if (!len || len > MAX_ARG_STRLEN)
			return -EINVAL;
		*at += len;
	}
	return 0;
}

/* Linux's stack keeps its copy, which nobody looks at. */
static int place_strings(struct ihk_exec *x, struct exec_commit *commit)
{
	struct linux_binprm *bprm = x->bprm;
	struct mm_struct *mm = current->mm;
	unsigned long at = bprm->p;
	u64 shift;
	int err;

	commit->string_start = x->string_top - x->string_size;
	commit->string_end = x->string_top;
	shift = commit->string_start - bprm->p;
	commit->execfn = bprm->exec + shift;
	if (commit->string_end > SHADOW_END || commit->string_start > commit->string_end)
		return -EFAULT;
	err = ihk_space_copy_from_user(x->space, commit->string_start, (void __user *)bprm->p,
				       x->string_size);
	if (err)
		return err;
	mm->arg_start = at + shift;
	err = measure(&at, bprm->argc);
	if (err)
		return err;
	mm->arg_end = mm->env_start = at + shift;
	err = measure(&at, bprm->envc);
	mm->env_end = at + shift;
	return err;
}

static u64 ignored_signals(void)
{
	u64 set = 0;
	int i;

	spin_lock_irq(ihk_siglock());
	for (i = 0; i < _NSIG; i++)
		if (ihk_sighand()->action[i].sa.sa_handler == SIG_IGN)
			set |= 1UL << i;
	spin_unlock_irq(ihk_siglock());
	return set;
}

static void fill_commit(struct ihk_exec *x, struct exec_commit *commit)
{
	const struct cred *cred = current_cred();

	commit->argc = x->bprm->argc;
	commit->envc = x->bprm->envc;
	commit->uid = from_kuid_munged(cred->user_ns, cred->uid);
	commit->euid = from_kuid_munged(cred->user_ns, cred->euid);
	commit->gid = from_kgid_munged(cred->user_ns, cred->gid);
	commit->egid = from_kgid_munged(cred->user_ns, cred->egid);
	commit->secure = x->bprm->secureexec;
	commit->blocked = ihk_sigset(&current->blocked);
	commit->ignored = ignored_signals();
	ihk_program_hwcap(&commit->hwcap, &commit->hwcap2);
	commit->clktck = USER_HZ;
}

static int call_commit(struct ihk_exec *x, const struct exec_commit *commit)
{
	struct ihk_os *os = x->procs->os;
	struct ihk_call c = { .op = CALL_EXEC_COMMIT };
	int index, err;
	void *bulk;

	bulk = ihk_bulk_get(os, &index);
	if (!bulk)
		return -EINTR;
	memcpy(bulk, commit, sizeof(*commit));
	c.arg[0] = x->twin->thread;
	c.arg[1] = index;
	err = ihk_procs_call(x->procs, -1, &c);
	ihk_bulk_put(os, index);
	if (err)
		return err;
	x->stack = c.out[0];
	x->entry = c.out[1];
	x->brk = c.out[2];
	return ihk_call_error(os, &c);
}

/*
 * The auxiliary vector as the LWK has written it onto the program's stack,
 * above argc, argv and envp: what /proc/PID/auxv shows and debuggers need.
 */
static u64 copy_auxv(struct ihk_exec *x)
{
	unsigned long *auxv = current->mm->saved_auxv;
	const unsigned int max = ARRAY_SIZE(current->mm->saved_auxv);
	u64 at = x->stack + 8 * (1 + x->bprm->argc + 1 + x->bprm->envc + 1);
	unsigned int i;
	u64 entry = 0;

	memset(auxv, 0, sizeof(current->mm->saved_auxv));
	for (i = 0; i + 1 < max; i += 2, at += 16) {
		if (ihk_space_read(x->space, at, &auxv[i], 16) || auxv[i] == AT_NULL)
			break;
		if (auxv[i] == AT_ENTRY)
			entry = auxv[i + 1];
	}
	/* The last pair is AT_NULL also where the vector was too long. */
	i = min(i, (max & ~1u) - 2);
	auxv[i] = AT_NULL;
	auxv[i + 1] = 0;
	return entry;
}

static void set_mm_fields(struct ihk_exec *x)
{
	const struct elf64_hdr *hdr = (const struct elf64_hdr *)x->bprm->buf;
	struct mm_struct *mm = current->mm;
	unsigned long start_code = ~0UL, end_code = 0, start_data = 0, end_data = 0, top;
	u64 bias = copy_auxv(x) - hdr->e_entry;
	const struct elf64_phdr *p;

	for (p = x->phdrs; p < x->phdrs + hdr->e_phnum; p++) {
		if (p->p_type != PT_LOAD)
			continue;
		top = p->p_vaddr + p->p_filesz;
		if (p->p_flags & PF_X) {
			start_code = min_t(unsigned long, start_code, p->p_vaddr);
			end_code = max(end_code, top);
		}
		start_data = max_t(unsigned long, start_data, p->p_vaddr);
		end_data = max(end_data, top);
	}
	mm->start_code = start_code + bias;
	mm->end_code = end_code + bias;
	mm->start_data = start_data + bias;
	mm->end_data = end_data + bias;
	mm->start_stack = x->stack;
	mm->start_brk = mm->brk = x->brk;
}

int ihk_exec_commit(struct ihk_exec *x)
{
	struct exec_commit commit = {};
	int err;

	err = place_strings(x, &commit);
	if (err)
		return err;
	fill_commit(x, &commit);
	err = ihk_twin_attach(x->twin, x->twin->thread);
	if (err)
		return err;
	err = call_commit(x, &commit);
	if (!err)
		set_mm_fields(x);
	return err;
}
