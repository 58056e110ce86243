// SPDX-License-Identifier: GPL-2.0-only
/* The LWK's formats against the C library's, its arguments, its lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mck/lib.h"
#include "mck/list.h"

/* The same format and value by both; the same text, cut to the same size, and the same length. */
#define SAME(size, fmt, value)                                           \
	do {                                                             \
		char ours[128], theirs[128];                             \
		int n = snprintf_(ours, size, fmt, value);               \
		assert_int_equal(n, snprintf(theirs, size, fmt, value)); \
		assert_string_equal(ours, theirs);                       \
	} while (0)

static const u64 numbers[] = {
	0,
	1,
	7,
	9,
	10,
	4095,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x123456789abcdef0,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffffffffffff,
};

static void test_numbers(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
		u64 v = numbers[i];

		SAME(100, "%d", (int)v);
		SAME(100, "%u", (unsigned int)v);
		SAME(100, "%x", (unsigned int)v);
		SAME(100, "%ld", (long)v);
		SAME(100, "%lu", v);
		SAME(100, "%lx", v);
		SAME(100, "%lX", v);
		SAME(100, "%lo", v);
		SAME(100, "%zu", (size_t)v);
		SAME(100, "%llu", (unsigned long long)v);
		SAME(100, "%016lx", v);
		SAME(100, "%06ld", (long)v);
		SAME(100, "%-24ld|", (long)v);
		SAME(100, "%24ld|", (long)v);
		SAME(100, "%+ld", (long)v);
		SAME(100, "%.5ld", (long)v);
		SAME(100, "%8.5ld|", (long)v);
		SAME(4, "%lx", v);
	}
	SAME(100, "%p", (void *)0xffff800012345678);
	SAME(100, "%#lx", 0x1234UL);
}

static void test_text(void **state)
{
	char tiny[1] = { 'x' };

	(void)state;
	SAME(100, "<%s>", "word");
	SAME(100, "<%10s>", "word");
	SAME(100, "<%-10s>", "word");
	SAME(100, "<%.2s>", "word");
	SAME(100, "<%c>", 'c');
	SAME(100, "%d%%", 5);
	SAME(3, "%s", "longer");
	assert_int_equal(snprintf_(tiny, 0, "%s", "nothing is written"), 18);
	assert_int_equal(tiny[0], 'x');
	assert_int_equal(snprintf_(tiny, 1, "%s", "only the end"), 12);
	assert_int_equal(tiny[0], '\0');
}

static void test_random_numbers(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		u64 v = ((u64)random() << 42 ^ (u64)random() << 21 ^ (u64)random()) >>
			random() % 64;
		size_t size = 1 + random() % 30;

		SAME(size, "%ld", (long)v);
		SAME(size, "%20lx", v);
		SAME(size, "%020lu", v);
	}
}

static void test_kargs(void **state)
{
	char value[8];

	(void)state;
	assert_false(karg_get("poison", NULL, 0));
	kargs_init("hidos  selftest=panic poison long=123456789 empty= last");
	assert_true(karg_get("poison", NULL, 0));
	assert_true(karg_get("selftest", value, sizeof(value)));
	assert_string_equal(value, "panic");
	assert_true(karg_get("long", value, sizeof(value)));
	assert_string_equal(value, "1234567");
	assert_true(karg_get("empty", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(karg_get("last", value, sizeof(value)));
	assert_string_equal(value, "");
	/* Neither a part of a name nor a value is a name. */
	assert_false(karg_get("self", value, sizeof(value)));
	assert_false(karg_get("panic", value, sizeof(value)));
	assert_false(karg_get("lastly", value, sizeof(value)));
}

struct item {
	int number;
	struct list link;
};

static void test_lists(void **state)
{
	struct list head;
	struct item items[5], *i, *next;
	int expected = 0;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	for (int n = 0; n < 5; n++) {
		items[n].number = n;
		list_add_tail(&head, &items[n].link);
	}
	list_for_each(i, &head, link)
		assert_int_equal(i->number, expected++);
	assert_int_equal(expected, 5);
	list_del(&items[2].link);
	list_del(&items[2].link); /* harmless */
	list_for_each_safe(i, next, &head, link) {
		assert_int_not_equal(i->number, 2);
		list_del(&i->link);
	}
	assert_true(list_empty(&head));
	list_add(&head, &items[0].link);
	list_add(&head, &items[1].link);
	assert_ptr_equal(list_entry(head.next, struct item, link), &items[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	       cmocka_unit_test(test_text),
		cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_kargs),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
