/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bases of FS and GS. Those of the current thread stand in the CPU: FS in its
 * own register, the program's GS where swapgs exchanges it. Only where programs
 * may write them (FSGSBASE) can they differ from what was set.
 */
#include "mck/errno.h"
#include "mck/objects.h"
#include "x86.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012

static u64 fs_of(struct thread *t)
{
	u64 base = t->arch.fs_base;

	if (x86.fsgsbase && t == current_thread())
		__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static u64 gs_of(struct thread *t)
{
	return t == current_thread() ? rdmsr(MSR_KERNEL_GS_BASE) : t->arch.gs_base;
}

static void set_gs(struct thread *t, u64 base)
{
	t->arch.gs_base = base;
	if (t == current_thread())
		wrmsr(MSR_KERNEL_GS_BASE, base);
}

void arch_set_tls(struct thread *t, u64 base)
{
	t->arch.fs_base = base;
	if (t != current_thread())
		return;
	if (x86.fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		wrmsr(MSR_FS_BASE, base);
}

void arch_copy_tls(struct thread *to, struct thread *from)
{
	arch_set_tls(to, fs_of(from));
	set_gs(to, gs_of(from));
}

void tls_save(struct thread *t)
{
	t->arch.fs_base = fs_of(t);
	t->arch.gs_base = gs_of(t);
}

void tls_load(struct thread *t)
{
	arch_set_tls(t, t->arch.fs_base);
	set_gs(t, t->arch.gs_base);
}

s64 arch_prctl(u32 option, u64 value)
{
	struct thread *t = current_thread();
	u64 base;

	switch (option) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (value >= USER_END)
			return -EPERM;
		if (option == ARCH_SET_FS)
			arch_set_tls(t, value);
		else
			set_gs(t, value);
		return 0;
	case ARCH_GET_FS:
		base = fs_of(t);
		return copy_to_user(value, &base, sizeof(base));
	case ARCH_GET_GS:
		base = gs_of(t);
		return copy_to_user(value, &base, sizeof(base));
	case ARCH_GET_CPUID:
		return 1; /* never faults */
	case ARCH_SET_CPUID:
		return -ENODEV;
	}
	return -EINVAL;
}
