// SPDX-License-Identifier: GPL-2.0-only
/* Signal state: masks, what Linux is told, alternate stacks, entering a handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mck/errno.h"
#include "mck/signal.h"
#include "process_fake.h"

#define SIGINT 2
#define SIGUSR1 10

static struct sigframe_args pushed;
static int push_result;

int arch_sigframe_push(struct thread *t, const struct sigframe_args *args)
{
	assert_ptr_equal(t, &fake_thread);
	pushed = *args;
	return push_result;
}

static int reset(void **state)
{
	(void)state;
	fake_reset();
	push_result = 0;
	memset(&pushed, 0, sizeof(pushed));
	return 0;
}

static void test_handler_mask(void **state)
{
	struct ksigaction a = { .handler = 0x1000, .mask = SIGBIT(SIGINT) | SIGBIT(SIGKILL) };

	(void)state;
	assert_int_equal(signal_handler_mask(SIGBIT(3), &a, SIGUSR1),
			 SIGBIT(3) | SIGBIT(SIGINT) | SIGBIT(SIGUSR1));
	a.flags = SA_NODEFER;
	assert_int_equal(signal_handler_mask(0, &a, SIGUSR1), SIGBIT(SIGINT));
	a.mask = ~0UL;
	assert_int_equal(signal_handler_mask(0, &a, SIGUSR1), ~UNBLOCKABLE);
}

static void test_mirror(void **state)
{
	struct ksigaction real, app = { .handler = 0x1000, .flags = SA_NOCLDWAIT | SA_NODEFER };

	(void)state;
	signal_mirror(&app, 0xc0de, 0xfee1, &real);
	assert_int_equal(real.handler, 0xc0de);
	assert_int_equal(real.restorer, 0xfee1);
	assert_int_equal(real.mask, ~0UL);
	assert_int_equal(real.flags,
			 SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER | SA_NOCLDWAIT);
	app.flags = SA_RESETHAND;
	signal_mirror(&app, 0xc0de, 0xfee1, &real);
	assert_true(real.flags & SA_RESETHAND);
	app.handler = SIG_IGN;
	signal_mirror(&app, 0xc0de, 0xfee1, &real);
	assert_int_equal(real.handler, SIG_IGN);
	assert_int_equal(real.flags, 0);
}

static void test_mirror_differs(void **state)
{
	struct ksigaction dfl = { .handler = SIG_DFL }, ign = { .handler = SIG_IGN };
	struct ksigaction a = { .handler = 0x1000, .flags = SA_RESTART };
	struct ksigaction b = { .handler = 0x2000, .flags = SA_ONSTACK, .mask = 7 };

	(void)state;
	/* Another handler is nothing to Linux. */
	assert_false(signal_mirror_differs(SIGUSR1, &a, &b));
	assert_true(signal_mirror_differs(SIGUSR1, &a, &dfl));
	assert_true(signal_mirror_differs(SIGUSR1, &dfl, &a));
	assert_true(signal_mirror_differs(SIGUSR1, &dfl, &ign));
	assert_false(signal_mirror_differs(SIGUSR1, &dfl, &dfl));
	/* These discard what is pending, also when nothing changes. */
	assert_true(signal_mirror_differs(SIGUSR1, &ign, &ign));
	assert_true(signal_mirror_differs(SIGCHLD, &dfl, &dfl));
	/* Linux may have reset it a moment ago. */
	b.flags = SA_RESETHAND;
	assert_true(signal_mirror_differs(SIGUSR1, &b, &b));
	b.flags |= SA_NOCLDSTOP;
	assert_true(signal_mirror_differs(SIGCHLD, &a, &b));
}

static void test_altstack(void **state)
{
	struct thread *t = &fake_thread;

	(void)state;
	assert_int_equal(altstack_state(t, 0x5000), SS_DISABLE);
	assert_int_equal(altstack_set(t, 0x100, 0x4000, 0, MINSIGSTKSZ - 1), -ENOMEM);
	assert_int_equal(altstack_set(t, 0x100, 0x4000, 5, 0x1000), -EINVAL);
	assert_int_equal(altstack_set(t, 0x100, 0x4000, 0, 0x1000), 0);
	assert_int_equal(altstack_state(t, 0x4000), 0);
	assert_int_equal(altstack_state(t, 0x4001), SS_ONSTACK);
	assert_int_equal(altstack_state(t, 0x5000), SS_ONSTACK);
	assert_int_equal(altstack_state(t, 0x5001), 0);
	/* Not while it is in use. */
	assert_int_equal(altstack_set(t, 0x4800, 0, SS_DISABLE, 0), -EPERM);
	assert_int_equal(altstack_set(t, 0x100, 0, SS_DISABLE, 0x1000), 0);
	assert_int_equal(t->altstack_size, 0);
	assert_int_equal(altstack_set(t, 0x100, 0x4000, SS_AUTODISARM, 0x1000), 0);
	assert_int_equal(altstack_state(t, 0x4800), 0);
}

