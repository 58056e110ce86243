// SPDX-License-Identifier: GPL-2.0-only
/* An instance's way up, from a loaded image to RUNNING, and its way down. */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "base/base.h"
#include "arch/arch.h"
#include "object/object.h"
#include "os/os.h"

#define READY_SECONDS 30 /* for one CPU to report; emulated ones share a busy host */
#define SHUTDOWN_SECONDS 10 /* for the LWK to agree; after it the CPUs are stopped all the same */
#define FORCE_SECONDS 10 /* for programs that are killed to end with the LWK's help */
#define DEAD_MS 1000 /* for CPUs that were told to stop, or panic, to say their last words */

/* The LWK's own word on its state: it may say PANIC while it boots. */
static enum os_status lwk_status(struct ihk_os *os)
{
	return smp_load_acquire(&os->params->status);
}

/* ---- up ---- */

static int boot_check(struct ihk_os *os, char *msg)
{
	int err = ihk_os_need_inactive(os, "boot", msg);

	if (err)
		return err;
	if (!os->image.file)
		return ihk_refuse(msg, -EINVAL, "no image is loaded into instance %d", os->index);
	if (!os->cpu_count)
		return ihk_refuse(msg, -EINVAL, "no CPU is assigned to instance %d", os->index);
	if (list_empty(&os->ranges))
		return ihk_refuse(msg, -EINVAL, "no memory is assigned to instance %d", os->index);
	return 0;
}

/* Wait until CPU `place` has reported `ready`. */
static int wait_ready(struct ihk_os *os, int place, u32 ready, char *msg)
{
	const struct boot_cpu *cpu = &os->params->cpus[place];
	unsigned long end = jiffies + READY_SECONDS * HZ;

	while (smp_load_acquire(&cpu->ready) < ready) {
		if (lwk_status(os) == OS_PANIC)
			return ihk_refuse(msg, -EIO,
					  "the LWK panicked while booting: see ihkosctl %d kmsg",
					  os->index);
		if (fatal_signal_pending(current))
			return ihk_refuse(msg, -EINTR, "the boot was interrupted");
		if (time_after(jiffies, end))
			return ihk_refuse(msg, -ETIMEDOUT,
					  "CPU %d (place %d) did not report %s within %d s",
					  os->cpu[place], place,
					  ready == 1 ? "its start" : "that it takes doorbells",
					  READY_SECONDS);
		usleep_range(100, 500);
	}
	return 0;
}

/* Start the CPUs, one after the other, through the borrowed page. Inside cpus_read_lock(). */
static int start_cpus(struct ihk_os *os, struct ihk_wakeup *w, char *msg)
{
	int place, err = 0;

	for (place = 0; place < os->cpu_count && !err; place++) {
		if (cpu_online(os->cpu[place]))
			err = ihk_refuse(msg, -EBUSY, "CPU %d is online in Linux", os->cpu[place]);
		else if (!ihk_wakeup_cpu(w, os->cpu[place], place))
			err = fatal_signal_pending(current)
				      ? ihk_refuse(msg, -EINTR, "the boot was interrupted")
				      : ihk_refuse(msg, -ETIMEDOUT, "CPU %d does not start",
						   os->cpu[place]);
		else
			err = wait_ready(os, place, 1, msg);
	}
	/* Before the page is given back, no CPU may run on it. */
	if (err)
		ihk_park_cpus(os->cpu, os->cpu_count);
	return err;
}

/* One piece of Linux memory that the LWK shares, where it is. */
static int map_shared(void *tables, u64 pa, u64 size)
{
	u64 start = pa & PAGE_MASK;

	return ihk_tables_map(tables, start, start, pa + size - start);
}

/* The image where it is linked; the instance's memory and what it shares where they are. */
static int map_start(struct ihk_tables *tables, struct ihk_os *os, u64 low_page)
{
	const struct boot_chunk *chunk;
	u32 i;
	int err;

	err = ihk_tables_map_large(tables, LWK_LINK_BASE, os->params->image_start,
				   os->params->image_size);
	for (i = 0; i < os->chunk_count && !err; i++) {
		chunk = &os->chunks[i];
		err = ihk_tables_map_large(tables, chunk->start, chunk->start, chunk->size);
	}
	if (!err)
		err = ihk_params_for_each(os, map_shared, tables);
	/* The CPU turns paging on while it executes there. */
	if (!err)
		err = ihk_tables_map(tables, low_page, low_page, PAGE_SIZE);
	return err;
}

