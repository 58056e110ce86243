/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults and exceptions of programs: served, or turned into their signals. */
#include "mck/mm.h"
#include "mck/offload.h"
#include "mck/signal.h"
#include "mck/syscalls.h"

#define FAULT_PRESENT 1UL
#define FAULT_WRITE 2UL
#define FAULT_EXEC 16UL

static enum fault_result serve(u64 addr, u64 error)
{
	enum access access = ACCESS_READ;

	if (error & FAULT_WRITE)
		access = ACCESS_WRITE;
	else if (error & FAULT_EXEC)
		access = ACCESS_EXEC;
	this_cpu()->boot->faults++;
	return space_fault_wait(current_thread()->space, addr, access);
}

/* No memory for this process: it dies alone, as by Linux's OOM killer. */
static void kill_oom(void) __attribute__((noreturn));

static void kill_oom(void)
{
	struct thread *t = current_thread();

	log_warn("out of memory: %s (pid %u) is killed\n", t->process->comm, t->kpage->pid);
	__atomic_add_fetch(&boot_params->counters.oom_kills, 1, __ATOMIC_RELAXED);
	clear_child_tid();
	offload_fatal(SIGKILL, SI_KERNEL, 0);
}

void trap_user_fault(u64 addr, u64 error)
{
	/* As Linux: what the kernel's half maps is nobody's business. */
	if (addr >= USER_END)
		current_thread()->fault_error |= FAULT_PRESENT;
	switch (serve(addr, error)) {
	case FR_OK:
	case FR_BUSY:
	case FR_FILL:
		break;
	case FR_NOMAP:
		signal_force(SIGSEGV, SEGV_MAPERR, addr);
		break;
	case FR_ACCESS:
		signal_force(SIGSEGV, SEGV_ACCERR, addr);
		break;
	case FR_BUS:
		signal_force(SIGBUS, BUS_ADRERR, addr);
		break;
	case FR_OOM:
		kill_oom();
	}
}

void trap_user_exception(int signo, int code, u64 addr)
{
	signal_force(signo, code, addr);
}

bool trap_kernel_fault(u64 addr, u64 error)
{
	return serve(addr, error) == FR_OK;
}
