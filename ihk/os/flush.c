// SPDX-License-Identifier: GPL-2.0-only
/* LWK CPUs forget what they have of page tables, before Linux goes on. */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>

#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"

#define SPIN_US 50 /* a CPU that runs answers sooner than we could sleep */
#define PAUSE_US 50
#define RING_AGAIN_US 20000 /* edges can be lost */
#define STOP_MS 3000 /* for a dead instance to be stopped by who has found it dead */

/* In the kernel a CPU looks by itself, soon and before it leaves. */
static void ring(struct ihk_os *os, unsigned int place)
{
	u32 state;

	/* ihk_os_stop() waits for readers after it has cleared `running`. */
	rcu_read_lock();
	if (ihk_os_alive(os)) {
		state = READ_ONCE(os->params->cpus[place].state);
		if (state == LWK_CPU_USER || state == LWK_CPU_IDLE)
			ihk_line_ring_lwk(os->cpu[place]);
	}
	rcu_read_unlock();
}

/*
 * Nobody may go on before the CPUs execute nothing any more. Who stops the instance
 * may need a lock that our caller's caller has: then it is done here.
 */
static void await_stop(struct ihk_procs *procs)
{
	unsigned long end = jiffies + msecs_to_jiffies(STOP_MS);

	while (!READ_ONCE(procs->stopped)) {
		if (time_after(jiffies, end)) {
			ihk_park_cpus(procs->os->cpu, procs->os->cpu_count);
			return;
		}
		msleep(1);
	}
}

/* False: the instance has died meanwhile. */
static bool await_answer(struct ihk_os *os, unsigned int place, u32 ticket)
{
	const struct boot_cpu *cpu = &os->params->cpus[place];
	ktime_t began = ktime_get(), rung = began;
	struct ihk_patience patience;

	ihk_patience_begin(&patience, jiffies);
	/* Pairs with the LWK's release: it has forgotten. */
	while ((s32)(smp_load_acquire(&cpu->flush_done) - ticket) < 0) {
		ktime_t now = ktime_get();

		if (!ihk_os_alive(os))
			return false;
		if (ktime_us_delta(now, began) < SPIN_US) {
			cpu_relax();
			continue;
		}
		if (ktime_us_delta(now, rung) > RING_AGAIN_US) {
			ring(os, place);
			rung = now;
		}
		if (ihk_owed_too_long(&patience, true, ihk_hang_ticks())) {
			pr_err("ihk: instance %d: place %u keeps a page that Linux takes back\n",
			       os->index, place);
			ihk_os_condemn(os, OS_HUNGUP);
		}
		usleep_range(PAUSE_US, 2 * PAUSE_US);
	}
	return true;
}

void ihk_flush_lwk(struct ihk_procs *procs, const abi_u64 *cpus)
{
	struct ihk_os *os = procs->os;
	u32 ticket[ABI_MAX_CPUS];
	DECLARE_BITMAP(asked, ABI_MAX_CPUS) = {};
	unsigned int place;

	/* The entries' change before the look at who may have them: abi/pte.h. */
	smp_mb();
	for (place = 0; place < os->cpu_count; place++) {
		if (!(READ_ONCE(cpus[place / 64]) >> place % 64 & 1))
			continue;
		__set_bit(place, asked);
		/* A full barrier: before the look at the CPU's state. */
		ticket[place] =
			atomic_inc_return((atomic_t *)&os->params->cpus[place].flush_request);
		ring(os, place);
	}
	for_each_set_bit(place, asked, ABI_MAX_CPUS) {
		if (await_answer(os, place, ticket[place]))
			continue;
		await_stop(procs);
		return;
	}
}
