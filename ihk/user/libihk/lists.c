// SPDX-License-Identifier: GPL-2.0-only
/* Reads and writes lists of CPUs and memory, and IKC maps. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihk/lists.h"

#define CPU_MAX 8191
#define NODE_MAX 1023

/* A growing array of elements of one size. */
struct array {
	char *data;
	int count;
	size_t element;
};

static bool array_add(struct array *array, const void *element)
{
	char *data = reallocarray(array->data, array->count + 1, array->element);

	if (!data)
		return false;
	memcpy(data + array->count * array->element, element, array->element);
	array->data = data;
	array->count++;
	return true;
}

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, IHK_LIST_WHY, format, args);
	va_end(args);
	return -EINVAL;
}

/* Digits up to max at *text, which moves behind them; -1 if there is no such number. */
static long long read_number(const char **text, long long max)
{
	long long value = 0;

	if (!isdigit((unsigned char)**text))
		return -1;
	for (; isdigit((unsigned char)**text); (*text)++) {
		int digit = **text - '0';

		if (digit > max || value > (max - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	return value;
}

int ihk_parse_number(const char *text, int max)
{
	long long value = read_number(&text, max);

	return value < 0 || *text ? -EINVAL : (int)value;
}

typedef int (*item_fn)(struct array *array, const char *item, char *why);

/* Call fn for each piece of `text` between separators. */
static int for_each_item(struct array *array, const char *text, const char *separator, item_fn fn,
			 char *why)
{
	char *copy = strdup(text);
	char *rest = copy;
	char *item;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (item = strsep(&rest, separator)))
		err = *item ? fn(array, item, why) : refuse(why, "'%.60s' has an empty item", text);
	free(copy);
	return err;
}

static int parse(struct array *array, const char *text, const char *separator, item_fn fn,
		 char *why)
{
	int err = for_each_item(array, text, separator, fn, why);

	if (!err)
		return array->count;
	if (err == -ENOMEM)
		refuse(why, "out of memory");
	free(array->data);
	array->data = NULL;
	return err;
}

/* ---- CPUs ---- */

static int cpu_item(struct array *array, const char *item, char *why)
{
	const char *at = item;
	long long first = read_number(&at, CPU_MAX);
	long long last = first;
	int cpu;

	if (first >= 0 && *at == '-') {
		at++;
		last = read_number(&at, CPU_MAX);
	}
	if (first < 0 || last < 0 || *at)
		return refuse(why, "'%.60s' is no CPU (0 to %d) nor range of CPUs (as 2-5)", item,
			      CPU_MAX);
	if (last < first)
		return refuse(why, "'%.60s' is a descending range", item);
	for (cpu = first; cpu <= last; cpu++)
		if (!array_add(array, &cpu))
			return -ENOMEM;
	return 0;
}

int ihk_parse_cpus(const char *text, int **cpus, char why[IHK_LIST_WHY])
{
	struct array array = { .element = sizeof(**cpus) };
	int count = parse(&array, text, ",", cpu_item, why);

	*cpus = (int *)array.data;
	return count;
}

/* ---- memory ---- */

/* "512M", "all", "4194304": bytes, or 0 with a reason. */
static size_t read_size(const char *size, const char *item, char *why)
{
	static const char units[] = "kmgtpe";
	const char *at = size;
	const char *unit;
	long long value;

	if (!strcmp(size, "all") || !strcmp(size, "ALL"))
		return IHK_MEM_ALL;
	value = read_number(&at, 0x7fffffffffffffffLL);
	unit = *at ? strchr(units, tolower((unsigned char)*at)) : NULL;
	/* As IHK has it, only the first character of the unit counts: 512MB is 512M. */
	if (value < 0 || (*at && !unit) || at[strspn(at, "kmgtpeibKMGTPEIB")]) {
		refuse(why, "'%.60s' is no size (a number with k, M, G, T, P or E, or all)", item);
		return 0;
	}
	if (unit) {
		int shift = 10 * (unit - units + 1);

		if (value > 0x7fffffffffffffffLL >> shift) {
			refuse(why, "'%.60s' is larger than any memory", item);
			return 0;
		}
		value <<= shift;
	}
	if (!value || value % IHK_MEM_UNIT) {
		refuse(why, "'%.60s' is not a positive multiple of 4 MiB", item);
		return 0;
	}
	return value;
}

static int mem_item(struct array *array, const char *item, char *why)
{
	struct ihk_mem_chunk chunk = { .numa_node_number = 0 };
	const char *at = strchr(item, '@');
	char *size = at ? strndup(item, at - item) : strdup(item);

	if (!size)
		return -ENOMEM;
	chunk.size = read_size(size, item, why);
	free(size);
	if (!chunk.size)
		return -EINVAL;
	if (at)
		chunk.numa_node_number = ihk_parse_number(at + 1, NODE_MAX);
	if (chunk.numa_node_number < 0)
		return refuse(why, "'%.60s' names no node (0 to %d) behind the @", item, NODE_MAX);
	return array_add(array, &chunk) ? 0 : -ENOMEM;
}

int ihk_parse_mem(const char *text, struct ihk_mem_chunk **chunks, char why[IHK_LIST_WHY])
{
	struct array array = { .element = sizeof(**chunks) };
	int count = parse(&array, text, ",", mem_item, why);

	*chunks = (struct ihk_mem_chunk *)array.data;
	return count;
}

/* ---- IKC maps ---- */

static int map_item(struct array *array, const char *item, char *why)
{
	const char *colon = strchr(item, ':');
	struct ihk_ikc_cpu_map pair;
	char *sources;
	int *cpus;
	int i, count;

	pair.dst_cpu = colon ? ihk_parse_number(colon + 1, CPU_MAX) : -1;
	if (pair.dst_cpu < 0)
		return refuse(why, "'%.60s' is not CPUs of the LWK, a colon, and a CPU of Linux",
			      item);
	sources = strndup(item, colon - item);
	if (!sources)
		return -ENOMEM;
	count = ihk_parse_cpus(sources, &cpus, why);
	free(sources);
	if (count < 0)
		return count;
	for (i = 0; i < count; i++) {
		pair.src_cpu = cpus[i];
		if (!array_add(array, &pair))
			break;
	}
	free(cpus);
	return i == count ? 0 : -ENOMEM;
}

int ihk_parse_ikc_map(const char *text, struct ihk_ikc_cpu_map **map, char why[IHK_LIST_WHY])
{
	struct array array = { .element = sizeof(**map) };
	int count = parse(&array, text, "+", map_item, why);

	*map = (struct ihk_ikc_cpu_map *)array.data;
	return count;
}

/* ---- writing ---- */

char *ihk_format_cpus(const int *cpus, int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i, last;

	if (!out)
		return NULL;
	for (i = 0; i < count; i = last + 1) {
		for (last = i; last + 1 < count && cpus[last + 1] == cpus[last] + 1;)
			last++;
		fprintf(out, i ? ",%d" : "%d", cpus[i]);
		if (last > i)
			fprintf(out, "-%d", cpus[last]);
	}
	return fclose(out) ? NULL : text;
}

char *ihk_format_mem(const struct ihk_mem_chunk *chunks, int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i;

	if (!out)
		return NULL;
	for (i = 0; i < count; i++)
		fprintf(out, "%s%zu@%d", i ? "," : "", chunks[i].size, chunks[i].numa_node_number);
	return fclose(out) ? NULL : text;
}

/* The smallest destination above `above`, or -1. */
static int next_destination(const struct ihk_ikc_cpu_map *map, int count, int above)
{
	int i, best = -1;

	for (i = 0; i < count; i++)
		if (map[i].dst_cpu > above && (best < 0 || map[i].dst_cpu < best))
			best = map[i].dst_cpu;
	return best;
}

char *ihk_format_ikc_map(const struct ihk_ikc_cpu_map *map, int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *group = "";
	int i, to;

	if (!out)
		return NULL;
	for (to = next_destination(map, count, -1); to >= 0;
	     to = next_destination(map, count, to)) {
		const char *comma = "";

		fputs(group, out);
		for (i = 0; i < count; i++) {
			if (map[i].dst_cpu != to)
				continue;
			fprintf(out, "%s%d", comma, map[i].src_cpu);
			comma = ",";
		}
		fprintf(out, ":%d", to);
		group = "+";
	}
	return fclose(out) ? NULL : text;
}
