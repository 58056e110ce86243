/* SPDX-License-Identifier: GPL-2.0-only */
/* What signals interrupt: calls that end or go on, each exactly once; programs that compute. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handler.h"
#include "prog.h"

static void open_after_signal(void *arg)
{
	struct gate g = *(struct gate *)arg;
	pid_t parent = getppid();

	/* The handler opens the second gate's end: see restart(). */
	for (int i = 0; i < 3; i++) {
		await_call(parent, SYS_read);
		CHECK(kill(parent, SIGUSR1) == 0);
		gate_await(g);
	}
}

static struct gate handled, wanted;

static void tell(int signo)
{
	(void)signo;
	calls++;
	gate_open(handled);
	if (calls == 3)
		gate_open(wanted);
}

/* With SA_RESTART the read goes on after the handler, without it ends with EINTR. */
static void restart(void)
{
	struct sigaction act = { .sa_handler = tell, .sa_flags = SA_RESTART };
	char byte = 0;
	pid_t pid;

	handled = gate_make();
	wanted = gate_make();
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	pid = prog_fork(open_after_signal, &handled);
	CHECK(read(wanted.fd[0], &byte, 1) == 1 && byte == 'g' && calls == 3);
	CHECK_EXIT(pid, 0);
	act.sa_flags = 0;
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	for (int i = 4; i <= 6; i++) {
		pid = expect(SYS_read, SIGUSR1);
		byte = 'n';
		CHECK_FAILS(read(wanted.fd[0], &byte, 1), EINTR);
		CHECK(calls == i && byte == 'n');
		CHECK_EXIT(pid, 0);
	}
}

static void end_when_handled(void *arg)
{
	(void)arg;
	gate_await(handled);
}

static void restart_others(void)
{
	struct sigaction act = { .sa_handler = tell, .sa_flags = SA_RESTART };
	char byte = 0;
	int sockets[2], status;
	pid_t pid, child;

	handled = gate_make();
	wanted = gate_make();
	calls = 10;
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	/* wait4 goes on. */
	child = prog_fork(end_when_handled, NULL);
	pid = expect(SYS_wait4, SIGUSR1);
	CHECK(waitpid(child, &status, 0) == child && status == 0 && calls == 11);
	CHECK_EXIT(pid, 0);
	/* A socket with a time limit never does. */
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	NEED(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 1000, 0 },
			sizeof(struct timeval)) == 0);
	pid = expect(SYS_recvfrom, SIGUSR1);
	CHECK_FAILS(recv(sockets[0], &byte, 1, 0), EINTR);
	CHECK_EXIT(pid, 0);
	/* Nor do poll and the sleeps. */
	pid = expect(SYS_poll, SIGUSR1);
	CHECK_FAILS(poll(NULL, 0, -1), EINTR);
	CHECK_EXIT(pid, 0);
	pid = expect(SYS_epoll_wait, SIGUSR1);
	CHECK_FAILS(epoll_wait(epoll_create1(0), &(struct epoll_event){ 0 }, 1, -1), EINTR);
	CHECK_EXIT(pid, 0);
}

static void sleeps(void)
{
	struct timespec left = { 0 }, until;
	pid_t pid;

	handle(SIGUSR1, SA_RESTART);
	pid = expect(SYS_clock_nanosleep, SIGUSR1);
	CHECK_FAILS(nanosleep(&(struct timespec){ 1000, 0 }, &left), EINTR);
	CHECK(calls == 1 && left.tv_sec > 900 && left.tv_sec < 1000);
	CHECK_EXIT(pid, 0);
	NEED(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
	until.tv_sec += 1000;
	pid = expect(SYS_clock_nanosleep, SIGUSR1);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR);
	CHECK_EXIT(pid, 0);
	pid = expect(SYS_select, SIGUSR1);
	CHECK_FAILS(syscall(SYS_select, 0, NULL, NULL, NULL, NULL), EINTR);
	CHECK_EXIT(pid, 0);
	CHECK_FAILS(nanosleep(&(struct timespec){ 0, 1000000000 }, NULL), EINVAL);
	CHECK(calls == 3);
}

