// SPDX-License-Identifier: GPL-2.0-only
/* Command line, errors and output of ihkconfig and ihkosctl. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/contract.h"
#include "tool.h"

bool tool_json;
static const char *tool_name;

int usage_error(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", tool_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (see %s --help)\n", tool_name);
	return EXIT_USAGE;
}

int refused(const char *what, const char *operand)
{
	fprintf(stderr, "error: %s: %s%s%s\n", what, operand ? operand : "", operand ? ": " : "",
		ihk_refusal());
	return EXIT_REFUSED;
}

int done(int ret, const char *what, const char *operand)
{
	return ret < 0 ? refused(what, operand) : EXIT_DONE;
}

/* ---- the command line ---- */

static const struct verb *verb_find(const struct tool *tool, const char *name, const char *target)
{
	const struct verb *verb;

	for (verb = tool->verbs; verb->name; verb++)
		if (!strcmp(verb->name, name) &&
		    (!verb->target || (target && !strcmp(verb->target, target))))
			return verb;
	return NULL;
}

static int verb_unknown(const struct tool *tool, const char *name, const char *target)
{
	const struct verb *verb;

	for (verb = tool->verbs; verb->name; verb++) {
		if (strcmp(verb->name, name))
			continue;
		if (!target)
			return usage_error("%s: what to %s is missing", name, name);
		return usage_error("%s: '%s' is unknown", name, target);
	}
	return usage_error("unknown verb '%s'", name);
}

/* argv: index, verb, [target], [operand] */
static int verb_run(const struct tool *tool, int argc, char **argv)
{
	int index = ihk_parse_number(argv[0], tool->index_max);
	const struct verb *verb;
	int used;

	if (index < 0)
		return usage_error("'%s' is no %s (0 to %d)", argv[0], tool->index_name,
				   tool->index_max);
	if (argc < 2)
		return usage_error("a verb is missing");
	verb = verb_find(tool, argv[1], argv[2]);
	if (!verb)
		return verb_unknown(tool, argv[1], argv[2]);
	used = verb->target ? 3 : 2;
	/* Also behind a query, where one expects it. */
	if (verb->has_json && argc == used + 1 && !strcmp(argv[used], "--json")) {
		tool_json = true;
		argc--;
	}
	if (tool_json && !verb->has_json)
		return usage_error("%s takes no --json", verb->name);
	if (verb->operand && argc == used)
		return usage_error("%s: %s is missing", verb->name, verb->operand);
	used += verb->operand ? 1 : 0;
	if (argc > used)
		return usage_error("%s: '%s' is too much", verb->name, argv[used]);
	return verb->run(index, verb->operand ? argv[used - 1] : NULL);
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{},
	};
	int option, status;

	tool_name = tool->name;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
		switch (option) {
		case 'h':
			fputs(tool->help, stdout);
			return EXIT_DONE;
		case 'v':
			printf("%s (mckernel), boot ABI %u\n", tool->name, ABI_VERSION);
			return EXIT_DONE;
		case 'j':
			tool_json = true;
			break;
		default:
			return usage_error("unknown option '%s'", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return usage_error("%s is missing", tool->index_name);
	status = verb_run(tool, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "error: writing: %s\n", strerror(errno));
		return EXIT_REFUSED;
	}
	return status;
}

/* ---- lists in ---- */

int with_cpus(int index, const char *list, const char *what, int (*fn)(int, const int *, int))
{
	char why[IHK_LIST_WHY];
	int *cpus;
	int count = ihk_parse_cpus(list, &cpus, why);
	int err;

	if (count < 0)
		return usage_error("%s", why);
	err = fn(index, cpus, count);
	free(cpus);
	return done(err, what, list);
}

