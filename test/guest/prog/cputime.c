/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers and limits on CPU time: cputime CASE. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

#define MS 1000000LL
#define THREADS 2

static atomic_int hits; /* handlers entered, */
static siginfo_t info; /* and what the last one got */
static atomic_int hits_of[THREADS];
static atomic_bool stop;
static pthread_t thread[THREADS];
static _Thread_local int number = -1;

static void on_signal(int signo, siginfo_t *got, void *context)
{
	(void)signo;
	(void)context;
	info = *got;
	if (number >= 0)
		hits_of[number]++;
	hits++;
}

static void catch (int signo)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	NEED(sigaction(signo, &action, NULL) == 0);
}

static int64_t cpu_ns(void)
{
	return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static struct timeval tv(int64_t ns)
{
	return (struct timeval){ ns / 1000000000, ns % 1000000000 / 1000 };
}

static struct timespec ts(int64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static void itimer(int which, int64_t ns, int64_t interval)
{
	struct itimerval timer = { .it_value = tv(ns), .it_interval = tv(interval) };

	NEED(setitimer(which, &timer, NULL) == 0);
}

static int64_t itimer_left(int which)
{
	struct itimerval timer;

	NEED(getitimer(which, &timer) == 0);
	return timer.it_value.tv_sec * 1000000000LL + timer.it_value.tv_usec * 1000LL;
}

/* Without any call, as long as no handler runs. */
static void compute_until(int count)
{
	while (hits < count)
		continue;
}

static void compute_for(int64_t ns)
{
	for (int64_t end = cpu_ns() + ns; cpu_ns() < end;)
		for (volatile int i = 0; i < 50000; i++)
			continue;
}

static void *compute(void *arg)
{
	sigset_t set;

	/* The first thread's. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	NEED(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	number = (int)(long)arg;
	while (!stop)
		continue;
	return NULL;
}

static void start_threads(void)
{
	for (long n = 0; n < THREADS; n++)
		NEED(pthread_create(&thread[n], NULL, compute, (void *)n) == 0);
}

static void end_threads(void)
{
	stop = true;
	for (long n = 0; n < THREADS; n++)
		NEED(pthread_join(thread[n], NULL) == 0);
}

/* ---- interval timers ---- */

/* Once, not before the time, with the siginfo that Linux gives; and time asleep does not count. */
static void one_itimer(int which, int signo)
{
	int64_t start;

	catch (signo);
	hits = 0;
	start = cpu_ns();
	itimer(which, 100 * MS, 0);
	usleep(150000);
	CHECK(hits == 0);
	CHECK(itimer_left(which) > 0 && itimer_left(which) <= 110 * MS);
	compute_until(1);
	/* Linux reckons both by its ticks, which may be ahead of the clock. */
	CHECK(cpu_ns() - start >= 50 * MS);
	CHECK(info.si_signo == signo && info.si_code == SI_KERNEL);
	CHECK(itimer_left(which) == 0);
	compute_for(120 * MS);
	CHECK(hits == 1);
}

static void virtual_once(void)
{
	one_itimer(ITIMER_VIRTUAL, SIGVTALRM);
}

static void prof_once(void)
{
	one_itimer(ITIMER_PROF, SIGPROF);
}

/* Again and again; set anew it tells what was left. */
static void prof_again(void)
{
	struct itimerval off = { 0 }, old;
	int64_t start = cpu_ns();

	catch (SIGPROF);
	itimer(ITIMER_PROF, 20 * MS, 20 * MS);
	compute_until(10);
	CHECK(cpu_ns() - start >= 150 * MS);
	NEED(setitimer(ITIMER_PROF, &off, &old) == 0);
	CHECK(old.it_interval.tv_usec >= 20000 && old.it_interval.tv_usec <= 24000);
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_usec > 0);
	hits = 0;
	compute_for(50 * MS);
	CHECK(hits == 0);
}

/* The time of all threads counts, also of those that make no call; who computes gets the signal. */
static void prof_threads(void)
{
	int64_t start;

	catch (SIGPROF);
	start_threads();
	start = cpu_ns();
	itimer(ITIMER_PROF, 30 * MS, 30 * MS);
	while (hits_of[0] < 3 || hits_of[1] < 3)
		usleep(20000);
	itimer(ITIMER_PROF, 0, 0);
	CHECK((cpu_ns() - start) / (30 * MS) + 2 >= hits);
	end_threads();
}

static void after_exec(void)
{
	compute_for(60000 * MS);
}

static void exec_self(void *arg)
{
	(void)arg;
	CHECK(itimer_left(ITIMER_VIRTUAL) == 0 && itimer_left(ITIMER_PROF) == 0);
	itimer(ITIMER_VIRTUAL, 100 * MS, 0);
	execl("/proc/self/exe", "cputime", "after_exec", NULL);
}

/* A fork's child has none, and execve keeps them. */
static void inherit(void)
{
	itimer(ITIMER_VIRTUAL, 50000 * MS, 0);
	itimer(ITIMER_PROF, 50000 * MS, 0);
	CHECK_KILLED(prog_fork(exec_self, NULL), SIGVTALRM);
	CHECK(itimer_left(ITIMER_VIRTUAL) > 0);
}

/* glibc's profil() counts where the program is, by SIGPROF. */
static void profile(void)
{
	static unsigned short counts[4096];
	unsigned short *volatile none = NULL;
	unsigned long sum = 0;

	NEED(profil(counts, sizeof(counts), (size_t)compute_for & ~0xfffUL, 0x10000) == 0);
	compute_for(300 * MS);
	NEED(profil(none, 0, 0, 0) == 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		sum += counts[i];
	/* Where the tick finds the thread waiting for its clock, there is nothing to count. */
	CHECK(sum > 0 && sum <= 60);
}

/* ---- limits ---- */

static void limit(pid_t pid, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };

	NEED(prlimit(pid, RLIMIT_CPU, &limit, NULL) == 0);
}

static void catch_limit(void *arg)
{
	int64_t *at = arg;

	catch (SIGXCPU);
	limit(0, 1, 3);
	compute_until(1);
	*at = cpu_ns();
	for (;;)
		continue;
}

static void compute_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		continue;
}

/* SIGXCPU at the soft limit, SIGKILL at the hard one; its default action; and a limit that another sets. */
static void limits(void)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY }, core = { 0, 0 };
	int64_t *at = prog_shared(4096);
	pid_t caught, other;

	NEED(setrlimit(RLIMIT_CPU, &none) == 0 && setrlimit(RLIMIT_CORE, &core) == 0);
	caught = prog_fork(catch_limit, at);
	other = prog_fork(compute_for_ever, NULL);
	limit(other, 1, RLIM_INFINITY);
	CHECK_KILLED(other, SIGXCPU);
	/* How late is the host's affair: a CPU that stands still in between has run, to a machine. */
	CHECK_KILLED(caught, SIGKILL);
	CHECK(*at >= 900 * MS);
}

