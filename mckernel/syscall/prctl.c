/* SPDX-License-Identifier: GPL-2.0-only */
/* prctl and arch_prctl: one line per option. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define PR_SET_NAME 15
#define PR_GET_TID_ADDRESS 40
#define PR_SET_THP_DISABLE 41
#define PR_GET_THP_DISABLE 42

static s64 set_name(const u64 arg[6])
{
	struct thread *t = current_thread();
	char name[sizeof(t->process->comm)] = "";

	if (strncpy_from_user(name, arg[1], sizeof(name) - 1) == -EFAULT)
		return -EFAULT;
	memcpy(t->process->comm, name, sizeof(name));
	return offload_syscall(NR_prctl, arg);
}

static s64 get_tid_address(const u64 arg[6])
{
	u64 addr = current_thread()->clear_child_tid;

	return copy_to_user(arg[1], &addr, sizeof(addr));
}

static s64 set_thp_disable(const u64 arg[6])
{
	if (arg[2] || arg[3] || arg[4])
		return -EINVAL;
	WRITE_ONCE(current_thread()->space->no_huge, arg[1] != 0);
	return 0;
}

static s64 get_thp_disable(const u64 arg[6])
{
	if (arg[1] || arg[2] || arg[3] || arg[4])
		return -EINVAL;
	return READ_ONCE(current_thread()->space->no_huge);
}

static s64 prctl_pass(const u64 arg[6])
{
	return offload_syscall(NR_prctl, arg);
}

/*
 * What is not here fails with EINVAL, as an option that the kernel does not
 * know: seccomp (22), MPX (43, 44), PR_SET_MM (35), speculation (52, 53),
 * syscall dispatch (59), anonymous names (0x53564d41), and all that came later
 * than this table.
 */
static const struct {
	u32 option;
	s64 (*fn)(const u64 arg[6]);
} options[] = {
	{ 1, prctl_pass }, /* SET_PDEATHSIG */
	{ 2, prctl_pass }, /* GET_PDEATHSIG */
	{ 3, prctl_pass }, /* GET_DUMPABLE */
	{ 4, prctl_pass }, /* SET_DUMPABLE */
	{ 7, prctl_pass }, /* GET_KEEPCAPS */
	{ 8, prctl_pass }, /* SET_KEEPCAPS */
	{ 13, prctl_pass }, /* GET_TIMING */
	{ 14, prctl_pass }, /* SET_TIMING */
	{ PR_SET_NAME, set_name },
	{ 16, prctl_pass }, /* GET_NAME */
	{ 21, prctl_pass }, /* GET_SECCOMP */
	{ 23, prctl_pass }, /* CAPBSET_READ */
	{ 24, prctl_pass }, /* CAPBSET_DROP */
	{ 27, prctl_pass }, /* GET_SECUREBITS */
	{ 28, prctl_pass }, /* SET_SECUREBITS */
	{ 29, prctl_pass }, /* SET_TIMERSLACK */
	{ 30, prctl_pass }, /* GET_TIMERSLACK */
	{ 33, prctl_pass }, /* MCE_KILL */
	{ 34, prctl_pass }, /* MCE_KILL_GET */
	{ 36, prctl_pass }, /* SET_CHILD_SUBREAPER */
	{ 37, prctl_pass }, /* GET_CHILD_SUBREAPER */
	{ 38, prctl_pass }, /* SET_NO_NEW_PRIVS */
	{ 39, prctl_pass }, /* GET_NO_NEW_PRIVS */
	{ PR_GET_TID_ADDRESS, get_tid_address },
	{ PR_SET_THP_DISABLE, set_thp_disable },
	{ PR_GET_THP_DISABLE, get_thp_disable },
	{ 47, prctl_pass }, /* CAP_AMBIENT */
	{ 57, prctl_pass }, /* SET_IO_FLUSHER */
	{ 58, prctl_pass }, /* GET_IO_FLUSHER */
	{ 0x59616d61, prctl_pass }, /* SET_PTRACER */
};

s64 sys_prctl(const u64 arg[6])
{
	for (u32 i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].option == (u32)arg[0])
			return options[i].fn(arg);
	return -EINVAL;
}

s64 sys_arch_prctl(const u64 arg[6])
{
	return arch_prctl((u32)arg[0], arg[1]);
}