/* One "all" per node that has some; 0 if there is nothing. */
static int all_nodes(int index, struct ihk_mem_chunk **chunks, int (*count)(int),
		     int (*query)(int, struct ihk_mem_chunk *, int))
{
	int found = count(index);
	int i, j, nodes = 0;

	*chunks = NULL;
	if (found <= 0)
		return found;
	*chunks = calloc(found, sizeof(**chunks));
	if (!*chunks || query(index, *chunks, found) < 0)
		return -errno;
	for (i = 0; i < found; i++) {
		for (j = 0; j < nodes; j++)
			if ((*chunks)[j].numa_node_number == (*chunks)[i].numa_node_number)
				break;
		if (j < nodes)
			continue;
		(*chunks)[nodes].numa_node_number = (*chunks)[i].numa_node_number;
		(*chunks)[nodes++].size = IHK_MEM_ALL;
	}
	return nodes;
}

int with_mem(int index, const char *list, const char *what,
	     int (*fn)(int, const struct ihk_mem_chunk *, int), int (*count)(int),
	     int (*query)(int, struct ihk_mem_chunk *, int))
{
	bool is_all = count && (!strcmp(list, "all") || !strcmp(list, "ALL"));
	char why[IHK_LIST_WHY];
	struct ihk_mem_chunk *chunks;
	int found, err = 0;

	found = is_all ? all_nodes(index, &chunks, count, query)
		       : ihk_parse_mem(list, &chunks, why);
	if (found < 0 && !is_all)
		return usage_error("%s", why);
	if (found < 0)
		err = found;
	else if (found)
		err = fn(index, chunks, found);
	free(chunks);
	return done(err, what, list);
}

/* ---- lists out ---- */

int print_cpus(int index, const char *what, int (*count)(int), int (*query)(int, int *, int))
{
	int found = count(index);
	int *cpus = found < 0 ? NULL : calloc(found + 1, sizeof(*cpus));
	char *text;
	int i;

	if (!cpus || query(index, cpus, found) < 0) {
		free(cpus);
		return refused(what, NULL);
	}
	/* Another tool may have taken some meanwhile. */
	while (found && cpus[found - 1] < 0)
		found--;
	if (tool_json) {
		printf("{\"cpus\":[");
		for (i = 0; i < found; i++)
			printf("%s%d", i ? "," : "", cpus[i]);
		printf("]}\n");
	} else {
		text = ihk_format_cpus(cpus, found);
		printf("%s\n", text ? text : "");
		free(text);
	}
	free(cpus);
	return EXIT_DONE;
}

int print_mem(int index, const char *what, int (*count)(int),
	      int (*query)(int, struct ihk_mem_chunk *, int))
{
	int found = count(index);
	struct ihk_mem_chunk *chunks = found < 0 ? NULL : calloc(found + 1, sizeof(*chunks));
	char *text;
	int i;

	if (!chunks || query(index, chunks, found) < 0) {
		free(chunks);
		return refused(what, NULL);
	}
	while (found && chunks[found - 1].numa_node_number < 0)
		found--;
	if (tool_json) {
		printf("{\"memory\":[");
		for (i = 0; i < found; i++)
			printf("%s{\"bytes\":%zu,\"node\":%d}", i ? "," : "", chunks[i].size,
			       chunks[i].numa_node_number);
		printf("]}\n");
	} else {
		text = ihk_format_mem(chunks, found);
		printf("%s\n", text ? text : "");
		free(text);
	}
	free(chunks);
	return EXIT_DONE;
}

void print_counters(const struct counter *counters, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		const char *json = i ? ",\"%s\":%llu" : "{\"%s\":%llu";

		printf(tool_json ? json : "%s %llu\n", counters[i].name,
		       (unsigned long long)counters[i].value);
	}
	if (tool_json)
		printf("}\n");
}

int print_build_id(int index, int (*get)(int, struct ihk_build_id *))
{
	struct ihk_build_id id;

	if (get(index, &id) < 0)
		return refused("getting build-id", NULL);
	printf(tool_json ? "{\"buildid\":\"%llu-%016llx\"}\n" : "%llu-%016llx\n",
	       (unsigned long long)id.abi_version, (unsigned long long)id.abi_hash);
	return EXIT_DONE;
}