static int make_tables(struct ihk_tables *tables, struct ihk_os *os, u64 low_page)
{
	int err = ihk_tables_make(tables);

	if (err)
		return err;
	err = map_start(tables, os, low_page);
	if (err)
		ihk_tables_free(tables);
	return err;
}

static int launch_cpus(struct ihk_os *os, char *msg)
{
	struct ihk_wakeup w = { .page = ihk_wakeup_page() };
	struct ihk_tables tables;
	int err;

	if (!w.page)
		return ihk_refuse(
			msg, -ENOSPC,
			"no page of RAM below 1 MiB to start CPUs on (see the module's parameter trampoline)");
	if (make_tables(&tables, os, w.page))
		return ihk_refuse(msg, -ENOMEM, "no memory for page tables");
	cpus_read_lock();
	err = ihk_wakeup_begin(&w, virt_to_phys(tables.root), os->image.entry,
			       virt_to_phys(os->params));
	if (err) {
		ihk_refuse(msg, err, err == -EINTR ? "the boot was interrupted" : "out of memory");
	} else {
		err = start_cpus(os, &w, msg);
		ihk_wakeup_end(&w);
	}
	cpus_read_unlock();
	/* ready == 1 says that each CPU has left these tables; a parked one has too. */
	ihk_tables_free(&tables);
	return err;
}

/* The LWK says that it takes doorbells: see each CPU answer one. */
static int probe_cpus(struct ihk_os *os, char *msg)
{
	int place, err = 0;

	for (place = 0; place < os->cpu_count && !err; place++)
		err = wait_ready(os, place, 2, msg);
	if (err)
		return err;
	WRITE_ONCE(os->running, true);
	for (place = 0; place < os->cpu_count; place++) {
		struct ihk_call call = { .op = CALL_PROBE };

		err = ihk_call_bounded(os, place, &call, true, READY_SECONDS);
		if (err)
			return ihk_refuse(
				msg, err,
				err == -EINTR ? "the boot was interrupted at CPU %d (place %d)"
					      : "CPU %d (place %d) does not answer its doorbell",
				os->cpu[place], place);
	}
	return 0;
}

/* Wait until the LWK itself says RUNNING. */
static int wait_running(struct ihk_os *os, char *msg)
{
	unsigned long end = jiffies + READY_SECONDS * HZ;

	while (lwk_status(os) != OS_RUNNING) {
		if (lwk_status(os) == OS_PANIC || !ihk_os_alive(os))
			return ihk_refuse(msg, -EIO,
					  "the LWK panicked while booting: see ihkosctl %d kmsg",
					  os->index);
		if (fatal_signal_pending(current))
			return ihk_refuse(msg, -EINTR, "the boot was interrupted");
		if (time_after(jiffies, end))
			return ihk_refuse(msg, -ETIMEDOUT, "the LWK does not say RUNNING, but %s",
					  ihk_status_name(lwk_status(os)));
		usleep_range(100, 500);
	}
	return 0;
}

static int bring_up(struct ihk_os *os, char *msg)
{
	int err;

	err = ihk_os_place_image(os, msg);
	if (err)
		return err;
	ihk_clock_add(os);
	err = ihk_doorbells_make(os, msg);
	if (err)
		return err;
	err = launch_cpus(os, msg);
	if (!err)
		err = probe_cpus(os, msg);
	if (!err)
		err = wait_running(os, msg);
	if (!err)
		err = ihk_clock_show(os, msg);
	return err;
}

int ihk_os_boot(struct ihk_os *os, const struct ihk_overcommit *linux_has, char *msg)
{
	int err;

	lockdep_assert_held(&os->lock);
	err = boot_check(os, msg);
	if (err)
		return err;
	err = ihk_params_fill(os, linux_has, msg);
	if (err)
		return err;
	ihk_ikc_reset(os);
	/* Before there are objects of this boot, which note its number. */
	os->boot_gen++;
	err = ihk_up.processes_start(os);
	if (err)
		return ihk_refuse(msg, err, "no room for processes (error %d)", -err);
	WRITE_ONCE(os->verdict, OS_INACTIVE);
	WRITE_ONCE(os->status, OS_BOOTING);

	err = bring_up(os, msg);
	if (err) {
		ihk_os_stop(os, lwk_status(os) == OS_PANIC ? OS_PANIC : OS_INACTIVE);
		return err;
	}
	WRITE_ONCE(os->status, OS_RUNNING);
	/* It may have died since: whoever noticed found it still BOOTING and left it to us. */
	if (!ihk_os_alive(os))
		ihk_os_condemn(os, OS_PANIC);
	return 0;
}

