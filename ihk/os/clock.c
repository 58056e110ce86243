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

static void write_begin(struct clock_page *page)
{
	WRITE_ONCE(page->seq, (page->seq & ~1u) + 1);
}

static void write_body(struct clock_page *page, const struct clock_page *data)
{
	memcpy((u8 *)page + sizeof(page->seq), (const u8 *)data + sizeof(page->seq),
	       sizeof(*page) - sizeof(page->seq));
}

static void write_end(struct clock_page *page)
{
	smp_store_release(&page->seq, (page->seq & ~1u) + 2);
}

/*
 * For the LWK, and for its programs, which need not know where a counter lies. As if
 * it were one page: who has read new data from one finds the other being written, or
 * new, so that no program sees the time go back between a call and its own reading.
 */
static void publish(struct ihk_os *os)
{
	struct clock_page data = current_data, *programs = os->clock_programs;

	lockdep_assert_held(&clock_lock);
	write_begin(os->clock);
	if (programs)
		write_begin(programs);
	/* Pairs with the readers' acquire of seq and their fence before they look again. */
	smp_wmb();
	write_body(os->clock, &data);
	data.counter_pa = 0;
	if (programs)
		write_body(programs, &data);
	write_end(os->clock);
	if (programs)
		write_end(programs);
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
		publish(os);
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
	publish(os);
	list_add_tail(&os->clock_node, &instances);
	raw_spin_unlock_irqrestore(&clock_lock, flags);
}

int ihk_clock_show(struct ihk_os *os, char *msg)
{
	u64 pa = READ_ONCE(os->params->clock_programs);
	struct clock_page *page = IS_ALIGNED(pa, PAGE_SIZE) ? ihk_os_mem(os, pa, PAGE_SIZE) : NULL;
	unsigned long flags;

	/* An image without programs. */
	if (!pa)
		return 0;
	if (!page)
		return ihk_refuse(
			msg, -EIO,
			"the LWK names %#llx for its programs' clock: no page of its memory", pa);
	raw_spin_lock_irqsave(&clock_lock, flags);
	os->clock_programs = page;
	publish(os);
	raw_spin_unlock_irqrestore(&clock_lock, flags);
	return 0;
}

void ihk_clock_remove(struct ihk_os *os)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&clock_lock, flags);
	list_del_init(&os->clock_node);
	os->clock_programs = NULL;
	raw_spin_unlock_irqrestore(&clock_lock, flags);
}
