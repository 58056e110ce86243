/* SPDX-License-Identifier: GPL-2.0-only */
/* Decides how interrupted system calls go on; touches nothing but its arguments. */
#include "mck/ptracenr.h"
#include "mck/restart.h"
#include "mck/sysnr.h"
#include "abi/slot.h"

#define FUTEX_CMD_MASK 0x7f
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_LOCK_PI2 13
#define IORING_ENTER_EXT_ARG 8

/*
 * Calls whose interruption Linux reports by ERESTARTNOINTR. The catcher
 * cannot tell this from ERESTARTSYS: both have backed the program counter up.
 */
static bool always_repeated(u64 nr, const u64 arg[6])
{
	u64 command;

	switch (nr) {
	case NR_clone:
	case NR_clone3:
	case NR_fork:
	case NR_vfork:
	case NR_execve:
	case NR_execveat:
		return true;
	case NR_ptrace:
		return arg[0] == PTRACE_ATTACH || arg[0] == PTRACE_SEIZE;
	case NR_futex:
		command = arg[1] & FUTEX_CMD_MASK;
		return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 ||
		       command == FUTEX_WAIT_REQUEUE_PI;
	}
	return false;
}

s64 restart_value(u32 outcome, s64 value, u64 nr, const u64 arg[6])
{
	switch (outcome) {
	case CALL_NOT_STARTED:
		return -ERESTARTNOINTR;
	case CALL_RESTARTABLE:
		return always_repeated(nr, arg) ? -ERESTARTNOINTR : -ERESTARTSYS;
	case CALL_RESTART_BLOCK:
		return -ERESTART_RESTARTBLOCK;
	}
	return value;
}

enum resume restart_decide(s64 value, bool handler, bool sa_restart)
{
	switch (value) {
	case -ERESTARTNOINTR:
		return RESUME_REPEAT;
	case -ERESTARTSYS:
		return handler && !sa_restart ? RESUME_EINTR : RESUME_REPEAT;
	case -ERESTARTNOHAND:
		return handler ? RESUME_EINTR : RESUME_REPEAT;
	case -ERESTART_RESTARTBLOCK:
		return RESUME_EINTR;
	}
	return RESUME_VALUE;
}

int restart_mask_arg(u64 nr, const u64 arg[6], bool *indirect)
{
	*indirect = false;
	switch (nr) {
	case NR_rt_sigsuspend:
		return 0;
	case NR_ppoll:
		return 3;
	case NR_epoll_pwait:
	case NR_epoll_pwait2:
		return 4;
	case NR_io_uring_enter:
		*indirect = arg[3] & IORING_ENTER_EXT_ARG;
		return 4;
	case NR_pselect6:
	case NR_io_pgetevents:
		*indirect = true;
		return 5;
	}
	return -1;
}
