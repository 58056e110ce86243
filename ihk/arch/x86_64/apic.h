/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APICs, as far as more than one file here knows them. */
#ifndef IHK_ARCH_APIC_H
#define IHK_ARCH_APIC_H

#include <linux/percpu.h>
#include <asm/apic.h>

static inline u32 apic_id_of(int cpu)
{
	return per_cpu(x86_cpu_to_apicid, cpu);
}

#endif
