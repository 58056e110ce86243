// SPDX-License-Identifier: GPL-2.0-only
/* ihkosctl: gives an OS instance its resources and image, boots it and looks at it. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tool.h"

static const char help[] =
	"Usage: ihkosctl [--json] OS VERB [OPERAND]\n"
	"\n"
	"Controls the OS instance with index OS.\n"
	"\n"
	"  assign cpu LIST        give it reserved CPUs; their order is that of the LWK's CPUs\n"
	"  assign mem LIST        give it reserved memory (LIST as 512M@0 or all@0)\n"
	"  release cpu LIST       take CPUs from it; they stay reserved\n"
	"  release mem LIST|all   take memory from it, in sums of whole ranges\n"
	"  query cpu|mem          show what it has\n"
	"  query_free_mem         show what it has free, per NUMA node\n"
	"  set ikc_map MAP        which Linux CPUs serve it (MAP as 2,3:0+4-7:1)\n"
	"  load FILE              take FILE as its image\n"
	"  kargs STRING           set the kernel arguments for the next boot\n"
	"  boot                   start the image\n"
	"  shutdown               stop it; refused while programs run there\n"
	"  shutdown --force       end its programs, stop it whether it answers or not\n"
	"  kmsg                   show its log, also after its death\n"
	"  clear_kmsg             forget the log up to now\n"
	"  get status             INACTIVE, BOOTING, RUNNING, SHUTDOWN, PANIC or HUNGUP\n"
	"  get ikc_map            show which Linux CPUs serve it\n"
	"  get counters           show what it has done and holds\n"
	"  get buildid            show the boot ABI of its image\n"
	"\n"
	"  --json     (query, query_free_mem, get) as JSON\n"
	"  --help     this text\n"
	"  --version  the version\n"
	"\n"
	"Exit status: 0 done, 1 refused (one line says why), 2 wrong usage.\n";

static int assign_cpu(int os, const char *list)
{
	return with_cpus(os, list, "assigning CPUs", ihk_os_assign_cpu);
}

static int release_cpu(int os, const char *list)
{
	return with_cpus(os, list, "releasing CPUs", ihk_os_release_cpu);
}

static int query_cpu(int os, const char *operand)
{
	(void)operand;
	return print_cpus(os, "querying CPUs", ihk_os_get_num_assigned_cpus, ihk_os_query_cpu);
}

/* For "assign mem all": what is free on the machine. */
static int free_count(int os)
{
	(void)os;
	return ihk_get_num_reserved_mem_chunks(0);
}

static int free_query(int os, struct ihk_mem_chunk *chunks, int count)
{
	(void)os;
	return ihk_query_mem(0, chunks, count);
}

static int assign_mem(int os, const char *list)
{
	if (!strcasecmp(list, "all") && ihk_get_num_reserved_mem_chunks(0) == 0) {
		fprintf(stderr, "error: assigning memory: %s: no memory is reserved and free\n",
			list);
		return EXIT_REFUSED;
	}
	return with_mem(os, list, "assigning memory", ihk_os_assign_mem, free_count, free_query);
}

static int release_mem(int os, const char *list)
{
	return with_mem(os, list, "releasing memory", ihk_os_release_mem,
			ihk_os_get_num_assigned_mem_chunks, ihk_os_query_mem);
}

static int query_mem(int os, const char *operand)
{
	(void)operand;
	return print_mem(os, "querying memory", ihk_os_get_num_assigned_mem_chunks,
			 ihk_os_query_mem);
}

static int query_free_mem(int os, const char *operand)
{
	int status = ihk_os_get_status(os);

	(void)operand;
	if (status >= 0 && status != OS_RUNNING) {
		fprintf(stderr, "error: querying free memory: instance %d is %s, not RUNNING\n", os,
			ihk_os_status_name(status));
		return EXIT_REFUSED;
	}
	return print_mem(os, "querying free memory", ihk_os_get_num_free_mem_chunks,
			 ihk_os_query_free_mem);
}

static int set_ikc_map(int os, const char *text)
{
	char why[IHK_LIST_WHY];
	struct ihk_ikc_cpu_map *map;
	int count = ihk_parse_ikc_map(text, &map, why);
	int err;

	if (count < 0)
		return usage_error("%s", why);
	err = ihk_os_set_ikc_map(os, map, count);
	free(map);
	return done(err, "setting up IKC map", text);
}

static void print_map(const struct ihk_ikc_cpu_map *map, int count)
{
	char *text;
	int i;

	if (!tool_json) {
		text = ihk_format_ikc_map(map, count);
		printf("%s\n", text ? text : "");
		free(text);
		return;
	}
	printf("{\"ikc_map\":[");
	for (i = 0; i < count; i++)
		printf("%s{\"lwk_cpu\":%d,\"linux_cpu\":%d}", i ? "," : "", map[i].src_cpu,
		       map[i].dst_cpu);
	printf("]}\n");
}

static int get_ikc_map(int os, const char *operand)
{
	struct ihk_ikc_cpu_map map[ABI_MAX_CPUS];
	int count = ihk_os_get_num_ikc_map(os);

	(void)operand;
	if (count < 0 || ihk_os_get_ikc_map(os, map, ABI_MAX_CPUS) < 0)
		return refused("getting IKC map", NULL);
	print_map(map, count);
	return EXIT_DONE;
}

