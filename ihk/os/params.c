// SPDX-License-Identifier: GPL-2.0-only
/* The boot parameters and the other Linux memory that an instance shares with its LWK. */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/topology.h>

#include "base/base.h"
#include "arch/arch.h"
#include "object/object.h"
#include "partition/partition.h"
#include "os/os.h"

#define LOG_TEXT_SIZE (1UL << 20)
#define LOG_SIZE (sizeof(struct log_ring) + LOG_TEXT_SIZE)

/* One shared area: where its pointer is kept, and how large it is. */
struct area {
	void **pointer;
	u64 size;
};

#define AREAS_FIXED 6

static void areas_fixed(struct ihk_os *os, struct area *area)
{
	area[0] = (struct area){ (void **)&os->params, sizeof(*os->params) };
	area[1] = (struct area){ (void **)&os->log, LOG_SIZE };
	area[2] = (struct area){ (void **)&os->calls, IKC_CALLS * sizeof(*os->calls) };
	area[3] = (struct area){ (void **)&os->lcalls, IKC_LCALLS * sizeof(*os->lcalls) };
	area[4] = (struct area){ &os->bulks, IKC_BULKS * IKC_BULK_SIZE };
	area[5] = (struct area){ (void **)&os->clock, PAGE_SIZE };
}

/* Get the area if it is not there yet, and clear it: nothing of an earlier boot stays. */
static int area_prepare(const struct area *area)
{
	if (*area->pointer) {
		memset(*area->pointer, 0, area->size);
		return 0;
	}
	/* Up to 2 MiB in one piece: Linux may have to move things before it finds them. */
	*area->pointer = alloc_pages_exact(area->size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
							       __GFP_RETRY_MAYFAIL);
	return *area->pointer ? 0 : -ENOMEM;
}

static void area_free(const struct area *area)
{
	if (*area->pointer)
		free_pages_exact(*area->pointer, area->size);
	*area->pointer = NULL;
}

static int areas_prepare(struct ihk_os *os)
{
	struct area fixed[AREAS_FIXED];
	int i, err = 0;

	areas_fixed(os, fixed);
	for (i = 0; i < AREAS_FIXED && !err; i++)
		err = area_prepare(&fixed[i]);
	for (i = 0; i < os->cpu_count && !err; i++) {
		err = area_prepare(&(struct area){ (void **)&os->to_lwk[i], sizeof(struct ring) });
		if (!err)
			err = area_prepare(
				&(struct area){ (void **)&os->to_linux[i], sizeof(struct ring) });
	}
	return err;
}

void ihk_params_free(struct ihk_os *os)
{
	struct area fixed[AREAS_FIXED];
	int i;

	areas_fixed(os, fixed);
	for (i = 0; i < AREAS_FIXED; i++)
		area_free(&fixed[i]);
	for (i = 0; i < ABI_MAX_CPUS; i++) {
		area_free(&(struct area){ (void **)&os->to_lwk[i], sizeof(struct ring) });
		area_free(&(struct area){ (void **)&os->to_linux[i], sizeof(struct ring) });
	}
	area_free(&(struct area){ (void **)&os->quarantine, os->quarantine_size });
	kvfree(os->chunks);
	os->chunks = NULL;
	os->chunk_count = 0;
}

int ihk_params_for_each(struct ihk_os *os, int (*fn)(void *arg, u64 pa, u64 size), void *arg)
{
	struct area fixed[AREAS_FIXED];
	int i, err = 0;

	areas_fixed(os, fixed);
	for (i = 0; i < AREAS_FIXED && !err; i++)
		err = fn(arg, virt_to_phys(*fixed[i].pointer), fixed[i].size);
	for (i = 0; i < os->cpu_count && !err; i++) {
		err = fn(arg, virt_to_phys(os->to_lwk[i]), sizeof(struct ring));
		if (!err)
			err = fn(arg, virt_to_phys(os->to_linux[i]), sizeof(struct ring));
	}
	if (!err && os->quarantine)
		err = fn(arg, virt_to_phys(os->quarantine), os->quarantine_size);
	return err;
}

