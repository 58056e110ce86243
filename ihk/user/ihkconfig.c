// SPDX-License-Identifier: GPL-2.0-only
/* ihkconfig: takes CPUs and memory from Linux, and makes OS instances. */
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

static const char help[] =
	"Usage: ihkconfig [--json] DEV VERB [OPERAND]\n"
	"\n"
	"Takes CPUs and memory from Linux for light-weight kernels, and makes OS\n"
	"instances that they are assigned to. DEV is 0.\n"
	"\n"
	"  reserve cpu LIST       take CPUs from Linux (LIST as 2-5,7)\n"
	"  reserve mem LIST       take memory (LIST as 512M@0,1G@1 or all@0; multiples of 4M)\n"
	"  release cpu LIST       give CPUs back that no instance has\n"
	"  release mem LIST|all   give memory back, in sums of whole ranges\n"
	"  query cpu|mem          show what is reserved and assigned to no instance\n"
	"  create                 make an instance; prints its index\n"
	"  destroy INDEX          destroy one that does not run\n"
	"  get os_instances       show the indices of all instances\n"
	"  get counters           show pages taken and given back since the module was loaded\n"
	"  get buildid            show the boot ABI of the module\n"
	"\n"
	"  --json     (query, get) as JSON\n"
	"  --help     this text\n"
	"  --version  the version\n"
	"\n"
	"Exit status: 0 done, 1 refused (one line says why), 2 wrong usage.\n";

static int reserve_cpu(int dev, const char *list)
{
	return with_cpus(dev, list, "reserving CPUs", ihk_reserve_cpu);
}

static int release_cpu(int dev, const char *list)
{
	return with_cpus(dev, list, "releasing CPUs", ihk_release_cpu);
}

static int query_cpu(int dev, const char *operand)
{
	(void)operand;
	return print_cpus(dev, "querying CPUs", ihk_get_num_reserved_cpus, ihk_query_cpu);
}

static int reserve_mem(int dev, const char *list)
{
	return with_mem(dev, list, "reserving memory", ihk_reserve_mem, NULL, NULL);
}

static int release_mem(int dev, const char *list)
{
	return with_mem(dev, list, "releasing memory", ihk_release_mem,
			ihk_get_num_reserved_mem_chunks, ihk_query_mem);
}

static int query_mem(int dev, const char *operand)
{
	(void)operand;
	return print_mem(dev, "querying memory", ihk_get_num_reserved_mem_chunks, ihk_query_mem);
}

static int create(int dev, const char *operand)
{
	int index = ihk_create_os(dev);

	(void)operand;
	if (index < 0)
		return refused("creating OS instance", NULL);
	printf("%d\n", index);
	return EXIT_DONE;
}

static int destroy(int dev, const char *operand)
{
	int index = ihk_parse_number(operand, ABI_MAX_OS - 1);

	if (index < 0)
		return usage_error("'%s' is no index of an instance (0 to %d)", operand,
				   ABI_MAX_OS - 1);
	return done(ihk_destroy_os(dev, index), "destroying OS instance", operand);
}

static int get_instances(int dev, const char *operand)
{
	int indices[ABI_MAX_OS];
	int i, count = ihk_get_num_os_instances(dev);

	(void)operand;
	if (count < 0 || ihk_get_os_instances(dev, indices, ABI_MAX_OS) < 0)
		return refused("getting OS instances", NULL);
	printf("%s", tool_json ? "{\"os_instances\":[" : "");
	for (i = 0; i < count && i < ABI_MAX_OS; i++)
		printf("%s%d", i ? "," : "", indices[i]);
	printf("%s\n", tool_json ? "]}" : "");
	return EXIT_DONE;
}

static int get_counters(int dev, const char *operand)
{
	struct ihk_machine_counters c;

	(void)operand;
	if (ihk_get_machine_counters(dev, &c) < 0)
		return refused("getting counters", NULL);
	print_counters((struct counter[]){ { "pages_reserved", c.pages_reserved },
					   { "pages_returned", c.pages_returned },
					   { "pages_late", c.pages_late },
					   { "pages_held", c.pages_held },
					   { "cpus_held", c.cpus_held },
					   { "instances", c.instances } },
		       6);
	return EXIT_DONE;
}

static int get_buildid(int dev, const char *operand)
{
	(void)operand;
	return print_build_id(dev, ihk_get_build_id);
}

static const struct verb verbs[] = {
	{ "reserve", "cpu", "a list of CPUs", reserve_cpu, false },
	{ "reserve", "mem", "a list of memory", reserve_mem, false },
	{ "release", "cpu", "a list of CPUs", release_cpu, false },
	{ "release", "mem", "a list of memory", release_mem, false },
	{ "query", "cpu", NULL, query_cpu, true },
	{ "query", "mem", NULL, query_mem, true },
	{ "create", NULL, NULL, create, false },
	{ "destroy", NULL, "the index of an instance", destroy, false },
	{ "get", "os_instances", NULL, get_instances, true },
	{ "get", "counters", NULL, get_counters, true },
	{ "get", "buildid", NULL, get_buildid, true },
	{ NULL, NULL, NULL, NULL, false },
};

int main(int argc, char **argv)
{
	static const struct tool tool = { "ihkconfig", "device number", 0, help, verbs };

	return tool_main(&tool, argc, argv);
}
