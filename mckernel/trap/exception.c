/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults and exceptions of programs: served, or turned into their signals. */
#include "mck/errno.h"
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/restart.h"
#include "mck/signal.h"
#include "mck/syscalls.h"

static enum fault_result fault_serve(u64 addr, u64 error)
{
	this_cpu()->boot->faults++;
	return space_fault_wait(current_thread()->space, addr, arch_fault_access(error));
}

/* No memory for this process: it dies alone, as by Linux's OOM killer. */
static void fault_kill_oom(void) __attribute__((noreturn));

static void fault_kill_oom(void)
{
	struct thread *t = current_thread();
	const struct space *s = t->space;

	/* Sizes of the moment, without the lock: others may be changing them. */
	log_warn(
		"out of memory: %s (pid %u) is killed: of its %lu KiB %lu are data; %lu of %lu KiB are free\n",
		t->process->comm, t->kpage->pid, READ_ONCE(s->total_pages) << 2,
		READ_ONCE(s->data_pages) << 2, pages_free_now() << 2,
		boot_params->counters.pages_total << 2);
	__atomic_add_fetch(&boot_params->counters.oom_kills, 1, __ATOMIC_RELAXED);
	leave_memory();
	offload_fatal(SIGKILL, SI_KERNEL, 0);
}

static void fault_signal(int signo, int code, u64 addr, u64 error)
{
	arch_fault_note(current_thread(), addr, error);
	signal_force(signo, code, addr);
}

/*
 * A call by address, of a program older than the vDSO: the page that it jumps to is
 * not there. False: it is a fault as any other. So is what Linux cannot store: these
 * calls had no errors.
 */
static bool fault_is_call(u64 addr, u64 error)
{
	struct thread *t = current_thread();
	u64 arg[6], caller;
	u32 nr;
	s64 value;

	if (arch_fault_access(error) != ACCESS_EXEC || !arch_old_call(addr, &nr) ||
	    copy_from_user(&caller, arch_regs_sp(t->regs), sizeof(caller)))
		return false;
	arch_call_args(t->regs, arg);
	value = syscall_serve(nr, arg);
	/* A signal may have been caught; the address to return to may be none. */
	t->look = true;
	/* The program jumps here once more, behind its handler. */
	if (restart_is_code(value))
		return true;
	if (value == -EFAULT)
		return false;
	arch_regs_set_ip(t->regs, caller);
	arch_regs_set_sp(t->regs, arch_regs_sp(t->regs) + sizeof(caller));
	arch_call_set_result(t->regs, (u64)value);
	return true;
}

void up_user_fault(u64 addr, u64 error)
{
	if (fault_is_call(addr, error))
		return;
	switch (fault_serve(addr, error)) {
	case FR_OK:
	case FR_BUSY:
	case FR_FILL:
	case FR_FILLING:
	case FR_MIRROR:
		break;
	case FR_NOMAP:
		fault_signal(SIGSEGV, SEGV_MAPERR, addr, error);
		break;
	case FR_ACCESS:
		fault_signal(SIGSEGV, SEGV_ACCERR, addr, error);
		break;
	case FR_BUS:
		fault_signal(SIGBUS, BUS_ADRERR, addr, error);
		break;
	case FR_OOM:
		fault_kill_oom();
	}
}

void up_user_exception(int signo, int code, u64 addr)
{
	signal_force(signo, code, addr);
}

bool up_kernel_fault(u64 addr, u64 error)
{
	/* Who touches programs' memory with a lock held wants no page that is not there. */
	if (this_cpu()->lock_depth)
		return false;
	return fault_serve(addr, error) == FR_OK;
}
