// SPDX-License-Identifier: GPL-2.0-only
/* Linux's side of the test of calls and lcalls: ihk/os/ikc.c, call.c and who stands around it. */
#include "linux_fake.h"

#include "object/object.h"
#include "os/os.h"
#include "weave_ikc.h"

static struct ihk_os os;

void linux_prepare(struct lwk_boot_params *params)
{
	os = (struct ihk_os){ .params = params, .calls = ikc_calls, .lcalls = ikc_lcalls };
	os.cpu_count = PLACES;
	os.running = true;
	for (int i = 0; i < PLACES; i++) {
		os.to_lwk[i] = &to_lwk[i];
		os.to_linux[i] = &to_linux[i];
	}
	if (ihk_ikc_make(&os))
		weave_fail("ihk_ikc_make");
}

static int place_of_current(struct ihk_os *instance)
{
	(void)instance;
	return -1;
}

static bool has_words(void *arg)
{
	(void)arg;
	for (int i = 0; i < PLACES; i++)
		if (!ring_empty(&to_linux[i]))
			return true;
	return false;
}

static bool has_any(void *arg)
{
	return has_words(arg) || fake_work_due(arg);
}

static void drain(void)
{
	for (int i = 0; i < PLACES; i++)
		if (!ring_empty(&to_linux[i]))
			ihk_ikc_drain(&os, i);
}

void linux_interrupts(void)
{
	for (;;) {
		weave_wait(WEAVE_IDLE, has_words, NULL);
		drain();
	}
}

/* Both by one CPU. */
void linux_cpu(void)
{
	for (;;) {
		weave_wait(WEAVE_IDLE, has_any, NULL);
		linux_serve();
	}
}

void linux_worker(void)
{
	fake_worker();
}

void linux_serve(void)
{
	drain();
	while (fake_work())
		continue;
}

void linux_call(abi_u64 tag, int killable)
{
	struct ihk_call c = { .op = (u32)tag };
	int err;

	for (unsigned int i = 0; i < IKC_CALL_ARGS; i++)
		c.arg[i] = tag + i;
	err = ihk_call(&os, tag % PLACES, &c, killable);
	if (killable && err == -EINTR)
		return;
	weave_assert(!err);
	weave_assert((abi_u64)c.ret == tag);
	for (unsigned int i = 0; i < IKC_CALL_OUTS; i++)
		weave_assert(c.out[i] == tag + 10 + i);
}

void linux_stopped(void)
{
	os.running = false;
}

void linux_call_dead(void)
{
	struct ihk_call c = { .op = 1 };

	weave_assert(ihk_call(&os, 0, &c, true) == -EIO);
}

void linux_boot(void)
{
	mutex_lock(&os.lock);
	ihk_ikc_reset(&os);
	mutex_unlock(&os.lock);
}

void linux_kill(int actor)
{
	fake_kill(actor);
}

unsigned int linux_calls(void)
{
	return fake_downs;
}

unsigned int linux_bad(void)
{
	return ihk_ikc_bad(&os);
}

/* ---- the rest of the module ---- */

static s64 lcall(struct ihk_os *instance, u32 op, const u64 *arg)
{
	abi_u64 copy[IKC_LCALL_ARGS];

	(void)instance;
	for (unsigned int i = 0; i < IKC_LCALL_ARGS; i++)
		copy[i] = arg[i];
	return lcall_served(op, copy);
}

void ihk_ring_lwk(struct ihk_os *instance, int place)
{
	(void)instance;
	(void)place;
}

static void twin_request(struct ihk_os *instance, u32 index, u32 gen)
{
	(void)instance;
	(void)index;
	(void)gen;
}

const struct ihk_up ihk_up = {
	.lcall = lcall,
	.twin_request = twin_request,
	.place_of_current = place_of_current,
};

void ihk_os_condemn(struct ihk_os *instance, enum os_status verdict)
{
	(void)instance;
	(void)verdict;
	weave_fail("the instance is condemned");
}
