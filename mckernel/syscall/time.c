/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that tell the time. */
#include "mck/clock.h"
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

struct user_timespec {
	s64 sec, nsec;
};

struct user_timeval {
	s64 sec, usec;
};

s64 clock_ask(enum clock_id id, u64 *ns)
{
	struct user_timespec ts = { 0 };
	const u64 call[6] = { id, offload_data(0, &ts, sizeof(ts)) };
	s64 err = offload_syscall(NR_clock_gettime, call);

	memcpy(&ts, offload_data_ptr(0), sizeof(ts));
	*ns = (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	return err;
}

s64 sys_clock_gettime(const u64 arg[6])
{
	s32 id = (s32)arg[0];
	struct clock_time now;
	struct user_timespec ts;

	/* CPU clocks too: Linux has what was counted here. */
	if (id < 0 || !clock_read((enum clock_id)id, &now))
		return offload_syscall(NR_clock_gettime, arg);
	ts = (struct user_timespec){ (s64)now.sec, (s64)now.nsec };
	return copy_to_user(arg[1], &ts, sizeof(ts));
}

s64 sys_gettimeofday(const u64 arg[6])
{
	struct clock_time now;
	struct user_timeval tv;

	/* The time zone is Linux's. */
	if (arg[1] || !clock_read(CLOCK_REALTIME, &now))
		return offload_syscall(NR_gettimeofday, arg);
	tv = (struct user_timeval){ (s64)now.sec, (s64)(now.nsec / 1000) };
	return arg[0] ? copy_to_user(arg[0], &tv, sizeof(tv)) : 0;
}

s64 sys_time(const u64 arg[6])
{
	struct clock_time now;

	/* Linux's time() is that of the last tick. */
	if (!clock_read(CLOCK_REALTIME_COARSE, &now))
		return offload_syscall(NR_time, arg);
	if (arg[0] && copy_to_user(arg[0], &now.sec, sizeof(now.sec)))
		return -EFAULT;
	return (s64)now.sec;
}
