/* SPDX-License-Identifier: GPL-2.0-only */
/* clone and clone3: what threads and processes share, what they begin with, which forms fail. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bare.h"
#include "prog.h"

#define STACK (16 * PAGE)
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

/*
 * A child by bare clone: it may have its parent's thread pointer, so that it
 * must not use the C library.
 */
struct child {
	void (*body)(struct child *c);
	int parent_word; /* CLONE_PARENT_SETTID */
	int child_word; /* CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID */
	int seen_word; /* child_word as the child has found it */
	int tid, pid, ppid; /* what it found */
	volatile int go, done;
	int value;
};

static int child_main(void *arg)
{
	struct child *c = arg;

	c->seen_word = c->child_word;
	c->tid = bare_call(SYS_gettid);
	c->pid = bare_call(SYS_getpid);
	c->ppid = bare_call(SYS_getppid);
	while (!c->go)
		bare_call(SYS_sched_yield);
	if (c->body)
		c->body(c);
	c->done = 1;
	bare_call(SYS_exit, 7);
	return 0;
}

static void await_word(int *word, int not )
{
	int now;

	while ((now = __atomic_load_n(word, __ATOMIC_SEQ_CST)) == not )
		syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

static int start(struct child *c, int flags, void *stack)
{
	int tid;

	c->child_word = -1;
	tid = clone(child_main, (char *)stack + STACK, flags, c, &c->parent_word, NULL,
		    &c->child_word);
	NEED(tid > 0);
	return tid;
}

/* What each form of a child finds, and whose pid it has. */
static void forms(void)
{
	static const int all[] = {
		THREAD,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES | CLONE_SYSVSEM | CLONE_IO,
		CLONE_VM | SIGCHLD,
		CLONE_VM | CLONE_FILES | SIGCHLD,
		CLONE_VM | CLONE_SIGHAND | SIGCHLD,
		CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_UNTRACED | SIGCHLD,
	};
	void *stack = prog_map(STACK);

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (int set = 0; set < 2; set++) {
			struct child c = { 0 };
			int tid = start(&c,
					all[i] | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
						(set ? CLONE_CHILD_SETTID : 0),
					stack);

			CHECK(c.parent_word == tid);
			c.go = 1;
			await_word(&c.child_word, -1);
			await_word(&c.child_word, tid);
			CHECK(c.child_word == 0 && c.done);
			CHECK(c.tid == tid && c.parent_word == tid);
			CHECK(c.seen_word == (set ? tid : -1));
			CHECK(c.pid == (all[i] & CLONE_THREAD ? getpid() : tid));
			CHECK(c.ppid == (all[i] & CLONE_THREAD ? getppid() : getpid()));
			if (all[i] & CLONE_THREAD)
				CHECK_FAILS(waitpid(tid, NULL, __WALL), ECHILD);
			else
				CHECK_EXIT(tid, 7);
		}
	}
}

static void change(struct child *c)
{
	struct bare_sigaction act = { .handler = SIG_IGN };

	bare_call(SYS_chdir, "/proc");
	bare_call(SYS_rt_sigaction, SIGUSR2, &act, 0, sizeof(act.mask));
	bare_call(SYS_umask, 0123);
	c->value = bare_call(SYS_dup3, 1, 77, O_CLOEXEC);
}

/* Each of directory, descriptors and dispositions is shared if it was asked for, and only then. */
static void sharing(void)
{
	static const int all[] = {
		THREAD,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES,
		CLONE_VM | SIGCHLD,
		CLONE_VM | CLONE_FS | SIGCHLD,
		CLONE_VM | CLONE_FILES | SIGCHLD,
		CLONE_VM | CLONE_SIGHAND | SIGCHLD,
	};
	void *stack = prog_map(STACK);
	char cwd[64];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct child c = { .body = change, .go = 1 };
		struct sigaction act;
		int tid;

		NEED(chdir("/tmp") == 0);
		umask(022);
		close(77);
		signal(SIGUSR2, SIG_DFL);
		tid = start(&c, all[i] | CLONE_CHILD_CLEARTID, stack);
		await_word(&c.child_word, -1);
		CHECK(c.value == 77);
		NEED(getcwd(cwd, sizeof(cwd)));
		sigaction(SIGUSR2, NULL, &act);
		say("%zu: %s, umask %o, descriptor %d, %s", i, cwd, umask(022), fcntl(77, F_GETFD),
		    act.sa_handler == SIG_IGN ? "ignored" : "default");
		if (!(all[i] & CLONE_THREAD))
			CHECK_EXIT(tid, 7);
	}
}