static int load(int os, const char *path)
{
	return done(ihk_os_load(os, path), "loading", path);
}

static int kargs(int os, const char *text)
{
	return done(ihk_os_kargs(os, text), "setting kernel arguments", NULL);
}

static int boot(int os, const char *operand)
{
	return done(ihk_os_boot(os), "booting", operand);
}

static int shut_down(int os, const char *operand)
{
	return done(ihk_os_shutdown(os), "shutting down", operand);
}

static int shut_down_by_force(int os, const char *operand)
{
	return done(ihk_os_shutdown_force(os), "shutting down", operand);
}

static int get_status(int os, const char *operand)
{
	int status = ihk_os_get_status(os);

	(void)operand;
	if (status < 0)
		return refused("getting status", NULL);
	printf(tool_json ? "{\"status\":\"%s\"}\n" : "%s\n", ihk_os_status_name(status));
	return EXIT_DONE;
}

static int kmsg(int os, const char *operand)
{
	ssize_t size = ihk_os_get_kmsg_size(os);
	char *text = size < 0 ? NULL : malloc(size);

	(void)operand;
	if (text)
		size = ihk_os_kmsg(os, text, size);
	if (!text || size < 0) {
		free(text);
		return refused("querying kmsg", NULL);
	}
	fwrite(text, 1, size, stdout);
	free(text);
	return EXIT_DONE;
}

static int clear_kmsg(int os, const char *operand)
{
	return done(ihk_os_clear_kmsg(os), "clearing kmsg", operand);
}

static int get_counters(int os, const char *operand)
{
	struct ihk_os_counters c;
	unsigned long clean = 0;
	int node;

	(void)operand;
	if (ihk_os_get_counters(os, &c) < 0)
		return refused("getting counters", NULL);
	for (node = 0; node < ABI_MAX_NODES; node++)
		clean += c.lwk.pages_clean_node[node];
	const struct counter list[] = {
		{ "pages_total", c.lwk.pages_total },
		{ "pages_free", c.lwk.pages_free },
		{ "pages_cache", c.lwk.pages_cache },
		{ "pages_clean", clean },
		{ "pages_user", c.lwk.pages_user },
		{ "pages_kernel", c.lwk.pages_kernel },
		{ "pages_quarantined", c.lwk.pages_quarantined },
		{ "pages_committed", c.lwk.pages_committed },
		{ "pages_commit_limit", c.lwk.pages_commit_limit },
		{ "processes_born", c.lwk.processes_born },
		{ "processes_ran", c.lwk.processes_ran },
		{ "processes_ended", c.lwk.processes_ended },
		{ "threads_born", c.lwk.threads_born },
		{ "threads_ended", c.lwk.threads_ended },
		{ "execs", c.lwk.execs },
		{ "signals", c.lwk.signals },
		{ "zaps", c.lwk.zaps },
		{ "oom_kills", c.lwk.oom_kills },
		{ "bad_messages", c.lwk.bad_messages },
		{ "calls_local", c.calls_local },
		{ "calls_offloaded", c.calls_offloaded },
		{ "faults", c.faults },
		{ "interrupts", c.interrupts },
		{ "doorbells_sent", c.doorbells_sent },
		{ "switches", c.switches },
		{ "pages_assigned", c.pages_assigned },
		{ "pages_in_quarantine", c.pages_in_quarantine },
		{ "proxies", c.proxies },
		{ "refused_messages", c.refused_messages },
		{ "boots", c.boots },
	};
	print_counters(list, sizeof(list) / sizeof(*list));
	return EXIT_DONE;
}

static int get_buildid(int os, const char *operand)
{
	(void)operand;
	return print_build_id(os, ihk_os_get_build_id);
}

static const struct verb verbs[] = {
	{ "assign", "cpu", "a list of CPUs", assign_cpu, false },
	{ "assign", "mem", "a list of memory", assign_mem, false },
	{ "release", "cpu", "a list of CPUs", release_cpu, false },
	{ "release", "mem", "a list of memory", release_mem, false },
	{ "query", "cpu", NULL, query_cpu, true },
	{ "query", "mem", NULL, query_mem, true },
	{ "query_free_mem", NULL, NULL, query_free_mem, true },
	{ "set", "ikc_map", "an IKC map", set_ikc_map, false },
	{ "get", "ikc_map", NULL, get_ikc_map, true },
	{ "get", "status", NULL, get_status, true },
	{ "get", "counters", NULL, get_counters, true },
	{ "get", "buildid", NULL, get_buildid, true },
	{ "load", NULL, "the image's path", load, false },
	{ "kargs", NULL, "the string of arguments", kargs, false },
	{ "boot", NULL, NULL, boot, false },
	{ "shutdown", "--force", NULL, shut_down_by_force, false },
	{ "shutdown", NULL, NULL, shut_down, false },
	{ "kmsg", NULL, NULL, kmsg, false },
	{ "clear_kmsg", NULL, NULL, clear_kmsg, false },
	{ NULL, NULL, NULL, NULL, false },
};

int main(int argc, char **argv)
{
	static const struct tool tool = { "ihkosctl", "index of an instance", ABI_MAX_OS - 1, help,
					  verbs };

	return tool_main(&tool, argc, argv);
}