/* ---- timers of timer_create() ---- */

static timer_t make_timer(clockid_t clock, int notify, int signo)
{
	struct sigevent event = { .sigev_notify = notify, .sigev_signo = signo };
	timer_t timer;

	event.sigev_value.sival_int = signo * 7;
	event._sigev_un._tid = gettid();
	NEED(timer_create(clock, &event, &timer) == 0);
	return timer;
}

static void set_timer(timer_t timer, int64_t ns, int64_t interval)
{
	struct itimerspec when = { .it_value = ts(ns), .it_interval = ts(interval) };

	NEED(timer_settime(timer, 0, &when, NULL) == 0);
}

static int64_t timer_left(timer_t timer)
{
	struct itimerspec left;

	NEED(timer_gettime(timer, &left) == 0);
	return left.it_value.tv_sec * 1000000000LL + left.it_value.tv_nsec;
}

static void one_timer(clockid_t clock, int notify)
{
	timer_t far = make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2);
	timer_t timer = make_timer(clock, notify, SIGUSR1);
	int64_t start;

	catch (SIGUSR1);
	hits = 0;
	set_timer(far, 1000000 * MS, 0);
	start = now_ns(clock);
	set_timer(timer, 50 * MS, 0);
	CHECK(timer_left(timer) > 0 && timer_left(timer) <= 50 * MS);
	compute_until(1);
	CHECK(now_ns(clock) - start >= 49 * MS);
	CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == SIGUSR1 * 7);
	CHECK(info.si_overrun == 0 && timer_left(timer) == 0);
	compute_for(60 * MS);
	CHECK(hits == 1);
	CHECK(timer_left(far) > 900000 * MS);
	CHECK(timer_delete(timer) == 0 && timer_delete(far) == 0);
}

