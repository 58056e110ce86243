// SPDX-License-Identifier: GPL-2.0-only
/* Linux's clock data, published to every instance, so that both kernels tell the same time. */
#include <linux/clocksource.h>
#include <linux/ktime.h>
#include <linux/notifier.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>

#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"

/*
 * Under clock_lock: the newest data, and the instances to tell. Raw, because
 * the notifier runs inside the timekeeper's lock.
 */
static DEFINE_RAW_SPINLOCK(clock_lock);
static struct clock_page current_data;
static LIST_HEAD(instances);

static void convert(const struct timekeeper *tk, struct clock_page *page)
{
	u64 second = (u64)NSEC_PER_SEC << tk->tkr_mono.shift;
	u64 counter;

	page->source = ihk_counter_of(tk->tkr_mono.clock, &counter);
	page->counter_pa = counter;
	page->counter_mask = tk->tkr_mono.mask;
	page->cycle_last = tk->tkr_mono.cycle_last;
	page->mult = tk->tkr_mono.mult;
	page->shift = tk->tkr_mono.shift;
	page->real_sec = tk->xtime_sec;
	page->nsec_shifted = tk->tkr_mono.xtime_nsec;
	page->mono_sec = tk->xtime_sec + tk->wall_to_monotonic.tv_sec;
	page->mono_nsec_shifted = tk->tkr_mono.xtime_nsec +
				  ((u64)tk->wall_to_monotonic.tv_nsec << tk->tkr_mono.shift);
	while (page->mono_nsec_shifted >= second) {
		page->mono_nsec_shifted -= second;
		page->mono_sec++;
	}
	/* Both are read from one counter at one moment. */
	page->raw_ok = tk->tkr_raw.clock == tk->tkr_mono.clock &&
		       tk->tkr_raw.cycle_last == tk->tkr_mono.cycle_last;
	page->raw_mult = tk->tkr_raw.mult;
	page->raw_shift = tk->tkr_raw.shift;
	page->raw_sec = tk->raw_sec;
	page->raw_nsec_shifted = tk->tkr_raw.xtime_nsec;
	page->boot_offset_ns = ktime_to_ns(tk->offs_boot);
	page->tai_offset = tk->tai_offset;
}

/* Write all but seq, which is odd meanwhile. */
static void publish(struct clock_page *page)
{
	u32 seq = page->seq & ~1u;

	lockdep_assert_held(&clock_lock);
	/* Pairs with the reader's acquire of seq and its fence before it looks again. */
	WRITE_ONCE(page->seq, seq + 1);
	smp_wmb();
	memcpy((u8 *)page + sizeof(page->seq), (u8 *)&current_data + sizeof(page->seq),
	       sizeof(*page) - sizeof(page->seq));
	smp_store_release(&page->seq, seq + 2);
}

/* Who sleeps until a time that has come by that looks again. */
static void tell_set(struct ihk_os *os)
{
	int place;

	/* The clock before the look whether anybody waits for it. */
	smp_mb();
	if (!READ_ONCE(os->params->waits_for_time))
		return;
	for (place = 0; place < os->cpu_count; place++)
		ihk_ring_lwk(os, place);
}

static int clock_changed(struct notifier_block *block, unsigned long was_set, void *timekeeper)
{
	struct ihk_os *os;
	unsigned long flags;

	raw_spin_lock_irqsave(&clock_lock, flags);
	convert(timekeeper, &current_data);
	if (was_set)
		current_data.sets++;
	list_for_each_entry(os, &instances, clock_node) {
		publish(os->clock);
		if (was_set)
			tell_set(os);
	}
	raw_spin_unlock_irqrestore(&clock_lock, flags);
	return NOTIFY_OK;
}

static struct notifier_block clock_block = { .notifier_call = clock_changed };

int ihk_clock_init(void)
{
	ihk_counters_find();
	/* Calls us once before it returns. */
	return pvclock_gtod_register_notifier(&clock_block);
}

void ihk_clock_exit(void)
{
	pvclock_gtod_unregister_notifier(&clock_block);
}

void ihk_clock_add(struct ihk_os *os)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&clock_lock, flags);
	publish(os->clock);
	list_add_tail(&os->clock_node, &instances);
	raw_spin_unlock_irqrestore(&clock_lock, flags);
}

void ihk_clock_remove(struct ihk_os *os)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&clock_lock, flags);
	list_del_init(&os->clock_node);
	raw_spin_unlock_irqrestore(&clock_lock, flags);
}
