/* SPDX-License-Identifier: GPL-2.0-only */
/* A process of many threads ends, stops, executes and forks as one, whatever they are doing. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

/* What a sibling does for ever; each says that it has begun, and some how far they are. */
static volatile unsigned long turns[64];
static int nobody_writes[2];
static pthread_mutex_t held_mutex = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noreturn)) void *compute(void *arg)
{
	for (;;)
		++*(volatile unsigned long *)arg;
}

static __attribute__((noreturn)) void *sleep_long(void *arg)
{
	*(volatile unsigned long *)arg = 1;
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 1000 }, NULL);
}

static void *read_pipe(void *arg)
{
	char byte;

	*(volatile unsigned long *)arg = 1;
	while (read(nobody_writes[0], &byte, 1) == 1)
		;
	return arg;
}

static void *await_mutex(void *arg)
{
	*(volatile unsigned long *)arg = 1;
	pthread_mutex_lock(&held_mutex);
	return arg;
}

static __attribute__((noreturn)) void *fault(void *arg)
{
	char *p = prog_map(16 * PAGE);

	for (;;) {
		for (int i = 0; i < 16; i++)
			p[i * PAGE] = 1;
		madvise(p, 16 * PAGE, MADV_DONTNEED);
		++*(volatile unsigned long *)arg;
	}
}

static __attribute__((noreturn)) void *map(void *arg)
{
	for (;;) {
		char *p = prog_map(8 * PAGE);

		p[0] = p[5 * PAGE] = 1;
		mprotect(p + PAGE, PAGE, PROT_READ);
		munmap(p, 8 * PAGE);
		++*(volatile unsigned long *)arg;
	}
}

static __attribute__((noreturn)) void *offload(void *arg)
{
	for (;;) {
		getppid();
		syscall(SYS_getpgid, 0);
		++*(volatile unsigned long *)arg;
	}
}

static void *(*const roles[])(void *) = { compute, sleep_long, read_pipe, await_mutex,
					  fault,   map,	       offload };
#define ROLES (int)(sizeof(roles) / sizeof(*roles))

static volatile bool row_stop;

/* As on Linux, there may be none while a sibling executes another program. */
static void sibling(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	int err;

	while ((err = pthread_create(&thread, NULL, body, arg)) == EAGAIN)
		usleep(1000);
	NEED(!err);
}

/* `count` siblings, each at its work when this returns. */
static void gather(int count)
{
	NEED(pipe(nobody_writes) == 0);
	pthread_mutex_lock(&held_mutex);
	for (int i = 0; i < count; i++)
		sibling(roles[i % ROLES], (void *)&turns[i]);
	for (int i = 0; i < count; i++)
		while (!turns[i])
			sched_yield();
}

/* Until those that work have gone on. */
static void await_progress(void)
{
	static const int busy[] = { 0, 4, 5, 6 };

	for (size_t i = 0; i < sizeof(busy) / sizeof(*busy); i++) {
		unsigned long before = turns[busy[i]];

		while (turns[busy[i]] == before)
			sched_yield();
	}
}

static void *leave(void *arg)
{
	exit((int)(long)arg);
}

struct end {
	bool from_thread;
	int status;
};

static void end_child(void *arg)
{
	const struct end *e = arg;
	pthread_t thread;

	gather(ROLES);
	if (!e->from_thread)
		_exit(e->status);
	NEED(pthread_create(&thread, NULL, leave, (void *)(long)e->status) == 0);
	for (;;)
		pause();
}

static void exit_groups(void)
{
	for (int i = 0; i < 12; i++) {
		struct end e = { i % 2, 10 + i };

		CHECK_EXIT(prog_fork(end_child, &e), 10 + i);
	}
}

/* All call exit_group at once: one of them is right. */
static pthread_barrier_t at_once;

static void *leave_at_once(void *arg)
{
	pthread_barrier_wait(&at_once);
	_exit((int)(long)arg);
}

static void all_leave(void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_barrier_init(&at_once, NULL, 8);
	for (long i = 1; i < 8; i++)
		NEED(pthread_create(&thread, NULL, leave_at_once, (void *)(20 + i)) == 0);
	leave_at_once((void *)20L);
}

