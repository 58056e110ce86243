/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals in a process of many threads: who takes them, who changes what they do, cancellation. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handler.h"
#include "prog.h"

#define THREADS 8

static volatile int taker; /* who ran the handler last */
static volatile int taken;

static void take(int signo)
{
	(void)signo;
	taker = gettid();
	__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
}

/* What the threads do while signals come. */
static volatile int over;
static volatile int tid_of[THREADS];
static int open_to = -1; /* which of them has SIGUSR1 unblocked */
static int quiet_pipe[2];

static void *receiver(void *arg)
{
	int i = (int)(long)arg;
	volatile unsigned long n = 0;
	char byte;

	if (i == open_to)
		unblock(SIGUSR1, 0);
	tid_of[i] = gettid();
	while (!over) {
		switch (i % 4) {
		case 0:
			n++;
			break;
		case 1:
			poll(NULL, 0, 5);
			break;
		case 2:
			getppid();
			break;
		case 3:
			n = read(quiet_pipe[0], &byte, 1);
			break;
		}
	}
	return arg;
}

static void receivers_start(pthread_t thread[THREADS])
{
	over = 0;
	NEED(pipe(quiet_pipe) == 0);
	for (long i = 0; i < THREADS; i++) {
		tid_of[i] = 0;
		NEED(pthread_create(&thread[i], NULL, receiver, (void *)i) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		while (!tid_of[i])
			sched_yield();
}

static void receivers_end(pthread_t thread[THREADS])
{
	over = 1;
	close(quiet_pipe[1]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	close(quiet_pipe[0]);
}

/* A signal to the process is taken by the one that has it unblocked. */
static void to_process(void)
{
	pthread_t thread[THREADS];

	signal(SIGUSR1, take);
	block(SIGUSR1, 0);
	for (open_to = 0; open_to < THREADS; open_to += 1) {
		receivers_start(thread);
		for (int n = 0; n < 10; n++) {
			taken = 0;
			CHECK(kill(getpid(), SIGUSR1) == 0);
			while (!taken)
				sched_yield();
			CHECK(taken == 1 && taker == tid_of[open_to]);
		}
		receivers_end(thread);
	}
}

/* A signal to a thread is taken by that one. */
static void to_threads(void)
{
	pthread_t thread[THREADS];

	open_to = -1;
	signal(SIGUSR2, take);
	receivers_start(thread);
	for (int n = 0; n < 20; n++) {
		for (int i = 0; i < THREADS; i++) {
			taken = 0;
			if (n % 2)
				CHECK(pthread_kill(thread[i], SIGUSR2) == 0);
			else
				CHECK(tgkill(getpid(), tid_of[i], SIGUSR2) == 0);
			while (!taken)
				sched_yield();
			CHECK(taken == 1 && taker == tid_of[i]);
		}
	}
	CHECK_FAILS(tgkill(getpid() + 1, tid_of[0], SIGUSR2), ESRCH);
	receivers_end(thread);
}

static volatile int waited, waited_value;

static void *wait_for_it(void *arg)
{
	sigset_t set = set_of(SIGRTMIN, SIGHUP);
	siginfo_t info;

	(void)arg;
	while (sigwaitinfo(&set, &info) == SIGRTMIN) {
		waited_value += info.si_value.sival_int;
		__atomic_add_fetch(&waited, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *read_it(void *arg)
{
	struct signalfd_siginfo info;

	for (;;) {
		NEED(read((int)(long)arg, &info, sizeof(info)) == sizeof(info));
		if (info.ssi_signo == SIGHUP)
			return NULL;
		waited_value += info.ssi_int;
		__atomic_add_fetch(&waited, 1, __ATOMIC_SEQ_CST);
	}
}

#define QUEUED 100

/* One of many threads waits for the process's signals. */
static void waiters(void)
{
	sigset_t set = set_of(SIGRTMIN, SIGHUP);
	pthread_t thread[THREADS], waiter;

	open_to = -1;
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int how = 0; how < 2; how++) {
		long fd = signalfd(-1, &set, 0);

		waited = waited_value = 0;
		receivers_start(thread);
		NEED(pthread_create(&waiter, NULL, how ? read_it : wait_for_it, (void *)fd) == 0);
		for (int n = 1; n <= QUEUED; n++)
			CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n }) == 0);
		while (waited < QUEUED)
			sched_yield();
		CHECK(waited_value == QUEUED * (QUEUED + 1) / 2);
		CHECK(kill(getpid(), SIGHUP) == 0);
		CHECK(pthread_join(waiter, NULL) == 0);
		receivers_end(thread);
		close(fd);
	}
}

/* ---- dispositions ---- */

static pthread_barrier_t turn;
#define ROUNDS 300

static void set_action(int signo, int kind)
{
	struct sigaction act = { 0 };

	act.sa_handler = kind == 0 ? SIG_DFL : kind == 1 ? SIG_IGN : take;
	act.sa_flags = kind == 3 ? SA_RESETHAND : 0;
	CHECK(sigaction(signo, &act, NULL) == 0);
}

static void *set_actions(void *arg)
{
	for (int n = 0; n < ROUNDS; n++) {
		pthread_barrier_wait(&turn);
		/* Each with another kind: 0 to 3. */
		set_action(SIGURG, (n / 4 + n * (int)(long)arg) % 4);
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
	}
	return arg;
}

static unsigned long status_mask(const char *name)
{
	unsigned long mask = ~0UL;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			mask = strtoul(line + strlen(name) + 1, NULL, 16);
	if (f)
		fclose(f);
	return mask;
}

/* Two set the same signal's action at once: what it says is what it is. */
static void actions(void)
{
	const unsigned long bit = 1UL << (SIGURG - 1);
	pthread_t thread[2];
	struct sigaction act;

	pthread_barrier_init(&turn, NULL, 3);
	for (long i = 0; i < 2; i++)
		NEED(pthread_create(&thread[i], NULL, set_actions, (void *)(i + 1)) == 0);
	for (int n = 0; n < ROUNDS; n++) {
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
		CHECK(sigaction(SIGURG, NULL, &act) == 0);
		CHECK(!!(status_mask("SigIgn") & bit) == (act.sa_handler == SIG_IGN));
		CHECK(!!(status_mask("SigCgt") & bit) == (act.sa_handler == take));
		pthread_barrier_wait(&turn);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

/*
 * A signal with a fatal default meets its handler while a sibling takes that
 * away: it is handled, or it kills; it is never lost.
 */
static volatile int *handled;

static void handle_once(int signo)
{
	(void)signo;
	*handled = 1;
}

static void *take_away(void *arg)
{
	pthread_barrier_wait(&turn);
	for (volatile int i = 0; i < (int)(long)arg; i++)
		;
	signal(SIGUSR1, SIG_DFL);
	return arg;
}

static void hit(void *arg)
{
	pthread_t thread;

	signal(SIGUSR1, handle_once);
	pthread_barrier_init(&turn, NULL, 2);
	NEED(pthread_create(&thread, NULL, take_away, arg) == 0);
	pthread_barrier_wait(&turn);
	kill(getpid(), SIGUSR1);
	pthread_join(thread, NULL);
}

static void taken_away(void)
{
	handled = prog_shared(PAGE);
	for (long i = 0; i < 100; i++) {
		int status;

		*handled = 0;
		status = prog_wait(prog_fork(hit, (void *)(i * 100)));
		CHECK(*handled ? status == 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	}
}

/* SA_RESETHAND: of two signals at two threads one is handled and the other kills. */
static void *raise_one(void *arg)
{
	pthread_barrier_wait(&turn);
	tgkill(getpid(), gettid(), SIGUSR1);
	return arg;
}

static void raise_two(void *arg)
{
	struct sigaction act = { .sa_handler = handle_once, .sa_flags = SA_RESETHAND };
	pthread_t thread[2];

	(void)arg;
	sigaction(SIGUSR1, &act, NULL);
	pthread_barrier_init(&turn, NULL, 2);
	for (int i = 0; i < 2; i++)
		NEED(pthread_create(&thread[i], NULL, raise_one, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

static void only_once(void)
{
	handled = prog_shared(PAGE);
	for (int i = 0; i < 30; i++) {
		*handled = 0;
		CHECK_KILLED(prog_fork(raise_two, NULL), SIGUSR1);
	}
}

/* Actions change under a stream of signals: each meets one of the two, none another or none. */
static volatile int counted[2];

static void count_0(int signo)
{
	(void)signo;
	__atomic_add_fetch(&counted[0], 1, __ATOMIC_SEQ_CST);
}

static void count_1(int signo, siginfo_t *info, void *context)
{
	(void)context;
	CHECK(info->si_signo == signo && info->si_pid == getpid());
	__atomic_add_fetch(&counted[1], 1, __ATOMIC_SEQ_CST);
}

static void *change_actions(void *arg)
{
	struct sigaction act[2] = { { .sa_handler = count_0 },
				    { .sa_sigaction = count_1, .sa_flags = SA_SIGINFO } };
	sigset_t set = set_of(SIGRTMIN, 0);

	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int n = 0; !over; n++)
		sigaction(SIGRTMIN, &act[n % 2], NULL);
	return arg;
}

#define STREAM 1000

static void stream(void)
{
	pthread_t thread;

	over = 0;
	signal(SIGRTMIN, count_0);
	NEED(pthread_create(&thread, NULL, change_actions, NULL) == 0);
	for (int n = 0; n < STREAM; n++)
		CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n }) == 0);
	CHECK(counted[0] + counted[1] == STREAM);
	over = 1;
	pthread_join(thread, NULL);
}

/* ---- cancellation ---- */

static volatile int began, cleaned;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void clean(void *arg)
{
	(void)arg;
	cleaned++;
}

static void unlock(void *arg)
{
	clean(arg);
	pthread_mutex_unlock(&mutex);
}

static void *cancel_me(void *arg)
{
	char byte;
	int type;

	pthread_cleanup_push(clean, NULL);
	switch ((long)arg) {
	case 0:
		began = 1;
		pause();
		break;
	case 1:
		began = 1;
		(void)!read(quiet_pipe[0], &byte, 1);
		break;
	case 2:
		pthread_mutex_lock(&mutex);
		pthread_cleanup_push(unlock, NULL);
		began = 1;
		for (;;)
			pthread_cond_wait(&cond, &mutex);
		pthread_cleanup_pop(0);
		break;
	case 3:
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
		for (;;)
			began = 1;
		break;
	case 4:
		for (;;) {
			began = 1;
			pthread_testcancel();
		}
		break;
	case 5:
		began = 1;
		for (;;)
			nanosleep(&(struct timespec){ .tv_nsec = 1000 }, NULL);
		break;
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancels(void)
{
	NEED(pipe(quiet_pipe) == 0);
	for (int n = 0; n < 30; n++) {
		pthread_t thread;
		void *result = NULL;

		began = cleaned = 0;
		NEED(pthread_create(&thread, NULL, cancel_me, (void *)(long)(n % 6)) == 0);
		while (!began)
			sched_yield();
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
		CHECK(cleaned == (n % 6 == 2 ? 2 : 1));
		CHECK(pthread_mutex_trylock(&mutex) == 0);
		pthread_mutex_unlock(&mutex);
	}
}

/* ---- set*id in all threads ---- */

static void *ids_of_self(void *arg)
{
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	CHECK(syscall(SYS_geteuid) == 65534 && syscall(SYS_getegid) == 65533);
	return arg;
}

static void setid(void)
{
	pthread_t thread[THREADS], busy[THREADS];

	open_to = -1;
	receivers_start(busy);
	pthread_barrier_init(&turn, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		NEED(pthread_create(&thread[i], NULL, ids_of_self, NULL) == 0);
	pthread_barrier_wait(&turn);
	CHECK(setegid(65533) == 0);
	CHECK(seteuid(65534) == 0);
	pthread_barrier_wait(&turn);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	CHECK(seteuid(0) == 0 && setegid(0) == 0);
	receivers_end(busy);
}

/* A timer whose signal goes to one thread. */
static void timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	const struct itimerspec when = { .it_interval.tv_nsec = 5000000,
					 .it_value.tv_nsec = 5000000 };
	pthread_t thread[THREADS];
	timer_t id;

	open_to = -1;
	signal(SIGUSR2, take);
	receivers_start(thread);
	for (int i = 0; i < THREADS; i++) {
		event._sigev_un._tid = tid_of[i];
		NEED(timer_create(CLOCK_MONOTONIC, &event, &id) == 0);
		taken = 0;
		CHECK(timer_settime(id, 0, &when, NULL) == 0);
		while (taken < 3)
			sched_yield();
		CHECK(taker == tid_of[i]);
		CHECK(timer_delete(id) == 0);
		/* One that was on its way has come. */
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	receivers_end(thread);
}

static const struct prog_case cases[] = {
	{ "to_process", to_process }, { "to_threads", to_threads }, { "waiters", waiters },
	{ "actions", actions },	      { "taken_away", taken_away }, { "only_once", only_once },
	{ "stream", stream },	      { "cancels", cancels },	    { "setid", setid },
	{ "timer", timer },
};
PROG_MAIN(cases)