static void stop_and_continue(void *arg)
{
	pid_t parent = getppid();
	bool sleeping = arg;

	await_call(parent, sleeping ? SYS_clock_nanosleep : SYS_read);
	for (int i = 0; i < 3; i++) {
		CHECK(kill(parent, SIGSTOP) == 0);
		await_state(parent, 'T');
		CHECK(kill(parent, SIGCONT) == 0);
		/* As /proc shows it, a sleep that goes on is restart_syscall. */
		await_call(parent, sleeping ? SYS_restart_syscall : SYS_read);
	}
	if (sleeping)
		CHECK(kill(parent, SIGUSR1) == 0);
	else
		gate_open(wanted);
}

/* Stops and ignored signals interrupt nothing, though Linux has to begin such a call again. */
static void stopped_calls(void)
{
	struct timespec left;
	char byte = 0;
	pid_t pid;

	wanted = gate_make();
	pid = prog_fork(stop_and_continue, NULL);
	CHECK(read(wanted.fd[0], &byte, 1) == 1 && byte == 'g');
	CHECK_EXIT(pid, 0);
	handle(SIGUSR1, 0);
	pid = prog_fork(stop_and_continue, "sleep");
	CHECK_FAILS(nanosleep(&(struct timespec){ 1000, 0 }, &left), EINTR);
	CHECK(calls == 1 && left.tv_sec > 900);
	CHECK_EXIT(pid, 0);
}

/* ---- exactly once ---- */

static volatile bool done;

static void finish(int signo)
{
	(void)signo;
	done = true;
}

/* Sends SIGUSR1 to its parent without pause until SIGTERM comes. */
static void bombard(void *arg)
{
	pid_t parent = getppid();

	(void)arg;
	NEED(signal(SIGTERM, finish) != SIG_ERR);
	while (!done && kill(parent, SIGUSR1) == 0)
		sched_yield();
}

static pid_t under_fire(int flags)
{
	pid_t pid;

	handle(SIGUSR1, flags);
	pid = prog_fork(bombard, NULL);
	while (calls == 0) /* it has begun */
		sched_yield();
	return pid;
}

static void cease_fire(pid_t pid)
{
	CHECK(kill(pid, SIGTERM) == 0);
	CHECK_EXIT(pid, 0);
}

/* Each call has its effect once, however often it is interrupted. */
static void once_short(void)
{
	int fd = prog_file(10), duplicates[40];
	pid_t pid = under_fire(0);

	for (int i = 1; i <= 500; i++)
		CHECK(lseek(fd, 1, SEEK_CUR) == i);
	for (int i = 0; i < 40; i++)
		duplicates[i] = fcntl(fd, F_DUPFD, 500);
	for (int i = 1; i < 40; i++)
		CHECK(duplicates[i] == duplicates[i - 1] + 1);
	cease_fire(pid);
}

enum { RECORDS = 3000 };

static void produce(void *arg)
{
	struct gate g = *(struct gate *)arg;
	pid_t pid = under_fire(0);

	for (int i = 0; i < RECORDS; i++) {
		ssize_t n;

		do
			n = write(g.fd[1], &i, sizeof(i));
		while (n < 0 && errno == EINTR);
		CHECK(n == sizeof(i));
	}
	cease_fire(pid);
}

static void consume(int flags)
{
	struct gate g = gate_make();
	int record, interrupted = 0;
	pid_t pid, child;

	NEED(fcntl(g.fd[1], F_SETPIPE_SZ, 4096) >= 4096);
	child = prog_fork(produce, &g);
	pid = under_fire(flags);
	for (int i = 0; i < RECORDS; i++) {
		ssize_t n;

		while ((n = read(g.fd[0], &record, sizeof(record))) < 0 && errno == EINTR)
			interrupted++;
		if (n != sizeof(record) || record != i)
			NEED(!"each record comes once, in order");
	}
	CHECK(!flags || interrupted == 0);
	cease_fire(pid);
	CHECK_EXIT(child, 0);
}