static void exit_at_once(void)
{
	for (int i = 0; i < 10; i++) {
		int status = prog_wait(prog_fork(all_leave, NULL));

		CHECK(WIFEXITED(status) && WEXITSTATUS(status) / 8 * 8 + 4 >= 20 &&
		      WEXITSTATUS(status) < 28);
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The main thread ends first; then others go on, and end too. */
static void *go_on_alone(void *arg)
{
	char path[64], text[256], *p;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	do {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		close(fd);
		NEED(n > 0);
		text[n] = '\0';
	} while (!strstr(text, ") Z"));
	p = prog_map(300 * PAGE);
	memset(p, 7, 300 * PAGE);
	CHECK(prog_filled(p, 300 * PAGE, 7));
	CHECK(gettid() != getpid());
	CHECK_EXIT(prog_fork(nothing, NULL), 0);
	CHECK(getpgrp() == getpgid(0));
	if (arg)
		_exit(4);
	syscall(SYS_exit, 5);
	return NULL;
}

static void leader_leaves(void *arg)
{
	pthread_t thread;

	NEED(pthread_create(&thread, NULL, go_on_alone, arg) == 0);
	syscall(SYS_exit, 9);
}

static void leader_first(void)
{
	/* The last one's status counts. */
	CHECK_EXIT(prog_fork(leader_leaves, NULL), 5);
	CHECK_EXIT(prog_fork(leader_leaves, "all"), 4);
}

static void crowd(void *arg)
{
	struct gate *g = arg;

	gather(50);
	gate_open(*g);
	for (;;)
		pause();
}

static void killed(void)
{
	for (int i = 0; i < 2; i++) {
		struct gate g = gate_make();
		pid_t pid = prog_fork(crowd, &g);

		gate_await(g);
		kill(pid, SIGKILL);
		CHECK_KILLED(pid, SIGKILL);
	}
}

/* A counter in memory that the child computes on. */
static volatile unsigned long *watched;

static __attribute__((noreturn)) void *count_up(void *arg)
{
	(void)arg;
	for (;;)
		__atomic_add_fetch(watched, 1, __ATOMIC_RELAXED);
}

static void counting_crowd(void *arg)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&thread, NULL, count_up, NULL) == 0);
	crowd(arg);
}

static void stopped(void)
{
	struct gate g = gate_make();
	pid_t pid;
	int status;

	watched = prog_shared(PAGE);
	pid = prog_fork(counting_crowd, &g);
	gate_await(g);
	for (int i = 0; i < 5; i++) {
		unsigned long before;

		kill(pid, SIGSTOP);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
		before = *watched;
		nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
		CHECK(*watched == before);
		kill(pid, SIGCONT);
		CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
		while (*watched == before)
			sched_yield();
	}
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	kill(pid, SIGKILL);
	CHECK_KILLED(pid, SIGKILL);
}

static void *die(void *arg)
{
	switch ((long)arg) {
	case SIGSEGV:
		*(volatile int *)(uintptr_t)(getpid() & 8) = 1;
		break;
	case SIGILL:
		__asm__ volatile("ud2");
		break;
	case SIGABRT:
		abort();
	default:
		raise((int)(long)arg);
	}
	return arg;
}

static void crash_in_thread(void *arg)
{
	pthread_t thread;

	gather(ROLES);
	NEED(pthread_create(&thread, NULL, die, arg) == 0);
	for (;;)
		pause();
}

static void crashes(void)
{
	static const int all[] = { SIGSEGV, SIGILL, SIGABRT, SIGTERM, SIGKILL, SIGUSR1 };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		CHECK_KILLED(prog_fork(crash_in_thread, (void *)(long)all[i]), all[i]);
}

/* Two fatal faults at once: death by one of them. */
static void *die_at_once(void *arg)
{
	pthread_barrier_wait(&at_once);
	return die(arg);
}

static void crash_twice(void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_barrier_init(&at_once, NULL, 2);
	NEED(pthread_create(&thread, NULL, die_at_once, (void *)(long)SIGILL) == 0);
	die_at_once((void *)(long)SIGSEGV);
	for (;;)
		pause();
}

static void crashes_at_once(void)
{
	for (int i = 0; i < 10; i++) {
		int status = prog_wait(prog_fork(crash_twice, NULL));

		CHECK(WIFSIGNALED(status));
		CHECK((status & 0x7f) == SIGSEGV || (status & 0x7f) == SIGILL);
	}
}

static char self[256];

static void *execute(void *arg)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	CHECK_FAILS(execl("/nowhere/to/be/found", "x", NULL), ENOENT);
	CHECK_FAILS(execl("/etc/passwd", "x", NULL), EACCES);
	CHECK_FAILS(execl("/dev/null", "x", NULL), EACCES);
	/* All others are still there. */
	await_progress();
	execl(self, "company", "executed", pid, arg, NULL);
	NEED(false);
	return arg;
}

static void exec_child(void *arg)
{
	pthread_t thread;

	gather(ROLES);
	if (!arg)
		execute("leader");
	NEED(pthread_create(&thread, NULL, execute, arg) == 0);
	for (;;)
		pause();
}

/* company executed PID WHO */
static void executed(char **argv)
{
	char line[256] = "";
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(getpid() == atoi(argv[2]) && gettid() == getpid());
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "Threads:", 8) != 0)
		;
	CHECK(atoi(line + 8) == 1);
	say("executed by the %s", argv[3]);
	prog_exit();
}

static void execs(void)
{
	NEED(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (int i = 0; i < 6; i++)
		CHECK_EXIT(prog_fork(exec_child, i % 2 ? "thread" : NULL), 0);
}

/* Two threads execute at once: one wins. */
static void *execute_at_once(void *arg)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	pthread_barrier_wait(&at_once);
	execl(self, "company", "executed", pid, "one", NULL);
	return arg;
}

