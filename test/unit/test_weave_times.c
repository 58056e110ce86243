// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time that the module reads by ihk/twin/times.c while a thread goes in and out
 * of its program and counts by mckernel/task/runq.h: never more than has passed.
 */
#include "task/runq.h"

#include "weave.h"

void ihk_times_read(const struct thread_times *t, u64 *user, u64 *system);
u64 get_cycles(void);

static struct thread thread;
static u64 now; /* cycles, as both kernels read them */
static u64 entered,
	in_user; /* when the program began to run, 0: it does not; what it has run before */

u64 arch_cycles(void)
{
	return __atomic_add_fetch(&now, 10, __ATOMIC_SEQ_CST);
}

/* The module's. */
u64 get_cycles(void)
{
	return arch_cycles();
}

static void setup(void)
{
	memset(&thread, 0, sizeof(thread));
	now = in_user = entered = 0;
	thread_stamp(&thread, 0);
}

static void program(void)
{
	for (int i = 0; i < 2; i++) {
		if (!entered)
			entered = now;
		thread_charge(&thread, &thread.times.system_cycles, TIMES_IN_USER);
		thread_charge(&thread, &thread.times.user_cycles, 0);
		in_user += now - entered;
		entered = 0;
	}
}

static void reader(void)
{
	u64 user, system, most;

	for (int i = 0; i < 2; i++) {
		ihk_times_read(&thread.times, &user, &system);
		most = in_user + (entered ? now - entered : 0);
		weave_assert(user + system <= now);
		weave_assert(user <= most);
	}
}

static void check(void)
{
	u64 user, system;

	ihk_times_read(&thread.times, &user, &system);
	weave_assert(user == thread.times.user_cycles && user > 0 && system > 0);
}

static const struct weave_case cases[] = {
	{ "read while it runs", NULL, setup, { program, reader }, check, 4 },
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