static void timers(void)
{
	clockid_t own;

	one_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL);
	one_timer(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL);
	one_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_THREAD_ID);
	NEED(clock_getcpuclockid(0, &own) == 0);
	one_timer(own, SIGEV_SIGNAL);
}

/* While the signal is blocked, one is pending, and the others are counted. */
static void overrun(void)
{
	timer_t timer = make_timer(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1);
	sigset_t set;

	catch (SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	set_timer(timer, 20 * MS, 20 * MS);
	compute_for(200 * MS);
	CHECK(hits == 0);
	NEED(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	CHECK(hits >= 1 && info.si_code == SI_TIMER);
	CHECK(info.si_overrun >= 3 && info.si_overrun <= 20);
	CHECK(timer_delete(timer) == 0);
}

/* One that tells nobody, on a thread that makes no call, asked from another. */
static void none(void)
{
	timer_t timer;
	clockid_t clock;
	int64_t before;

	start_threads();
	NEED(pthread_getcpuclockid(thread[0], &clock) == 0);
	timer = make_timer(clock, SIGEV_NONE, 0);
	set_timer(timer, 100 * MS, 0);
	before = timer_left(timer);
	CHECK(before > 0 && before <= 100 * MS);
	while (timer_left(timer) > 0) {
		CHECK(timer_left(timer) <= before);
		usleep(10000);
	}
	end_threads();
}

static void sleeper(clockid_t clock)
{
	struct timespec time = ts(150 * MS);
	int64_t start = now_ns(clock);

	CHECK(clock_nanosleep(clock, 0, &time, NULL) == 0);
	CHECK(now_ns(clock) - start >= 149 * MS);
	time = ts(now_ns(clock) + 100 * MS);
	CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &time, NULL) == 0);
	CHECK(now_ns(clock) >= time.tv_sec * 1000000000LL + time.tv_nsec);
}

/* Sleeps by the time of threads that make no call. */
static void sleeps(void)
{
	struct timespec time = ts(MS);
	clockid_t clock;

	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL) == EINVAL);
	start_threads();
	sleeper(CLOCK_PROCESS_CPUTIME_ID);
	NEED(pthread_getcpuclockid(thread[1], &clock) == 0);
	sleeper(clock);
	end_threads();
}

/* ---- for the script ---- */

/* With timers that are far away, until SIGTERM; no thread makes a call, and the first one sleeps. */
static void shown(void)
{
	limit(0, 3600, 7200);
	itimer(ITIMER_VIRTUAL, 1000000 * MS, 0);
	start_threads();
	catch (SIGTERM);
	say("ready");
	while (!hits)
		pause();
	end_threads();
	/* Nobody reads any more. */
	prog_exit();
}

static const struct prog_case cases[] = {
	{ "virtual_once", virtual_once },
	{ "prof_once", prof_once },
	{ "prof_again", prof_again },
	{ "prof_threads", prof_threads },
	{ "after_exec", after_exec },
	{ "inherit", inherit },
	{ "profile", profile },
	{ "limits", limits },
	{ "timers", timers },
	{ "overrun", overrun },
	{ "none", none },
	{ "sleeps", sleeps },
	{ "shown", shown },
};

PROG_MAIN(cases)