static volatile int exit_signals, exit_code, exit_sender;

static void note_exit(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	exit_code = info->si_code;
	exit_sender = info->si_pid;
	exit_signals++;
}

/* Exit signals other than SIGCHLD, and none. */
static void exit_signals_of(void)
{
	const int all[] = { SIGUSR1, SIGRTMAX, SIGCHLD, 0 };
	struct sigaction act = { .sa_sigaction = note_exit, .sa_flags = SA_SIGINFO };
	void *stack = prog_map(STACK);
	sigset_t set, old;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct child c = { .go = 1 };
		int tid;

		exit_signals = 0;
		sigemptyset(&set);
		if (all[i]) {
			sigaction(all[i], &act, NULL);
			sigaddset(&set, all[i]);
		}
		sigprocmask(SIG_BLOCK, &set, &old);
		tid = start(&c, CLONE_VM | all[i], stack);
		while (all[i] && !exit_signals)
			sigsuspend(&old);
		if (all[i])
			CHECK(exit_code == CLD_EXITED && exit_sender == tid);
		sigprocmask(SIG_SETMASK, &old, NULL);
		if (all[i] != SIGCHLD)
			CHECK_FAILS(waitpid(tid, NULL, 0), ECHILD);
		int status = 0;
		CHECK(waitpid(tid, &status, all[i] == SIGCHLD ? 0 : __WCLONE) == tid);
		CHECK(status == 7 << 8);
	}
}

/* CLONE_PARENT: a sibling. */
static void middle(void *arg)
{
	struct child *c = arg;

	start(c, CLONE_PARENT | CLONE_VM, prog_map(STACK));
	while (!c->done)
		sched_yield();
}

static void siblings(void)
{
	struct child *c = prog_shared(sizeof(*c));
	pid_t pid;

	c->go = 1;
	pid = prog_fork(middle, c);
	CHECK_EXIT(pid, 0);
	CHECK(c->ppid == getpid());
	CHECK_EXIT(c->tid, 7);
}

static void pidfd(void)
{
	struct child c = { 0 };
	void *stack = prog_map(STACK);
	int tid = start(&c, CLONE_VM | CLONE_PIDFD | SIGCHLD, stack);
	struct pollfd fd = { .fd = c.parent_word, .events = POLLIN };
	siginfo_t info;

	CHECK(fcntl(fd.fd, F_GETFD) == FD_CLOEXEC);
	CHECK(poll(&fd, 1, 0) == 0);
	c.go = 1;
	CHECK(poll(&fd, 1, -1) == 1);
	CHECK(waitid(P_PIDFD, fd.fd, &info, WEXITED) == 0 && info.si_pid == tid);
	CHECK(info.si_status == 7);
}

/* What all kernels refuse. */
static void refusals(void)
{
	static const struct {
		unsigned long flags;
		int error;
	} wrong[] = {
		{ CLONE_THREAD | CLONE_VM, EINVAL },
		{ CLONE_THREAD | CLONE_SIGHAND, EINVAL },
		{ CLONE_SIGHAND | SIGCHLD, EINVAL },
		{ CLONE_FS | CLONE_NEWNS | SIGCHLD, EINVAL },
		{ CLONE_FS | CLONE_NEWUSER | SIGCHLD, EINVAL },
		{ THREAD | CLONE_NEWUSER, EINVAL },
		{ THREAD | CLONE_NEWPID, EINVAL },
		{ CLONE_PARENT_SETTID | CLONE_PIDFD | SIGCHLD, EINVAL },
		{ CLONE_DETACHED | CLONE_PIDFD | SIGCHLD, EINVAL },
		{ THREAD | CLONE_PIDFD, EINVAL },
		{ CLONE_VM | CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, EINVAL },
	};
	void *stack = prog_map(STACK);
	int word;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		long pid =
			syscall(SYS_clone, wrong[i].flags, (char *)stack + STACK, &word, &word, 0);

		if (pid == 0)
			_exit(0);
		CHECK(pid == -1 && errno == wrong[i].error);
		if (pid != -1)
			say("clone %zu", i);
	}
}