/* ---- down ---- */

/* True when every CPU has said that it is halted for good. */
static bool all_dead(struct ihk_os *os)
{
	int place;

	for (place = 0; place < os->cpu_count; place++)
		if (READ_ONCE(os->params->cpus[place].state) != LWK_CPU_DEAD)
			return false;
	return true;
}

void ihk_os_stop(struct ihk_os *os, enum os_status next)
{
	unsigned long end = jiffies + msecs_to_jiffies(DEAD_MS);

	lockdep_assert_held(&os->lock);
	WRITE_ONCE(os->running, false);
	ihk_ikc_wake(os);
	/* ihk_ring_lwk() looks at `running` inside a read section: no IPI is sent any more. */
	synchronize_rcu();

	/* A dying LWK stops its CPUs itself, after the last line of its log. */
	while (next != OS_HUNGUP && !all_dead(os) && time_before(jiffies, end))
		msleep(10);
	ihk_park_cpus(os->cpu, os->cpu_count);

	ihk_doorbells_free(os);
	ihk_ikc_flush(os);
	ihk_clock_remove(os);
	ihk_up.processes_stop(os);
	ihk_ikc_quiesce(os);
	WRITE_ONCE(os->status, next);
}

static int refuse_for_programs(const struct ihk_os *os, char *msg, u64 count)
{
	return ihk_refuse(msg, -EBUSY,
			  count == 1 ? "%llu program runs on instance %d"
				     : "%llu programs run on instance %d",
			  count, os->index);
}

/* Ask the LWK to stop. -EBUSY if it has programs; whatever else it does, it will be stopped. */
static int ask_to_stop(struct ihk_os *os, char *msg)
{
	struct ihk_call call = { .op = CALL_SHUTDOWN };
	int err;

	err = ihk_call_bounded(os, -1, &call, false, SHUTDOWN_SECONDS);
	if (!err && call.ret == -EBUSY)
		return refuse_for_programs(os, msg, call.out[0]);
	if (err || call.ret)
		pr_warn("ihk: instance %d did not agree to stop (error %lld): it is stopped\n",
			os->index, err ? -err : -call.ret);
	return 0;
}

/*
 * End the programs, and then the LWK, as far as they let themselves be ended. A
 * program that Linux itself holds (frozen, or its file server does not answer)
 * is left behind, killed. -EINTR, if its caller is killed meanwhile.
 */
static int force_to_stop(struct ihk_os *os, char *msg)
{
	unsigned int left = ihk_up.processes_end(os, FORCE_SECONDS);

	if (!left) {
		/* One that came in between is stopped with the rest. */
		if (ask_to_stop(os, msg))
			msg[0] = 0;
		return 0;
	}
	if (fatal_signal_pending(current))
		return ihk_refuse(msg, -EINTR, "interrupted: %u threads of programs are left",
				  left);
	pr_warn("ihk: instance %d: %u threads of programs did not end within %d s: it is stopped\n",
		os->index, left, FORCE_SECONDS);
	return 0;
}

int ihk_os_shutdown(struct ihk_os *os, bool force, char *msg)
{
	unsigned int count;
	int err;

	lockdep_assert_held(&os->lock);
	switch (os->status) {
	case OS_RUNNING:
		break;
	case OS_PANIC:
	case OS_HUNGUP:
		/* Stopped when it was found dead: nothing but the state is left. */
		WRITE_ONCE(os->status, OS_INACTIVE);
		return 0;
	default:
		return ihk_refuse(msg, -EINVAL, "shutdown needs a RUNNING instance, %d is %s",
				  os->index, ihk_status_name(os->status));
	}

	if (ihk_os_alive(os)) {
		count = ihk_up.processes_count(os);
		if (count && !force)
			return refuse_for_programs(os, msg, count);
		/* No launch from here on. */
		WRITE_ONCE(os->status, OS_SHUTDOWN);
		err = force ? force_to_stop(os, msg) : ask_to_stop(os, msg);
		if (err) {
			WRITE_ONCE(os->status, OS_RUNNING);
			return err;
		}
	}
	ihk_os_stop(os, OS_INACTIVE);
	return 0;
}
