/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults and exceptions of programs: served, or turned into their signals. */
#include "mck/mm.h"
#include "mck/offload.h"
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

	log_warn("out of memory: %s (pid %u) is killed\n", t->process->comm, t->kpage->pid);
	__atomic_add_fetch(&boot_params->counters.oom_kills, 1, __ATOMIC_RELAXED);
	leave_memory();
	offload_fatal(SIGKILL, SI_KERNEL, 0);
}

static void fault_signal(int signo, int code, u64 addr, u64 error)
{
	arch_fault_note(current_thread(), addr, error);
	signal_force(signo, code, addr);
}

void up_user_fault(u64 addr, u64 error)
{
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
