/* SPDX-License-Identifier: GPL-2.0-only */
/* Machine checks: what the hardware says about itself is the instance's last words. */
#include "mck/objects.h"
#include "x86.h"

#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MC_STATUS(bank) (0x401 + 4 * (bank))
#define MSR_MC_ADDR(bank) (0x402 + 4 * (bank))
#define MSR_MC_MISC(bank) (0x403 + 4 * (bank))
#define BANKS_MAX 32U /* whose registers lie there */

#define MCG_RIPV (1UL << 0) /* what was interrupted can go on */
#define MC_VALID (1UL << 63)
#define MC_UNCORRECTED (1UL << 61)
#define MC_ENABLED (1UL << 60)
#define MC_MISCV (1UL << 59)
#define MC_ADDRV (1UL << 58)
#define MC_CORRUPT (1UL << 57) /* the CPU's own state is lost */

/*
 * MCG_STATUS at the machine check that a CPU dies of, 0 before. By that CPU,
 * for itself. The banks are read when they are shown: they keep their content,
 * also for Linux, which reports it again when it gets the CPU back.
 */
static u64 last_status[ABI_MAX_CPUS];

static u32 bank_count(void)
{
	return MIN((u32)rdmsr(MSR_MCG_CAP) & 0xff, BANKS_MAX);
}

static bool is_fatal(u64 status)
{
	if (!(status & MC_VALID))
		return false;
	return (status & MC_CORRUPT) ||
	       (status & (MC_UNCORRECTED | MC_ENABLED)) == (MC_UNCORRECTED | MC_ENABLED);
}

/* The first bank with an error that cannot be survived, or the number of banks. */
static u32 fatal_bank(void)
{
	u32 bank = 0;

	while (bank < bank_count() && !is_fatal(rdmsr(MSR_MC_STATUS(bank))))
		bank++;
	return bank;
}

/* Linux has enabled the banks, and leaves them so when it parts with a CPU. */
void machine_check(const struct user_regs *regs)
{
	u64 status = rdmsr(MSR_MCG_STATUS);
	u32 bank = fatal_bank();

	/* First of all: with the bit of one in progress, another shuts the machine down. */
	wrmsr(MSR_MCG_STATUS, 0);
	/* Some machines tell all CPUs of one's error: it is another's if our banks know nothing. */
	if (bank == bank_count() && (status & MCG_RIPV))
		return;
	last_status[this_cpu()->place] = status;
	fault_note(regs);
	panic("machine check, MCG_STATUS %lx", status);
}

static void show_bank(u32 bank)
{
	u64 status = rdmsr(MSR_MC_STATUS(bank));

	if (!(status & MC_VALID))
		return;
	log_printf("  bank %u status %016lx", bank, status);
	if (status & MC_ADDRV)
		log_printf(" addr %016lx", rdmsr(MSR_MC_ADDR(bank)));
	if (status & MC_MISCV)
		log_printf(" misc %016lx", rdmsr(MSR_MC_MISC(bank)));
	log_printf("%s\n", is_fatal(status) ? "" : " (survived)");
}

void machine_check_show(void)
{
	if (!last_status[this_cpu()->place])
		return;
	for (u32 bank = 0; bank < bank_count(); bank++)
		show_bank(bank);
}