static void exec_twice(void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_barrier_init(&at_once, NULL, 2);
	NEED(pthread_create(&thread, NULL, execute_at_once, NULL) == 0);
	execute_at_once(NULL);
	for (;;)
		pause();
}

static void execs_at_once(void)
{
	NEED(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (int i = 0; i < 10; i++)
		CHECK_EXIT(prog_fork(exec_twice, NULL), 0);
}

#define FORKERS 4
#define FORKS 6

static void only_one(void *arg)
{
	char line[256] = "";
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f) && strncmp(line, "Threads:", 8) != 0)
		;
	CHECK(atoi(line + 8) == 1);
	CHECK(prog_filled(arg, 8 * PAGE, ((unsigned char *)arg)[0]));
}

static void *fork_often(void *arg)
{
	static char *const argv[] = { "true", NULL };
	unsigned char *mine = prog_map(8 * PAGE);
	pid_t pid;

	for (int i = 0; i < FORKS; i++) {
		memset(mine, i + 1, 8 * PAGE);
		pid = prog_fork(only_one, mine);
		memset(mine, 100, 8 * PAGE);
		CHECK_EXIT(pid, 0);
		pid = vfork();
		if (pid == 0)
			_exit(i);
		CHECK_EXIT(pid, i);
		CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL) == 0);
		CHECK_EXIT(pid, 0);
	}
	return arg;
}

/*
 * One thread writes the same number to page after page, upwards. In a child that
 * another one makes meanwhile none of the later pages is newer than one before:
 * what its locks and lists look like at a fork is what a program can rely on.
 */
#define ROW 1200 /* a fork copies some hundred pages at a time */

static void *fill_row(void *arg)
{
	for (unsigned int n = 1; !row_stop; n++)
		for (int i = 0; i < ROW; i++)
			*(volatile unsigned int *)((char *)arg + i * PAGE) = n;
	return NULL;
}

static void in_order(void *arg)
{
	for (int i = 1; i < ROW; i++) {
		unsigned int before = *(unsigned int *)((char *)arg + (i - 1) * PAGE);
		unsigned int n = *(unsigned int *)((char *)arg + i * PAGE);

		CHECK(before == n || before == n + 1);
	}
}

static void snapshots(void)
{
	char *row = prog_map(ROW * PAGE);
	pthread_t thread;

	NEED(madvise(row, ROW * PAGE, MADV_NOHUGEPAGE) == 0);
	NEED(pthread_create(&thread, NULL, fill_row, row) == 0);
	while (!*(volatile unsigned int *)(row + (ROW - 1) * PAGE))
		sched_yield();
	for (int i = 0; i < 40; i++)
		CHECK_EXIT(prog_fork(in_order, row), 0);
	row_stop = true;
	pthread_join(thread, NULL);
}

static void forks(void)
{
	pthread_t thread[FORKERS];

	gather(ROLES);
	for (int i = 0; i < FORKERS; i++)
		NEED(pthread_create(&thread[i], NULL, fork_often, NULL) == 0);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(thread[i], NULL);
	/* The siblings have not noticed. */
	await_progress();
}

/* ---- company chaos SEED: all of it at once, for ever, to be killed ---- */

static void *nap(void *arg)
{
	usleep(100);
	return arg;
}

static __attribute__((noreturn)) void *come_and_go(void *arg)
{
	pthread_t thread[3];

	for (;;) {
		for (int i = 0; i < 3; i++)
			if (pthread_create(&thread[i], NULL, nap, arg))
				thread[i] = 0;
		for (int i = 0; i < 3; i++)
			if (thread[i])
				pthread_join(thread[i], NULL);
	}
}

static __attribute__((noreturn)) void *fork_for_ever(void *arg)
{
	for (;;)
		fork_often(arg);
}

/* With the pid kept, from a thread that is not the first. */
static void *chaos_again(void *arg)
{
	unsigned int seed = atoi(arg);
	char next[16];

	usleep(rand_r(&seed) % 300000);
	snprintf(next, sizeof(next), "%u", seed % 1000000);
	execl("/proc/self/exe", "company", "chaos", next, "again", NULL);
	return NULL;
}

static void chaos(char *seed)
{
	sibling(chaos_again, seed);
	sibling(fork_for_ever, NULL);
	sibling(come_and_go, NULL);
	gather(ROLES);
	for (;;)
		pause();
}

static const struct prog_case cases[] = {
	{ "exit_groups", exit_groups },
	{ "exit_at_once", exit_at_once },
	{ "leader_first", leader_first },
	{ "killed", killed },
	{ "stopped", stopped },
	{ "crashes", crashes },
	{ "crashes_at_once", crashes_at_once },
	{ "execs", execs },
	{ "execs_at_once", execs_at_once },
	{ "forks", forks },
	{ "snapshots", snapshots },
};

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "executed") == 0)
		executed(argv);
	if (argc >= 3 && strcmp(argv[1], "chaos") == 0) {
		if (argc == 3)
			say("ready");
		chaos(argv[2]);
	}
	return prog_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