/* The instance's ranges with neighbours joined, in os->chunks. */
static int chunks_make(struct ihk_os *os, char *msg)
{
	struct boot_chunk *chunks = kvcalloc(ABI_MAX_CHUNKS, sizeof(*chunks), GFP_KERNEL);
	struct ihk_range *range;
	u32 count = 0;

	if (!chunks)
		return ihk_refuse(msg, -ENOMEM, "out of memory");
	list_for_each_entry(range, &os->ranges, node) {
		struct boot_chunk *last = &chunks[count - 1];

		if (count && last->node == range->nid && last->start + last->size == range->start) {
			last->size += range->size;
			continue;
		}
		if (count == ABI_MAX_CHUNKS) {
			kvfree(chunks);
			return ihk_refuse(msg, -E2BIG,
					  "the memory of instance %d lies in more than %d pieces",
					  os->index, ABI_MAX_CHUNKS);
		}
		chunks[count++] = (struct boot_chunk){
			.start = range->start,
			.size = range->size,
			.node = range->nid,
		};
	}
	kvfree(os->chunks);
	os->chunks = chunks;
	os->chunk_count = count;
	return 0;
}

/*
 * The pages that the LWK must leave alone, sorted since the chunks are: also
 * those of an earlier owner of the memory. None is added while nothing runs.
 */
static int quarantine_make(struct ihk_os *os)
{
	u64 max = 0, count = 0;
	u32 i;

	area_free(&(struct area){ (void **)&os->quarantine, os->quarantine_size });
	for (i = 0; i < os->chunk_count; i++)
		max += ihk_quarantine_list(os->chunks[i].start, os->chunks[i].size, NULL, 0);
	os->quarantine_size = PAGE_ALIGN(max * sizeof(u64));
	if (!max)
		return 0;
	os->quarantine =
		alloc_pages_exact(os->quarantine_size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!os->quarantine)
		return -ENOMEM;
	for (i = 0; i < os->chunk_count && count < max; i++)
		count += ihk_quarantine_list(os->chunks[i].start, os->chunks[i].size,
					     os->quarantine + count, max - count);
	os->params->quarantine = virt_to_phys(os->quarantine);
	os->params->quarantine_count = min(count, max);
	return 0;
}

static void fill_cpus(struct ihk_os *os)
{
	int i;

	for (i = 0; i < os->cpu_count; i++) {
		struct boot_cpu *cpu = &os->params->cpus[i];

		cpu->machine_id = ihk_machine_cpu_id(os->cpu[i]);
		cpu->node = max(cpu_to_node(os->cpu[i]), 0);
		cpu->linux_cpu = os->cpu[i];
		cpu->to_lwk = virt_to_phys(os->to_lwk[i]);
		cpu->to_linux = virt_to_phys(os->to_linux[i]);
	}
	os->params->cpu_count = os->cpu_count;
}

static void fill_nodes(struct lwk_boot_params *params)
{
	int from, to, count = 1;

	for (from = 0; from < ABI_MAX_NODES; from++) {
		if (from >= nr_node_ids || !node_online(from))
			continue;
		count = from + 1;
		for (to = 0; to < ABI_MAX_NODES; to++)
			if (to < nr_node_ids && node_online(to))
				params->distance[from][to] = min(node_distance(from, to), 255);
	}
	params->node_count = count;
}

static void fill_header(struct ihk_os *os, const struct ihk_overcommit *linux_has)
{
	struct lwk_boot_params *params = os->params;

	params->magic = BOOT_MAGIC;
	params->abi_version = ABI_VERSION;
	params->size = sizeof(*params);
	params->abi_hash = ABI_HASH;
	params->os_index = os->index;
	params->image_size = os->image.size;
	params->log = virt_to_phys(os->log);
	params->log_size = LOG_SIZE;
	params->calls = virt_to_phys(os->calls);
	params->lcalls = virt_to_phys(os->lcalls);
	params->bulks = virt_to_phys(os->bulks);
	params->clock = virt_to_phys(os->clock);
	ihk_machine_describe(params);
	get_random_bytes(params->seed, sizeof(params->seed));
	strscpy(params->kargs, os->kargs, sizeof(params->kargs));
	ihk_overcommit_fill(params, linux_has);
	params->status = OS_BOOTING;
	BUILD_BUG_ON(sizeof(params->kargs) != sizeof(os->kargs));
}

int ihk_params_fill(struct ihk_os *os, const struct ihk_overcommit *linux_has, char *msg)
{
	int err;

	lockdep_assert_held(&os->lock);
	err = chunks_make(os, msg);
	if (err)
		return err;
	if (areas_prepare(os) || quarantine_make(os))
		return ihk_refuse(msg, -ENOMEM, "no memory for the boot parameters");

	os->log->size = LOG_TEXT_SIZE;
	os->log_cleared = 0;
	fill_header(os, linux_has);
	fill_cpus(os);
	fill_nodes(os->params);
	memcpy(os->params->chunks, os->chunks, os->chunk_count * sizeof(*os->chunks));
	os->params->chunk_count = os->chunk_count;
	ihk_up.boot_params(os->params);
	return 0;
}
