// SPDX-License-Identifier: GPL-2.0-only
/* What images are told of an x86-64 machine. */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "abi/pte.h"
#include "arch/arch.h"
#include "arch/x86_64/apic.h"

u32 ihk_machine_cpu_id(int cpu)
{
	return apic_id_of(cpu);
}

/* The mitigations that Linux has in force, as far as its CPU flags show them. */
static u64 mitigations(void)
{
	u64 set = 0;

	if (boot_cpu_has(X86_FEATURE_RETPOLINE) || boot_cpu_has(X86_FEATURE_RETPOLINE_LFENCE))
		set |= BOOT_MITIGATE_RETPOLINE;
	if (boot_cpu_has(X86_FEATURE_IBRS_ENHANCED) || boot_cpu_has(X86_FEATURE_KERNEL_IBRS))
		set |= BOOT_MITIGATE_IBRS;
	if (boot_cpu_has(X86_FEATURE_USE_IBPB))
		set |= BOOT_MITIGATE_IBPB;
	if (boot_cpu_has_bug(X86_BUG_MDS) && boot_cpu_has(X86_FEATURE_MD_CLEAR))
		set |= BOOT_MITIGATE_MDS;
	if (boot_cpu_has(X86_FEATURE_PTI))
		set |= BOOT_MITIGATE_PTI;
	return set;
}

void ihk_machine_describe(struct lwk_boot_params *params)
{
	params->cycles_khz = tsc_khz;
	rdmsrl(MSR_IA32_CR_PAT, params->memory_types);
	params->mitigations = mitigations();
}

/* The memory type travels as it is: both kernels have the same PAT. */
u64 ihk_leaf(unsigned long pfn, unsigned long entry, bool write, bool exec)
{
	u64 leaf = (u64)pfn << PAGE_SHIFT;

	leaf |= entry & (_PAGE_PWT | _PAGE_PCD | _PAGE_PAT);
	leaf |= PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_MIRROR;
	if (write)
		leaf |= PTE_WRITE | PTE_DIRTY;
	return exec ? leaf : leaf | PTE_NX;
}

bool ihk_cpuinfo_line(const char *line, const struct ihk_cpu_numbers *n, char *out, size_t size)
{
	const struct {
		const char *name;
		u32 value;
	} ours[] = {
		{ "processor\t", n->place },	       { "physical id\t", n->package },
		{ "siblings\t", n->siblings },	       { "core id\t\t", n->core },
		{ "cpu cores\t", n->cores },	       { "apicid\t\t", n->machine_id },
		{ "initial apicid\t", n->machine_id },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		if (str_has_prefix(line, ours[i].name)) {
			snprintf(out, size, "%s: %u", ours[i].name, ours[i].value);
			return true;
		}
	}
	return false;
}
