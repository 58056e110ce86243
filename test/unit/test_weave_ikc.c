// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls and lcalls with both kernels' own code, mckernel/ikc/ikc.c, ihk/os/ikc.c and call.c:
 * what was asked is what is served, once, and the answer is its own.
 */
#include <stdlib.h>

#include "../../mckernel/arch/fake/fake.h"
#include "mck/ikc.h"
#include "mck/lib.h"
#include "mck/mm.h"
#include "mck/task.h"

#include "weave.h"
#include "weave_ikc.h"

struct ring *to_lwk, *to_linux;
struct ikc_call ikc_calls[IKC_CALLS];
struct ikc_lcall ikc_lcalls[IKC_LCALLS];

/* ---- the kernel around mckernel/ikc/ikc.c ---- */

/* Nobody waits for a free lcall, of so many: the conditions here only look. */
int wait_for(bool (*cond)(void *arg), void *arg, bool interruptible)
{
	(void)interruptible;
	if (!cond(arg))
		weave_wait(WEAVE_BLOCKED, cond, arg);
	return 0;
}

static void relax(void)
{
	weave_wait_change(WEAVE_BLOCKED, weave_look());
}

void arch_ring_linux(void)
{
}

void sched_watch(void)
{
}

void sched_wake_at(u64 cycles)
{
	(void)cycles;
}

void wake_all_cpus(void)
{
}

bool panic_begun(void)
{
	return false;
}

u64 cycles_to_ns(u64 cycles)
{
	return cycles;
}

bool sched_kthread(void (*work)(void *arg), void *arg)
{
	(void)work;
	(void)arg;
	return false;
}

/* The actors with these numbers are LWK CPUs; the others never ask. */
static void on_switch(int actor)
{
	fake_be_cpu(actor >= 0 && actor < PLACES ? (u32)actor : 0);
}

/* ---- what is asked, and what comes of it ---- */

#define TAGS 8
static unsigned int served[TAGS]; /* lcalls, by the tag in them */

/* An lcall says the same in all its words. */
abi_s64 lcall_served(abi_u32 op, const abi_u64 arg[IKC_LCALL_ARGS])
{
	u64 tag = arg[0];

	weave_assert(tag < TAGS && op == tag + 100);
	for (u32 i = 1; i < IKC_LCALL_ARGS; i++)
		weave_assert(arg[i] == tag * 10 + i);
	served[tag]++;
	return (s64)tag + 1000;
}

static void fill(u64 arg[IKC_LCALL_ARGS], u64 tag)
{
	arg[0] = tag;
	for (u32 i = 1; i < IKC_LCALL_ARGS; i++)
		arg[i] = tag * 10 + i;
}

static void ask(u64 tag)
{
	u64 arg[IKC_LCALL_ARGS];

	fill(arg, tag);
	weave_assert(ikc_lcall((enum lcall_op)(tag + 100), arg) == (s64)tag + 1000);
}

static void tell(u64 tag)
{
	u64 arg[IKC_LCALL_ARGS];

	fill(arg, tag);
	weave_assert(ikc_lcall_async((enum lcall_op)(tag + 100), arg));
}

static void prepare(void)
{
	weave_on_switch = on_switch;
	/* Apart from the data, all of which is copied for each run. */
	to_lwk = calloc(2 * PLACES, sizeof(struct ring));
	to_linux = to_lwk + PLACES;
	fake_start(4UL << 20, 1, PLACES, "");
	fake_relax = relax;
	boot_params->calls = (u64)ikc_calls;
	boot_params->lcalls = (u64)ikc_lcalls;
	boot_params->bulks = (u64)ikc_calls; /* none are used */
	for (u32 i = 0; i < PLACES; i++) {
		boot_params->cpus[i].to_lwk = (u64)&to_lwk[i];
		boot_params->cpus[i].to_linux = (u64)&to_linux[i];
	}
	ikc_init();
}

static void setup(void)
{
	for (u32 i = 0; i < 2 * PLACES; i++)
		to_lwk[i].head = to_lwk[i].tail = 0;
	linux_prepare(boot_params);
}

/* ---- lcalls of two CPUs ---- */

/* The first one has been used, left to nobody, and answered. */
static void setup_left(void)
{
	setup();
	tell(0);
	linux_serve();
	weave_assert(served[0] == 1);
}

static void tell_1(void)
{
	tell(1);
}

static void tell_2(void)
{
	tell(2);
}

static void ask_2(void)
{
	ask(2);
}

static void check_two(void)
{
	weave_assert(served[1] == 1 && served[2] == 1);
	weave_assert(!linux_bad());
}

/* ---- a corrupt LWK sends a word once more ---- */

static void ask_1_2(void)
{
	ask(1);
	ask(2);
}

static void send_again(void)
{
	ikc_send(IKC_WORD(IKC_LCALL, 0, 0), true);
}

static void check_again(void)
{
	weave_assert(served[1] == 1 && served[2] == 1);
}

/* ---- calls, one of which is given up ---- */

/* Answers with what it was asked. */
static void serve(u32 index, const struct ikc_call *call)
{
	u64 tag = call->arg[0], out[IKC_CALL_OUTS];

	weave_assert(call->op == tag);
	for (u32 i = 0; i < IKC_CALL_ARGS; i++)
		weave_assert(call->arg[i] == tag + i);
	for (u32 i = 0; i < IKC_CALL_OUTS; i++)
		out[i] = tag + 10 + i;
	ikc_answer(index, (s64)tag, out, IKC_CALL_OUTS);
}

static void setup_calls(void)
{
	setup();
	for (u32 op = 0; op < TAGS; op++)
		ikc_set_handler((enum call_op)op, serve);
}

static bool has_call(void *arg)
{
	(void)arg;
	return !ring_empty(&to_lwk[0]);
}

static void lwk_cpu(void)
{
	for (;;) {
		weave_wait(WEAVE_IDLE, has_call, NULL);
		ikc_poll();
	}
}

static void call_2_4(void)
{
	linux_call(2, 1);
	linux_call(4, 0);
}

static void call_6(void)
{
	linux_call(6, 0);
}

static void kill_1(void)
{
	linux_kill(1);
}

static void check_calls(void)
{
	weave_assert(!linux_bad() && !linux_calls());
}

/* ---- a call to an instance that is stopped ---- */

static void setup_stopped(void)
{
	setup_calls();
	linux_stopped();
}

#define CASE(text, bound, before, after, ...)                        \
	{                                                            \
		text, prepare, before, { __VA_ARGS__ }, after, bound \
	}

static const struct weave_case cases[] = {
	CASE("two leave lcalls", 2, setup_left, check_two, tell_1, tell_2, linux_cpu),
	CASE("one leaves, one waits", 2, setup_left, check_two, tell_1, ask_2, linux_cpu),
	CASE("a word comes twice", 2, setup, check_again, ask_1_2, send_again, linux_interrupts,
	     linux_worker),
	CASE("a call is given up", 2, setup_calls, check_calls, lwk_cpu, call_2_4, kill_1,
	     linux_interrupts),
	CASE("a call comes before a boot", 2, setup_stopped, check_calls, linux_call_dead,
	     linux_boot),
	CASE("two call", 2, setup_calls, check_calls, lwk_cpu, call_2_4, call_6, linux_interrupts),
};

int main(int argc, char **argv)
{
	return weave_main(cases, ARRAY_SIZE(cases), argc, argv);
}