static void once_pipe(void)
{
	consume(0);
}

static void once_restarted(void)
{
	consume(SA_RESTART);
}

static void count_itself(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
}

/* fork and exec under fire: as many children as forks, each ends as it should. */
static void once_fork(void)
{
	int *count = prog_shared(PAGE);
	pid_t pid = under_fire(SA_RESTART);

	for (int i = 0; i < 15; i++)
		CHECK_EXIT(prog_fork(count_itself, count), 0);
	cease_fire(pid);
	CHECK(*count == 15);
	CHECK_FAILS(wait(NULL), ECHILD);
}

static volatile int next_value;

static void in_turn(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	if (info->si_int == next_value)
		next_value++;
	else
		calls = -1;
}

static void send_values(void *arg)
{
	(void)arg;
	for (int i = 0; i < 400;) {
		if (sigqueue(getppid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0)
			i++;
		else
			CHECK(errno == EAGAIN);
	}
}

/* 400 queued signals, each handled once and in order, by a process that computes and calls. */
static void every_signal(void)
{
	struct sigaction act = { .sa_sigaction = in_turn, .sa_flags = SA_SIGINFO | SA_RESTART };
	int fd = prog_file(10);
	pid_t pid;

	NEED(sigaction(SIGRTMIN, &act, NULL) == 0);
	pid = prog_fork(send_values, NULL);
	while (next_value < 200 && calls == 0)
		__asm__ volatile("pause");
	while (next_value < 400 && calls == 0)
		CHECK(lseek(fd, 3, SEEK_SET) == 3);
	CHECK(next_value == 400 && calls == 0);
	CHECK_EXIT(pid, 0);
}

/* ---- computing programs ---- */

static void compute(void)
{
	unsigned int left;

	handle(SIGALRM, 0);
	CHECK(alarm(1) == 0);
	while (calls == 0)
		;
	CHECK(last.si_code == SI_KERNEL);
	tick(true);
	while (calls < 10)
		;
	tick(false);
	CHECK(alarm(1000) == 0);
	left = alarm(0);
	CHECK(left > 900 && left <= 1000);
}

static void posix_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGRTMIN,
				  .sigev_value.sival_int = 99 };
	struct itimerspec every = { { 0, 20000000 }, { 0, 20000000 } };
	timer_t timer;

	handle(SIGRTMIN, 0);
	NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK(timer_settime(timer, 0, &every, NULL) == 0);
	while (calls < 5)
		;
	CHECK(last.si_code == SI_TIMER && last.si_int == 99);
	CHECK(timer_delete(timer) == 0);
}

static void spin_until_killed(void *arg)
{
	gate_open(*(struct gate *)arg);
	for (;;)
		;
}

static void killed_computing(void)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGABRT, 40 };
	struct gate g = gate_make();

	NEED(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) == 0);
	for (int i = 0; i < 5; i++) {
		pid_t pid = prog_fork(spin_until_killed, &g);

		gate_await(g);
		CHECK(kill(pid, signals[i]) == 0);
		CHECK_KILLED(pid, signals[i]);
	}
}

static const struct prog_case cases[] = {
	{ "restart", restart },
	{ "restart_others", restart_others },
	{ "sleeps", sleeps },
	{ "stopped_calls", stopped_calls },
	{ "once_short", once_short },
	{ "once_pipe", once_pipe },
	{ "once_restarted", once_restarted },
	{ "once_fork", once_fork },
	{ "every_signal", every_signal },
	{ "compute", compute },
	{ "posix_timer", posix_timer },
	{ "killed_computing", killed_computing },
};
PROG_MAIN(cases)
