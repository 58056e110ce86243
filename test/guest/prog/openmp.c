/* SPDX-License-Identifier: GPL-2.0-only */
/* OpenMP by libgomp: schedules, tasks, nested regions, reductions, locks; results that depend on no order. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "prog.h"

#define N 20000

static long values[N];

static void check_values(long factor)
{
	for (long i = 0; i < N; i++)
		NEED(values[i] == i * factor);
}

/* All iterations run once, whatever the schedule; each thread has some of a static one. */
static void schedules(void)
{
	int some = 0;

	memset(values, 0, sizeof(values));
#pragma omp parallel
	{
		bool mine = false;

#pragma omp for schedule(static)
		for (long i = 0; i < N; i++) {
			values[i] += i;
			mine = true;
		}
#pragma omp atomic
		some += mine;
	}
	CHECK(some == omp_get_max_threads());
	check_values(1);
#pragma omp parallel for schedule(dynamic, 7)
	for (long i = 0; i < N; i++)
		values[i] += i;
	check_values(2);
#pragma omp parallel for schedule(guided)
	for (long i = 0; i < N; i++)
		values[i] += i;
	check_values(3);
#pragma omp parallel for schedule(runtime)
	for (long i = 0; i < N; i++)
		values[i] += i;
	check_values(4);
}

static void reductions(void)
{
	long sum = 0, max = 0, bits = 0;

	for (int n = 0; n < 100; n++) {
#pragma omp parallel for reduction(+ : sum) reduction(max : max) reduction(| : bits)
		for (long i = 0; i < 1000; i++) {
			sum += i;
			max = i > max ? i : max;
			bits |= i;
		}
	}
	say("sum %ld, max %ld, bits %ld", sum, max, bits);
}

static long fib(int n)
{
	long a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a) if (n > 10)
	a = fib(n - 1);
#pragma omp task shared(b) if (n > 10)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

static void tasks(void)
{
	long result = 0;
	int order[4] = { 0 };

#pragma omp parallel
#pragma omp single
	result = fib(17);
	say("fib %ld", result);
	/* Each depends on the one before. */
#pragma omp parallel
#pragma omp single
	for (int i = 1; i < 4; i++) {
#pragma omp task depend(in : order[i - 1]) depend(out : order[i])
		order[i] = order[i - 1] + i;
	}
	say("order %d", order[3]);
}

static void nested(void)
{
	int count = 0, levels = 0;

	omp_set_max_active_levels(2);
#pragma omp parallel num_threads(3)
	{
#pragma omp parallel num_threads(4)
		{
#pragma omp atomic
			count++;
#pragma omp atomic
			levels += omp_get_level();
		}
	}
	say("%d threads, levels %d", count, levels);
}

/* Barriers, single, sections, critical and locks. */
static void turns(void)
{
	int in_order = 0, singles = 0, sections = 0, inside = 0, holders = 0;
	omp_lock_t lock;
	int threads = 0;

	omp_init_lock(&lock);
#pragma omp parallel
	{
#pragma omp single
		threads = omp_get_num_threads();
		for (int n = 0; n < 50; n++) {
#pragma omp atomic
			in_order++;
#pragma omp barrier
			CHECK(in_order == threads * (n + 1));
#pragma omp barrier
#pragma omp single nowait
			singles++;
#pragma omp critical
			{
				CHECK(inside++ == 0);
				inside--;
			}
			omp_set_lock(&lock);
			CHECK(holders++ == 0);
			holders--;
			omp_unset_lock(&lock);
		}
#pragma omp sections
		{
#pragma omp section
#pragma omp atomic
			sections++;
#pragma omp section
#pragma omp atomic
			sections++;
		}
	}
	omp_destroy_lock(&lock);
	CHECK(threads == omp_get_max_threads());
	say("singles %d, sections %d", singles, sections);
}

/* A product of matrices, each element by the one thread that owns it. */
static void product(void)
{
	enum { SIDE = 96 };
	static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
	double trace = 0;

	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			a[i][j] = i + j;
			b[i][j] = i - j;
		}
#pragma omp parallel for collapse(2)
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++)
			for (int k = 0; k < SIDE; k++)
				c[i][j] += a[i][k] * b[k][j];
	for (int i = 0; i < SIDE; i++)
		trace += c[i][i];
	say("trace %.0f", trace);
}

static const struct prog_case cases[] = {
	{ "schedules", schedules }, { "reductions", reductions }, { "tasks", tasks },
	{ "nested", nested },	    { "turns", turns },		  { "product", product },
};
PROG_MAIN(cases)