static void test_enter(void **state)
{
	u8 info[SLOT_SIGINFO_SIZE] = { SIGUSR1 };
	struct ksigaction a = { .handler = 0x1000, .flags = SA_RESETHAND, .restorer = 0x99 };
	bool gone;

	(void)state;
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, false, &gone), SIGNAL_NO_HANDLER);
	fake_sighand.action[SIGUSR1 - 1] = a;
	fake_thread.mask = SIGBIT(5);
	assert_int_equal(signal_enter(SIGUSR1, info, SIGBIT(3), SIGBIT(5), false, &gone),
			 SIGNAL_ENTERED);
	assert_true(gone);
	assert_int_equal(fake_sighand.action[SIGUSR1 - 1].handler, SIG_DFL);
	assert_int_equal(fake_thread.mask, SIGBIT(3) | SIGBIT(SIGUSR1));
	assert_int_equal(pushed.old_mask, SIGBIT(5));
	assert_int_equal(pushed.handler, 0x1000);
	assert_int_equal(pushed.restorer, 0x99);
	assert_int_equal(pushed.siginfo[0], SIGUSR1);
	assert_int_equal(boot_params->counters.signals, 1);
	/* Taken away at its first entry. */
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, false, &gone), SIGNAL_NO_HANDLER);
}

/* What Linux has caught is handled, also if a sibling takes the handler away meanwhile. */
static void test_enter_caught(void **state)
{
	struct ksigaction got, a = { .handler = 0x1000, .flags = SA_NODEFER }, dfl = { 0 };
	u8 info[SLOT_SIGINFO_SIZE] = { SIGUSR1 };
	bool gone;

	(void)state;
	/* There never was a handler: the proxy says what is not true. */
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, true, &gone), SIGNAL_NO_HANDLER);
	sighand_set_action(&fake_sighand, SIGUSR1, &a, NULL);
	sighand_set_action(&fake_sighand, SIGUSR1, &dfl, NULL);
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, false, &gone), SIGNAL_NO_HANDLER);
	sighand_caught_action(&fake_sighand, SIGUSR1, &got);
	assert_int_equal(got.handler, 0x1000);
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, true, &gone), SIGNAL_ENTERED);
	assert_int_equal(pushed.handler, 0x1000);
	assert_int_equal(pushed.flags, SA_NODEFER);
	/* The one in force comes first. */
	a.handler = 0x2000;
	sighand_set_action(&fake_sighand, SIGUSR1, &a, NULL);
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, true, &gone), SIGNAL_ENTERED);
	assert_int_equal(pushed.handler, 0x2000);
}

static void test_bad_stack(void **state)
{
	u8 info[SLOT_SIGINFO_SIZE] = { 0 };
	bool gone;

	(void)state;
	fake_sighand.action[SIGUSR1 - 1].handler = 0x1000;
	fake_thread.mask = 3;
	push_result = -EFAULT;
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 3, false, &gone), SIGNAL_BAD_STACK);
	assert_int_equal(fake_thread.mask, 3);
}

static void test_autodisarm(void **state)
{
	u8 info[SLOT_SIGINFO_SIZE] = { 0 };
	bool gone;

	(void)state;
	fake_sighand.action[SIGUSR1 - 1].handler = 0x1000;
	assert_int_equal(altstack_set(&fake_thread, 0x100, 0x4000, SS_AUTODISARM, 0x1000), 0);
	assert_int_equal(signal_enter(SIGUSR1, info, 0, 0, false, &gone), SIGNAL_ENTERED);
	/* The frame keeps what the thread forgets. */
	assert_int_equal(pushed.altstack_sp, 0x4000);
	assert_int_equal(altstack_state(&fake_thread, 0x4800), SS_DISABLE);
}

static void test_copy(void **state)
{
	static struct sighand child;

	(void)state;
	fake_sighand.action[SIGUSR1 - 1] = (struct ksigaction){ .handler = 0x1000, .mask = 9 };
	fake_sighand.action[SIGINT - 1].handler = SIG_IGN;
	sighand_copy(&child, &fake_sighand, false);
	assert_int_equal(child.action[SIGUSR1 - 1].mask, 9);
	sighand_copy(&child, &fake_sighand, true);
	assert_int_equal(child.action[SIGUSR1 - 1].handler, SIG_DFL);
	assert_int_equal(child.action[SIGUSR1 - 1].mask, 0);
	assert_int_equal(child.action[SIGINT - 1].handler, SIG_IGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_handler_mask, reset),
		cmocka_unit_test_setup(test_mirror, reset),
		cmocka_unit_test_setup(test_mirror_differs, reset),
		cmocka_unit_test_setup(test_altstack, reset),
		cmocka_unit_test_setup(test_enter, reset),
		cmocka_unit_test_setup(test_enter_caught, reset),
		cmocka_unit_test_setup(test_bad_stack, reset),
		cmocka_unit_test_setup(test_autodisarm, reset),
		cmocka_unit_test_setup(test_copy, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
