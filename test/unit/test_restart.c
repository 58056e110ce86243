// SPDX-License-Identifier: GPL-2.0-only
/* How interrupted calls go on: the whole table of the decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/slot.h"
#include "mck/restart.h"
#include "mck/sysnr.h"

static const u64 none[6];

/* outcome and call in, what the program gets out: with no handler, one without SA_RESTART, one with. */
static void expect(u32 outcome, s64 value, u64 nr, const u64 arg[6], enum resume bare,
		   enum resume plain, enum resume restarting)
{
	s64 code = restart_value(outcome, value, nr, arg);

	assert_int_equal(restart_decide(code, false, false), bare);
	assert_int_equal(restart_decide(code, true, false), plain);
	assert_int_equal(restart_decide(code, true, true), restarting);
}

static void test_complete(void **state)
{
	(void)state;
	expect(CALL_COMPLETE, 17, NR_read, none, RESUME_VALUE, RESUME_VALUE, RESUME_VALUE);
	expect(CALL_COMPLETE, -EINTR, NR_read, none, RESUME_VALUE, RESUME_VALUE, RESUME_VALUE);
	assert_int_equal(restart_value(CALL_COMPLETE, -EAGAIN, NR_read, none), -EAGAIN);
	/* What no catcher writes reads as complete. */
	assert_int_equal(restart_value(77, 5, NR_read, none), 5);
}

static void test_not_started(void **state)
{
	(void)state;
	expect(CALL_NOT_STARTED, 0, NR_write, none, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
	expect(CALL_NOT_STARTED, -EINTR, NR_nanosleep, none, RESUME_REPEAT, RESUME_REPEAT,
	       RESUME_REPEAT);
}

static void test_restartable(void **state)
{
	const u64 lock_pi[6] = { 0, 6 }, lock_pi2[6] = { 0, 13 | 128 }, requeue_pi[6] = { 0, 11 };
	const u64 wait[6] = { 0, 0 | 128 };
	const u64 attach[6] = { 16 }, seize[6] = { 0x4206 }, peek[6] = { 1 };

	(void)state;
	expect(CALL_RESTARTABLE, 0, NR_read, none, RESUME_REPEAT, RESUME_EINTR, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_wait4, none, RESUME_REPEAT, RESUME_EINTR, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_futex, wait, RESUME_REPEAT, RESUME_EINTR, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_ptrace, peek, RESUME_REPEAT, RESUME_EINTR, RESUME_REPEAT);
	/* Those that Linux always repeats. */
	expect(CALL_RESTARTABLE, 0, NR_futex, lock_pi, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_futex, lock_pi2, RESUME_REPEAT, RESUME_REPEAT,
	       RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_futex, requeue_pi, RESUME_REPEAT, RESUME_REPEAT,
	       RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_clone, none, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_execve, none, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_ptrace, attach, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
	expect(CALL_RESTARTABLE, 0, NR_ptrace, seize, RESUME_REPEAT, RESUME_REPEAT, RESUME_REPEAT);
}

static void test_restart_block(void **state)
{
	(void)state;
	expect(CALL_RESTART_BLOCK, 0, NR_nanosleep, none, RESUME_EINTR, RESUME_EINTR, RESUME_EINTR);
	expect(CALL_RESTART_BLOCK, 0, NR_poll, none, RESUME_EINTR, RESUME_EINTR, RESUME_EINTR);
}

static void test_local_codes(void **state)
{
	(void)state;
	assert_int_equal(restart_decide(-ERESTARTNOHAND, false, false), RESUME_REPEAT);
	assert_int_equal(restart_decide(-ERESTARTNOHAND, true, true), RESUME_EINTR);
	for (s64 code = -530; code < -500; code++)
		if (restart_decide(code, true, true) != RESUME_VALUE)
			assert_true(restart_is_code(code));
	assert_false(restart_is_code(-511) || restart_is_code(-517) || restart_is_code(0));
	/* Neighbouring numbers are ordinary values. */
	assert_int_equal(restart_decide(-511, true, true), RESUME_VALUE);
	assert_int_equal(restart_decide(-515, true, true), RESUME_VALUE);
	assert_int_equal(restart_decide(512, true, true), RESUME_VALUE);
}

static void test_mask_arguments(void **state)
{
	u64 arg[6] = { 0 };
	bool indirect;

	(void)state;
	assert_int_equal(restart_mask_arg(NR_io_uring_enter, arg, &indirect), 4);
	assert_false(indirect);
	arg[3] = 8; /* IORING_ENTER_EXT_ARG */
	assert_int_equal(restart_mask_arg(NR_io_uring_enter, arg, &indirect), 4);
	assert_true(indirect);
	assert_int_equal(restart_mask_arg(NR_rt_sigsuspend, arg, &indirect), 0);
	assert_false(indirect);
	assert_int_equal(restart_mask_arg(NR_ppoll, arg, &indirect), 3);
	assert_int_equal(restart_mask_arg(NR_epoll_pwait, arg, &indirect), 4);
	assert_int_equal(restart_mask_arg(NR_epoll_pwait2, arg, &indirect), 4);
	assert_false(indirect);
	assert_int_equal(restart_mask_arg(NR_pselect6, arg, &indirect), 5);
	assert_true(indirect);
	assert_int_equal(restart_mask_arg(NR_io_pgetevents, arg, &indirect), 5);
	assert_true(indirect);
	assert_int_equal(restart_mask_arg(NR_poll, arg, &indirect), -1);
	assert_int_equal(restart_mask_arg(NR_rt_sigtimedwait, arg, &indirect), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),    cmocka_unit_test(test_not_started),
		cmocka_unit_test(test_restartable), cmocka_unit_test(test_restart_block),
		cmocka_unit_test(test_local_codes), cmocka_unit_test(test_mask_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
