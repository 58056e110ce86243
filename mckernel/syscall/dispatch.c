/* SPDX-License-Identifier: GPL-2.0-only */
/* Serves system calls by the table. */
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/restart.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

s64 syscall_serve(u32 nr, const u64 arg[6])
{
	const struct syscall_entry *entry;

	if (nr >= SYSCALL_MAX) {
		this_cpu()->boot->calls_local++;
		return -ENOSYS;
	}
	entry = &syscall_table[arch_index_nospec(nr, SYSCALL_MAX)];
	switch (entry->route) {
	case ROUTE_NONE:
		this_cpu()->boot->calls_local++;
		return -ENOSYS;
	case ROUTE_OFFLOAD:
		return offload_syscall(nr, arg);
	case ROUTE_LOCAL:
		this_cpu()->boot->calls_local++;
		return entry->fn(arg);
	case ROUTE_SPLIT:
		return entry->fn(arg);
	case ROUTE_WORD:
		this_cpu()->boot->calls_local++;
		return READ_ONCE(*(u32 *)((u8 *)current_thread()->kpage + entry->word));
	case ROUTE_REFUSED:
		this_cpu()->boot->calls_local++;
		return -entry->error;
	}
	return -ENOSYS;
}

void up_syscall(struct user_regs *regs)
{
	const u32 nr = arch_call_nr(regs);
	u64 arg[6];
	s64 value;

	arch_call_args(regs, arg);
	value = syscall_serve(nr, arg);
	/* rt_sigreturn has set all registers, the result too. */
	if (nr == NR_rt_sigreturn)
		return;
	if (current_thread()->caught || restart_is_code(value))
		signal_finish_call(regs, nr, arg, value);
	else
		arch_call_set_result(regs, (u64)value);
}