struct args3 {
	unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	unsigned long set_tid, set_tid_size, cgroup, beyond;
};

static void refusals3(void)
{
	unsigned long stack = (unsigned long)prog_map(STACK);
	const struct {
		struct args3 args;
		size_t size;
		int error;
	} wrong[] = {
		{ { .flags = SIGCHLD }, 88, EINVAL },
		{ { .flags = CLONE_DETACHED }, 88, EINVAL },
		{ { .flags = THREAD, .exit_signal = SIGCHLD }, 88, EINVAL },
		{ { .flags = CLONE_PARENT, .exit_signal = SIGCHLD }, 88, EINVAL },
		{ { .exit_signal = 65 }, 88, EINVAL },
		{ { .exit_signal = 0x100000011 }, 88, EINVAL },
		{ { .stack = stack }, 88, EINVAL },
		{ { .stack_size = STACK }, 88, EINVAL },
		{ { .stack = stack, .stack_size = 1UL << 62 }, 88, EINVAL },
		{ { .flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM }, 88, EINVAL },
		{ { .flags = 1UL << 40 }, 88, EINVAL },
		{ { .set_tid_size = 1 }, 88, EINVAL },
		{ { .set_tid = stack }, 88, EINVAL },
		{ { .set_tid = stack, .set_tid_size = 33 }, 88, EINVAL },
		{ { .exit_signal = SIGCHLD }, 63, EINVAL },
		{ { .exit_signal = SIGCHLD }, 5000, E2BIG },
		{ { .exit_signal = SIGCHLD, .beyond = 1 }, sizeof(struct args3), E2BIG },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		long pid = syscall(SYS_clone3, &wrong[i].args, wrong[i].size);

		if (pid == 0)
			_exit(0);
		CHECK(pid == -1 && errno == wrong[i].error);
		if (pid != -1)
			say("clone3 %zu", i);
	}
	CHECK_FAILS(syscall(SYS_clone3, 8, 88), EFAULT);
}

/* clone3 makes what clone makes: a fork with a pidfd, SETTID and cleared dispositions. */
static void clone3_fork(void)
{
	int fd = -1, parent_word = -1, child_word = -1;
	struct args3 args = {
		.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
			 CLONE_CLEAR_SIGHAND,
		.pidfd = (unsigned long)&fd,
		.child_tid = (unsigned long)&child_word,
		.parent_tid = (unsigned long)&parent_word,
		.exit_signal = SIGCHLD,
	};
	struct sigaction act = { .sa_sigaction = note_exit, .sa_flags = SA_SIGINFO };
	pid_t pid;

	sigaction(SIGUSR1, &act, NULL);
	signal(SIGUSR2, SIG_IGN);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	NEED(pid >= 0);
	if (pid == 0) {
		sigaction(SIGUSR1, NULL, &act);
		CHECK(act.sa_handler == SIG_DFL);
		sigaction(SIGUSR2, NULL, &act);
		CHECK(act.sa_handler == SIG_IGN);
		CHECK(child_word == getpid());
		prog_exit();
	}
	CHECK(parent_word == pid && child_word == -1);
	CHECK(fd >= 0);
	CHECK_EXIT(pid, 0);
}

static void see_stack(struct child *c)
{
	stack_t stack;

	bare_call(SYS_sigaltstack, 0, &stack);
	c->value = stack.ss_flags;
}

/* The alternate stack of a child: none with CLONE_VM, but with CLONE_VFORK. */
static void altstacks(void)
{
	static const int all[] = { THREAD, CLONE_VM | SIGCHLD, CLONE_VM | CLONE_VFORK | SIGCHLD };
	stack_t alt = { .ss_sp = prog_map(STACK), .ss_size = STACK };
	void *stack = prog_map(STACK);

	CHECK(sigaltstack(&alt, NULL) == 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct child c = { .body = see_stack, .go = 1 };
		int tid = start(&c, all[i] | CLONE_CHILD_CLEARTID, stack);

		await_word(&c.child_word, -1);
		say("%zu: %s", i, c.value == SS_DISABLE ? "none" : c.value == 0 ? "one" : "other");
		if (!(all[i] & CLONE_THREAD))
			CHECK_EXIT(tid, 7);
	}
	CHECK(sigaltstack(NULL, &alt) == 0 && alt.ss_flags == 0 && alt.ss_size == STACK);
}

