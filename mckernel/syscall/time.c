/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that tell the time, and CPU time used. */
#include "mck/clock.h"
#include "mck/errno.h"
#include "mck/offload.h"
#include "mck/syscalls.h"
#include "mck/sysnr.h"

#define RUSAGE_SELF 0
#define RUSAGE_THREAD 1
#define ITIMER_REAL 0

struct user_timespec {
	s64 sec, nsec;
};

struct user_timeval {
	s64 sec, usec;
};

/*
 * A call that tells of CPU time: Linux fills the structure in the slot. Its
 * account has what the twin did, and the LWK's time of ended threads and
 * children; the caller adds what the thread has run here.
 */
static s64 ask_linux(u64 nr, u64 arg[6], int index, void *out, size_t size)
{
	static const u8 zero[256];
	s64 value;

	kassert(size <= sizeof(zero));
	arg[index] = offload_data(0, zero, size);
	value = offload_syscall(nr, arg);
	memcpy(out, offload_data_ptr(0), size);
	return value;
}

s64 clock_ask(enum clock_id id, u64 *ns)
{
	u64 call[6] = { id };
	struct user_timespec ts;
	s64 err = ask_linux(NR_clock_gettime, call, 1, &ts, sizeof(ts));

	*ns = (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	return err;
}

/*
 * Negative ids name the CPU clock of a process or thread: the complement of
 * its pid in the upper bits, then one bit for "thread".
 */
static bool is_cpu_clock(s32 id)
{
	return id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID ||
	       (id < 0 && (id & 3) != 3);
}

static bool is_thread_clock(s32 id)
{
	return id == CLOCK_THREAD_CPUTIME_ID || (id < 0 && (id & 4));
}

/* The LWK's id of the thread that the clock is of, or of a thread of the process; 0: it is none of ours. */
static u64 clock_owner(s32 id)
{
	const struct thread *t = current_thread();
	u32 pid = id < 0 ? ~(u32)id >> 3 : 0;

	if (!pid || pid == (is_thread_clock(id) ? t->kpage->tid : t->kpage->pid))
		return t->id;
	return thread_of_tid(pid, false) < 0 ? 0 : t->kpage->kout[0];
}

/* Of ended threads and of the twins Linux tells, of living threads we do. */
static s64 cpu_time(const u64 arg[6])
{
	s32 id = (s32)arg[0];
	struct thread *t = current_thread();
	u64 call[6] = { arg[0] }, owner, ns;
	struct cpu_cycles cycles = { 0 };
	struct user_timespec ts;
	s64 err = ask_linux(NR_clock_gettime, call, 1, &ts, sizeof(ts));

	if (err)
		return err;
	owner = clock_owner(id);
	thread_with(owner, is_thread_clock(id) ? thread_cycles : process_cycles, &cycles);
	ns = (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec + cycles_to_ns(cycles.user + cycles.system);
	if (owner == t->id && !is_thread_clock(id))
		ns = cputime_seen(&t->process->seen_ns, ns);
	ts.sec = (s64)(ns / NSEC_PER_SEC);
	ts.nsec = (s64)(ns % NSEC_PER_SEC);
	return copy_to_user(arg[1], &ts, sizeof(ts));
}

s64 sys_clock_gettime(const u64 arg[6])
{
	s32 id = (s32)arg[0];
	struct clock_time now;
	struct user_timespec ts;

	if (is_cpu_clock(id))
		return cpu_time(arg);
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

/* ---- CPU time ---- */

struct user_rusage {
	struct user_timeval user, system;
	s64 rest[14];
};
_Static_assert(sizeof(struct user_rusage) == 144, "struct rusage");

/* Microseconds of Linux's account and of ours, as `seen` allows. */
static void timeval_add(struct user_timeval *tv, u64 cycles, u64 *seen)
{
	u64 us = (u64)tv->sec * 1000000 + (u64)tv->usec + cycles_to_ns(cycles) / 1000;

	if (seen)
		us = cputime_seen(seen, us);
	tv->sec = (s64)(us / 1000000);
	tv->usec = (s64)(us % 1000000);
}

s64 sys_getrusage(const u64 arg[6])
{
	struct thread *t = current_thread();
	u64 call[6] = { arg[0] };
	bool self = (s32)arg[0] == RUSAGE_SELF;
	struct cpu_cycles cycles = { 0 };
	struct user_rusage usage;
	s64 err;

	err = ask_linux(NR_getrusage, call, 1, &usage, sizeof(usage));
	if (err)
		return err;
	if (self || (s32)arg[0] == RUSAGE_THREAD) {
		thread_with(t->id, self ? process_cycles : thread_cycles, &cycles);
		timeval_add(&usage.user, cycles.user, self ? &t->process->seen_user_us : NULL);
		timeval_add(&usage.system, cycles.system,
			    self ? &t->process->seen_system_us : NULL);
	}
	return copy_to_user(arg[1], &usage, sizeof(usage));
}

/* In ticks of USER_HZ, which is 100. */
struct user_tms {
	s64 user, system, child_user, child_system;
};

s64 sys_times(const u64 arg[6])
{
	struct thread *t = current_thread();
	struct cpu_cycles cycles = { 0 };
	u64 call[6] = { 0 };
	struct user_tms tms;
	s64 value;

	if (!arg[0])
		return offload_syscall(NR_times, arg);
	value = ask_linux(NR_times, call, 0, &tms, sizeof(tms));
	if (value < 0)
		return value;
	thread_with(t->id, process_cycles, &cycles);
	tms.user += (s64)(cycles_to_ns(cycles.user) / (NSEC_PER_SEC / 100));
	tms.system += (s64)(cycles_to_ns(cycles.system) / (NSEC_PER_SEC / 100));
	return copy_to_user(arg[0], &tms, sizeof(tms)) ? -EFAULT : value;
}

/* ---- timers ---- */

/* ITIMER_VIRTUAL and ITIMER_PROF would count the twin's time, not the program's: not there. */
s64 sys_setitimer(const u64 arg[6])
{
	if ((s32)arg[0] != ITIMER_REAL)
		return -EINVAL;
	return offload_syscall(NR_setitimer, arg);
}

/* Nor are timers on CPU time. */
s64 sys_timer_create(const u64 arg[6])
{
	s32 id = (s32)arg[0];

	if (id < 0 || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
		return -EOPNOTSUPP;
	return offload_syscall(NR_timer_create, arg);
}
