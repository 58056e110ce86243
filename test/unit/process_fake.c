// SPDX-License-Identifier: GPL-2.0-only
/* The few things of the kernel that the process part's pure files ask for. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "process_fake.h"

struct thread fake_thread;
struct sighand fake_sighand;
static struct cpu cpu;
static struct lwk_boot_params params;
struct lwk_boot_params *boot_params = &params;
u32 cpu_count = 4;

void fake_reset(void)
{
	memset(&fake_thread, 0, sizeof(fake_thread));
	memset(&fake_sighand, 0, sizeof(fake_sighand));
	memset(&params, 0, sizeof(params));
	fake_thread.sighand = &fake_sighand;
	cpu.current = &fake_thread;
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

void spin_lock(struct spinlock *lock)
{
	if (lock->value)
		panic("a lock is taken twice");
	lock->value = 1;
}

void spin_unlock(struct spinlock *lock)
{
	if (!lock->value)
		panic("a free lock is released");
	lock->value = 0;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

void log_printf(const char *fmt, ...)
{
	(void)fmt;
}

void arch_relax(void)
{
}
