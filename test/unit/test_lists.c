// SPDX-License-Identifier: GPL-2.0-only
/* libihk's lists: what the command line accepts, refuses and prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ihk/lists.h"

#define MIB (1UL << 20)

/* Parses and prints again. */
static void cpus_are(const char *text, const char *expected)
{
	char why[IHK_LIST_WHY];
	int *cpus;
	int count = ihk_parse_cpus(text, &cpus, why);
	char *printed;

	assert_true(count > 0);
	printed = ihk_format_cpus(cpus, count);
	assert_string_equal(printed, expected);
	free(printed);
	free(cpus);
}

static void cpus_refused(const char *text, const char *piece)
{
	char why[IHK_LIST_WHY];
	int *cpus;

	assert_int_equal(ihk_parse_cpus(text, &cpus, why), -22);
	assert_null(cpus);
	assert_non_null(strstr(why, piece));
}

static void test_cpus(void **state)
{
	(void)state;
	cpus_are("0", "0");
	cpus_are("5-7,1,3", "5-7,1,3");
	cpus_are("1,2,3", "1-3");
	cpus_are("3,2,1", "3,2,1");
	cpus_are("4-4", "4");
	cpus_are("8191", "8191");
}

static void test_cpus_refused(void **state)
{
	(void)state;
	cpus_refused("", "empty");
	cpus_refused("1,,2", "'1,,2' has an empty item");
	cpus_refused("1,", "'1,' has an empty item");
	cpus_refused(",1", "empty");
	cpus_refused("1-", "'1-'");
	cpus_refused("-1", "'-1'");
	cpus_refused("3-1", "'3-1' is a descending range");
	cpus_refused("1-2-3", "'1-2-3'");
	cpus_refused("a", "'a'");
	cpus_refused("1 ", "'1 '");
	cpus_refused("+1", "'+1'");
	cpus_refused("0x1", "'0x1'");
	cpus_refused("8192", "'8192'");
	cpus_refused("99999999999999999999", "0 to 8191");
}

static void mem_is(const char *text, size_t size, int node)
{
	char why[IHK_LIST_WHY];
	struct ihk_mem_chunk *chunks;

	assert_int_equal(ihk_parse_mem(text, &chunks, why), 1);
	assert_int_equal(chunks[0].size, size);
	assert_int_equal(chunks[0].numa_node_number, node);
	free(chunks);
}

static void mem_refused(const char *text, const char *piece)
{
	char why[IHK_LIST_WHY];
	struct ihk_mem_chunk *chunks;

	assert_int_equal(ihk_parse_mem(text, &chunks, why), -22);
	assert_null(chunks);
	assert_non_null(strstr(why, piece));
}

static void test_mem(void **state)
{
	(void)state;
	mem_is("512M", 512 * MIB, 0);
	mem_is("512MB@1", 512 * MIB, 1);
	mem_is("512MiB", 512 * MIB, 0);
	mem_is("4194304@7", 4 * MIB, 7);
	mem_is("4096k", 4 * MIB, 0);
	mem_is("1g@0", 1024 * MIB, 0);
	mem_is("1T", 1024 * 1024 * MIB, 0);
	mem_is("4E", 4UL << 60, 0);
	mem_is("all", IHK_MEM_ALL, 0);
	mem_is("ALL@1", IHK_MEM_ALL, 1);
}

static void test_mem_refused(void **state)
{
	(void)state;
	mem_refused("", "empty");
	mem_refused("1G,,1G", "empty");
	mem_refused("@0", "'@0'");
	mem_refused("512M@", "'512M@' names no node");
	mem_refused("512M@x", "names no node");
	mem_refused("512M@-1", "names no node");
	mem_refused("512M@0@1", "names no node");
	mem_refused("0.5G", "'0.5G' is no size");
	mem_refused("1Z", "'1Z' is no size");
	mem_refused("-4M", "'-4M' is no size");
	mem_refused("all4", "'all4' is no size");
	mem_refused("511M", "'511M' is not a positive multiple of 4 MiB");
	mem_refused("536870911", "multiple of 4 MiB");
	mem_refused("0", "'0' is not a positive multiple");
	mem_refused("8E", "larger than any memory");
	mem_refused("99999999999999999999", "no size");
	mem_refused("9223372036854775807G", "larger than any memory");
}

static void test_mem_list(void **state)
{
	char why[IHK_LIST_WHY];
	struct ihk_mem_chunk *chunks;
	char *printed;

	(void)state;
	assert_int_equal(ihk_parse_mem("128M@0,128M@1", &chunks, why), 2);
	printed = ihk_format_mem(chunks, 2);
	assert_string_equal(printed, "134217728@0,134217728@1");
	free(printed);
	free(chunks);
	printed = ihk_format_mem(NULL, 0);
	assert_string_equal(printed, "");
	free(printed);
}

static void map_is(const char *text, int count, const char *expected)
{
	char why[IHK_LIST_WHY];
	struct ihk_ikc_cpu_map *map;
	char *printed;

	assert_int_equal(ihk_parse_ikc_map(text, &map, why), count);
	printed = ihk_format_ikc_map(map, count);
	assert_string_equal(printed, expected);
	free(printed);
	free(map);
}

static void map_refused(const char *text, const char *piece)
{
	char why[IHK_LIST_WHY];
	struct ihk_ikc_cpu_map *map;

	assert_int_equal(ihk_parse_ikc_map(text, &map, why), -22);
	assert_null(map);
	assert_non_null(strstr(why, piece));
}

static void test_map(void **state)
{
	(void)state;
	map_is("1,2,3:0+5,6,7:4", 6, "1,2,3:0+5,6,7:4");
	map_is("5-7:4+1-3:0", 6, "1,2,3:0+5,6,7:4");
	map_is("1:0+2:0", 2, "1,2:0");
	map_refused("", "empty");
	map_refused("1", "'1' is not");
	map_refused("1:", "'1:' is not");
	map_refused(":0", "empty item");
	map_refused("1:0+", "empty");
	map_refused("1:0:1", "'1:0:1'");
	map_refused("1-:0", "'1-'");
}

static void test_number(void **state)
{
	(void)state;
	assert_int_equal(ihk_parse_number("0", 63), 0);
	assert_int_equal(ihk_parse_number("63", 63), 63);
	assert_int_equal(ihk_parse_number("64", 63), -22);
	assert_int_equal(ihk_parse_number("", 63), -22);
	assert_int_equal(ihk_parse_number("-1", 63), -22);
	assert_int_equal(ihk_parse_number("1x", 63), -22);
	assert_int_equal(ihk_parse_number("1", 0), -22);
	assert_int_equal(ihk_parse_number("9", 5), -22);
	assert_int_equal(ihk_parse_number("00", 0), 0);
	assert_int_equal(ihk_parse_number(" 1", 63), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus),	 cmocka_unit_test(test_cpus_refused),
		cmocka_unit_test(test_mem),	 cmocka_unit_test(test_mem_refused),
		cmocka_unit_test(test_mem_list), cmocka_unit_test(test_map),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