static void *tid_of_self(void *arg)
{
	*(int *)arg = gettid();
	return arg;
}

#define STORM 800
#define AT_ONCE 8

/* pthread_join waits for the word that PARENT_SETTID has set and the child's end clears. */
static void storm(void)
{
	pthread_t thread[AT_ONCE];
	int tid[AT_ONCE];
	int rounds = getenv("STORM") ? atoi(getenv("STORM")) : STORM;

	for (int n = 0; n < rounds; n += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			NEED(pthread_create(&thread[i], NULL, tid_of_self, &tid[i]) == 0);
		for (int i = 0; i < AT_ONCE; i++)
			NEED(pthread_join(thread[i], NULL) == 0 && tid[i] > 0);
	}
}

static volatile int detached;

static void *detach(void *arg)
{
	__atomic_add_fetch(&detached, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void detached_storm(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int n = 0; n < STORM / 4; n++) {
		NEED(pthread_create(&thread, &attr, detach, NULL) == 0);
		while (detached < n - 20)
			sched_yield();
	}
	while (detached < STORM / 4)
		sched_yield();
}

#define NAMED 5
static int named_tid[NAMED];
static pthread_barrier_t named_barrier;

static void *named_thread(void *arg)
{
	char name[16];
	int i = (int)(long)arg;

	named_tid[i] = gettid();
	snprintf(name, sizeof(name), "name-%d", i);
	CHECK(pthread_setname_np(pthread_self(), name) == 0);
	pthread_barrier_wait(&named_barrier);
	pthread_barrier_wait(&named_barrier);
	return arg;
}

static void named_start(pthread_t thread[NAMED])
{
	pthread_barrier_init(&named_barrier, NULL, NAMED + 1);
	for (long i = 0; i < NAMED; i++)
		NEED(pthread_create(&thread[i], NULL, named_thread, (void *)i) == 0);
	pthread_barrier_wait(&named_barrier);
}

/* /proc/self/task has all threads, with their names. */
static void names(void)
{
	pthread_t thread[NAMED];
	char path[64], comm[32];
	struct dirent *e;
	int entries = 0;
	DIR *dir;

	named_start(thread);
	dir = opendir("/proc/self/task");
	NEED(dir);
	while ((e = readdir(dir)))
		entries += e->d_name[0] != '.';
	closedir(dir);
	CHECK(entries == NAMED + 1);
	for (int i = 0; i < NAMED; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", named_tid[i]);
		f = fopen(path, "r");
		NEED(f && fgets(comm, sizeof(comm), f));
		fclose(f);
		comm[strcspn(comm, "\n")] = '\0';
		say("%d: %s", i, comm);
		CHECK(pthread_getname_np(thread[i], comm, sizeof(comm)) == 0);
		say("%d: %s", i, comm);
	}
	pthread_barrier_wait(&named_barrier);
	for (int i = 0; i < NAMED; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
}

static void quit(int signo)
{
	(void)signo;
	_exit(5);
}

/* births linger: for a look from outside. */
static void linger(void)
{
	pthread_t thread[NAMED];

	signal(SIGTERM, quit);
	named_start(thread);
	say("ready");
	for (;;)
		pause();
}

static const struct prog_case cases[] = {
	{ "forms", forms },
	{ "sharing", sharing },
	{ "exit_signals", exit_signals_of },
	{ "siblings", siblings },
	{ "pidfd", pidfd },
	{ "refusals", refusals },
	{ "refusals3", refusals3 },
	{ "clone3_fork", clone3_fork },
	{ "altstacks", altstacks },
	{ "names", names },
	{ "storm", storm },
	{ "detached_storm", detached_storm },
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "linger") == 0)
		linger();
	return prog_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
