/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test program in C needs to speak TAP:
 *
 *	plan(2);
 *	ok(fd >= 0, "open %s", path);
 *	is(n, 42, "the answer");
 *	return tap_end();
 *
 * Output is flushed line by line, in each process; only one may count.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	int planned;
	int run;
	int failed;
} tap;

/* Says how many tests there will be. */
static inline void plan(int count)
{
	tap.planned = count;
	printf("1..%d\n", count);
	fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool pass, const char *file,
								int line, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap.run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!pass) {
		tap.failed++;
		printf("# %s:%d, errno %d (%s)\n", file, line, err, strerror(err));
	}
	fflush(stdout);
	return pass;
}

/* One test: ok(condition, "name", ...). */
#define ok(cond, ...) tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

/* One test that two integers are equal; says both if not. */
#define is(got, want, ...)                                                                         \
	do {                                                                                       \
		long long tap_got = (long long)(got), tap_want = (long long)(want);                \
		if (!tap_ok(tap_got == tap_want, __FILE__, __LINE__, __VA_ARGS__))                 \
			note("got %lld (%#llx), want %lld (%#llx)", tap_got,                       \
			     (unsigned long long)tap_got, tap_want, (unsigned long long)tap_want); \
	} while (0)

/* A test that cannot run; counts as failed unless it begins with "machine:". */
#define skip(why) (printf("ok %d # SKIP %s\n", ++tap.run, why), fflush(stdout))

/* Gives up: nothing that follows makes sense. */
#define bail(...)                                   \
	do {                                        \
		printf("Bail out! ");               \
		printf(__VA_ARGS__);                \
		printf(" (%s)\n", strerror(errno)); \
		fflush(stdout);                     \
		exit(1);                            \
	} while (0)

/* The exit status; prints the plan if plan() was not called. */
static inline int tap_end(void)
{
	if (!tap.planned)
		plan(tap.run);
	return tap.failed || tap.run != tap.planned;
}

#endif
