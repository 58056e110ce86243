// SPDX-License-Identifier: GPL-2.0-only
/* Starts and parks LWK CPUs: INIT, SIPI, and the page below 1 MiB that they begin on. */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <asm/e820/api.h>
#include <asm/msr.h>

#include "arch/arch.h"
#include "arch/x86_64/apic.h"

/* The end of boot/x86_64/trampoline.S: filled here, read there but for `started`. */
struct trampoline_args {
	u64 root;
	u64 entry;
	u64 params;
	u32 place;
	u32 efer;
	u32 started; /* set by the CPU in 64-bit mode, at its last look at this page */
	u32 pad;
};

extern const char ihk_trampoline_start[], ihk_trampoline_args[], ihk_trampoline_end[];

#define LOW_FIRST 0x10000UL
#define LOW_LAST 0x90000UL
#define INIT_MS 10 /* between INIT and SIPI, as the SMP specification has it */
#define SEEN_MS 50 /* until it is seen: an emulated CPU's thread has to come to its turn */
#define START_SECONDS 30 /* generous: emulated CPUs share a busy host */

static ulong trampoline;
module_param(trampoline, ulong, 0444);
MODULE_PARM_DESC(trampoline,
		 "physical address of the page below 1 MiB to start CPUs on (0: choose)");

/* CPUs between their first INIT and their last: what a dying Linux must stop. Atomic bits. */
static struct cpumask started;

/* Linux goes down: set before `started` is read, and read after each start. Never cleared. */
static bool machine_ends;

/* The page has one borrower at a time: instances may boot side by side. */
static DEFINE_MUTEX(page_lock);

static bool is_low_ram(u64 pa)
{
	return IS_ALIGNED(pa, PAGE_SIZE) && pa < SZ_1M &&
	       e820__mapped_any(pa, pa + PAGE_SIZE, E820_TYPE_RAM) && page_is_ram(pa >> PAGE_SHIFT);
}

u64 ihk_wakeup_page(void)
{
	u64 pa;

	if (trampoline)
		return is_low_ram(trampoline) ? trampoline : 0;
	/*
	 * Linux reserves all of this and uses only its own trampoline, which
	 * it takes from the top: so from below.
	 */
	for (pa = LOW_FIRST; pa <= LOW_LAST; pa += PAGE_SIZE)
		if (is_low_ram(pa))
			return pa;
	return 0;
}

static struct trampoline_args *args_of(const struct ihk_wakeup *w)
{
	return phys_to_virt(w->page + (ihk_trampoline_args - ihk_trampoline_start));
}

int ihk_wakeup_begin(struct ihk_wakeup *w, u64 root, u64 entry, u64 params)
{
	u64 efer;

	if (mutex_lock_killable(&page_lock))
		return -EINTR;
	w->saved = kmemdup(phys_to_virt(w->page), PAGE_SIZE, GFP_KERNEL);
	if (!w->saved) {
		mutex_unlock(&page_lock);
		return -ENOMEM;
	}
	rdmsrl(MSR_EFER, efer);
	memcpy(phys_to_virt(w->page), ihk_trampoline_start,
	       ihk_trampoline_end - ihk_trampoline_start);
	*args_of(w) = (struct trampoline_args){
		.root = root,
		.entry = entry,
		.params = params,
		.efer = EFER_LME | (efer & EFER_NX),
	};
	return 0;
}

void ihk_wakeup_end(struct ihk_wakeup *w)
{
	memcpy(phys_to_virt(w->page), w->saved, PAGE_SIZE);
	mutex_unlock(&page_lock);
	kfree(w->saved);
}

/* One IPI, physical destination. Interrupts off: a handler's own IPI must not come in between. */
static void send(int cpu, u32 what)
{
	unsigned long flags;

	local_irq_save(flags);
	safe_apic_wait_icr_idle();
	apic_icr_write(what, apic_id_of(cpu));
	safe_apic_wait_icr_idle();
	local_irq_restore(flags);
}

static void send_init(int cpu)
{
	send(cpu, APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT);
}

/* Wait until the CPU has left the page. False: not in time, or we are killed. */
static bool wait_started(const struct trampoline_args *args, unsigned int us)
{
	ktime_t end = ktime_add_us(ktime_get(), us);

	while (!smp_load_acquire(&args->started)) {
		if (ktime_after(ktime_get(), end) || fatal_signal_pending(current))
			return false;
		usleep_range(50, 200);
	}
	return true;
}

bool ihk_wakeup_cpu(struct ihk_wakeup *w, int cpu, u32 place)
{
	struct trampoline_args *args = args_of(w);

	args->place = place;
	/* Pairs with the CPU's store: it starts only after the SIPI below. */
	smp_store_release(&args->started, 0);
	cpumask_set_cpu(cpu, &started);

	send_init(cpu);
	msleep(INIT_MS);
	send(cpu, APIC_INT_LEVELTRIG | APIC_DM_INIT);
	send(cpu, APIC_DM_STARTUP | (w->page >> PAGE_SHIFT));
	if (!wait_started(args, 400)) {
		/* The second SIPI is for CPUs that missed the first; the others ignore it. */
		send(cpu, APIC_DM_STARTUP | (w->page >> PAGE_SHIFT));
		if (!wait_started(args, START_SECONDS * USEC_PER_SEC))
			return false;
	}
	/* Its INIT from ihk_park_everything() may have come before our SIPI. */
	smp_mb();
	if (!READ_ONCE(machine_ends))
		return true;
	send_init(cpu);
	return false;
}

void ihk_park_cpus(const int *cpu, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (cpumask_test_cpu(cpu[i], &started))
			send_init(cpu[i]);
	msleep(SEEN_MS);
	for (i = 0; i < count; i++)
		if (cpumask_test_and_clear_cpu(cpu[i], &started))
			send(cpu[i], APIC_INT_LEVELTRIG | APIC_DM_INIT);
}

void ihk_park_everything(void)
{
	int cpu;

	WRITE_ONCE(machine_ends, true);
	/* Against ihk_wakeup_cpu(): one of us sees the other's store. */
	smp_mb();
	if (cpumask_empty(&started))
		return;
	for_each_cpu(cpu, &started)
		send_init(cpu);
	mdelay(SEEN_MS);
}
